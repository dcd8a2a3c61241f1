import { expect, test } from 'vitest';
import { errorTable } from '../../src/errors.ts';
import { describedApi } from '../../test/http/description.ts';
import { generate, type OpenApi } from '../generate.ts';

test('the types are those of the API as it is (else: npx vitest run sdk -u)', async () => {
  const errors = Object.fromEntries(Object.entries(errorTable).map(([code, { message }]) => [code, message]));
  const description = (await describedApi()) as unknown as OpenApi;
  await expect(generate(description, errors)).toMatchFileSnapshot('./generated.ts');
});
