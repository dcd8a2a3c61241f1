import Type, { type Static } from 'typebox';
import { wrongFields } from '../errors.ts';
import { Nullable } from '../http/room.ts';
import { holdsCardNumber } from '../vault/card-number.ts';

const given = (description: string, maxLength: number, examples: string[]) =>
  Type.Optional(Nullable(Type.String({ minLength: 1, maxLength, description, examples })));
const known = (description: string) => Nullable(Type.String({ description }));
const when = (description: string) => Type.String({ format: 'date-time', description, examples: ['2025-12-08T13:48:09.127000Z'] });

export const customerFields = {
  externalUserId: given('Your own id of the customer: one that is known is found by it', 128, ['user-1042']),
  email: given('Where there is no externalUserId, the customer is found by it', 254, ['aigerim@example.kz']),
  phone: given('With the country code', 32, ['+77011234567']),
  firstName: given('As you know it', 100, ['Айгерім']),
  lastName: given('As you know it', 100, ['Серікова']),
};
export const SaveCustomer = Type.Object(customerFields, { $id: 'SaveCustomer', title: 'Customer to save', additionalProperties: false });

export const CustomerBody = Type.Object(
  {
    id: Type.String({ description: 'The customer', examples: ['019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb'] }),
    externalUserId: known('Your own id of the customer'),
    email: known('E-mail address'),
    phone: known('Telephone number'),
    firstName: known('First name'),
    lastName: known('Last name'),
    createdAt: when('When it was made'),
    updatedAt: when('When it last changed'),
  },
  { $id: 'Customer', title: 'Customer' },
);

export const SavedCardBody = Type.Object(
  {
    id: Type.String({ description: "The saved card: what a payout's tokenId is", examples: ['019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb'] }),
    customerId: Type.String({ description: 'Whose it is' }),
    brand: Type.String({ description: 'The network; unknown where the number does not tell', examples: ['visa', 'mastercard'] }),
    bin: Type.String({ description: 'The first six digits', examples: ['411111'] }),
    last4: Type.String({ description: 'The last four digits', examples: ['1111'] }),
    expiryMonth: Type.Integer({ minimum: 1, maximum: 12 }),
    expiryYear: Type.Integer({ examples: [2029] }),
    createdAt: when('When it was saved'),
  },
  { $id: 'SavedCard', title: 'Saved card' },
);

type Fields = Static<typeof SaveCustomer>;

/**
 * What the types cannot say of a customer: no card numbers in fields that anybody may read.
 * @param path where the fields stand in the request, e.g. "customer."
 * @throws {ApiError} 422
 */
export function checkCustomer(fields: Fields, path = ''): Fields {
  const details = Object.entries(fields).flatMap(([name, value]) =>
    value && holdsCardNumber(value) ? [{ field: path + name, message: 'holds a card number, which belongs into cardData alone' }] : [],
  );
  if (fields.email && !/^[^\s@]+@[^\s@]+$/.test(fields.email)) details.push({ field: `${path}email`, message: 'is not an e-mail address' });
  if (details.length > 0) throw wrongFields(details);
  return fields;
}
