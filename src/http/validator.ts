import { IsOptional, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Value } from 'typebox/value';
import { type ApiError, type Detail, invalid } from '../errors.ts';

type Verdict = { value: unknown } | { error: ApiError };

/** Validation by the schemas that also make the types and the API's description. Only a query's numbers are converted. */
export function validator({ schema, httpPart }: { schema: TSchema; httpPart?: string }): (given: unknown) => Verdict {
  const compiled = Compile(schema);
  const mayBeMissing = IsOptional(schema);
  return (given) => {
    if (httpPart === 'body' && (given === null || given === undefined))
      return mayBeMissing ? { value: undefined } : { error: invalid('the body is empty; send a JSON object') }; // Fastify says null for nothing
    const fromText = httpPart === 'querystring' || httpPart === 'params';
    if (fromText && Object.values(given as object).some((text) => String(text).includes('\0'))) return { error: invalid('the URL has the character U+0000') };
    const value = httpPart === 'querystring' ? Value.Default(schema, withNumbers(schema, given as Record<string, unknown>)) : given;
    if (compiled.Check(value)) return { value };
    const details = detailsOf([...compiled.Errors(value)] as Fault[]).slice(0, MAX_DETAILS);
    return { error: invalid(`${WHERE[httpPart ?? ''] ?? ''}${details.map(({ field, message }) => `${field} ${message}`).join('; ')}`, details) };
  };
}

const MAX_DETAILS = 20;
const WHERE: Record<string, string> = { querystring: 'query: ', headers: 'headers: ' };

/** Whole numbers, where the schema asks for them and plain digits are there; what else is there is refused by the schema. */
function withNumbers(schema: TSchema, given: Record<string, unknown>): Record<string, unknown> {
  const { properties = {} } = schema as { properties?: Record<string, { type?: string }> };
  return Object.fromEntries(
    Object.entries(given).map(([name, text]) => [
      name,
      properties[name]?.type === 'integer' && typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : text,
    ]),
  );
}

interface Fault {
  keyword: string;
  instancePath: string;
  message: string;
  params: Record<string, unknown>;
}

/** One sentence for each field that is to blame. Of a choice that fits nowhere, it is said what would. */
function detailsOf(faults: Fault[]): Detail[] {
  const said = new Map<string, string>();
  const choices = new Map<string, unknown[]>();
  for (const { keyword, instancePath, message, params } of faults) {
    const path = instancePath.slice(1).replaceAll('/', '.');
    const say = (field: string, words: string) => said.has(field) || said.set(field, words);
    const inside = (name: string) => `${path}${path && '.'}${name.slice(0, 64)}`;
    if (keyword === 'required') for (const name of params.requiredProperties as string[]) say(inside(name), 'is required');
    else if (keyword === 'additionalProperties')
      for (const name of params.additionalProperties as string[]) say(inside(name), 'is not a field of this request');
    else if (keyword === 'const') choices.set(path, [...(choices.get(path) ?? []), params.allowedValue]);
    else if (keyword !== 'boolean' && keyword !== 'anyOf' && params.type !== 'null') say(path || 'body', wordsFor(keyword, params) ?? message); // null is always a choice among others
  }
  for (const [path, values] of choices) said.set(path, `must be ${values.map((value) => JSON.stringify(value)).join(' or ')}`);
  return said.size > 0 ? [...said].map(([field, message]) => ({ field, message })) : [{ field: 'body', message: 'is not as described' }];
}

const TYPES: Record<string, string> = {
  string: 'must be a string',
  number: 'must be a number',
  integer: 'must be a whole number',
  boolean: 'must be true or false',
  object: 'must be an object',
  array: 'must be an array',
};

/** Patterns of the schemas, in words. One that is not here is said as it is. */
const PATTERNS: Record<string, string> = {
  '^[A-Z]{3}$': 'must be an ISO 4217 code in capitals, such as KZT',
  '^[\\x21-\\x7e]+$': 'must be visible ASCII characters, without spaces',
};

function wordsFor(keyword: string, params: Record<string, unknown>): string | undefined {
  if (keyword === 'type') return TYPES[String(params.type)];
  if (keyword === 'pattern') return PATTERNS[String(params.pattern)];
  if (keyword === 'format' && params.format === 'date-time') return 'must be a moment such as 2025-12-08T13:48:09Z';
  if (keyword === 'exclusiveMinimum') return `must be more than ${String(params.limit)}`;
  if (keyword === 'minLength' && params.limit === 1) return 'must not be empty';
  return undefined;
}
