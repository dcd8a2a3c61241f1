/**
 * Writes src/generated.ts from the API's own description, which is made from the schemas that check every request and
 * answer. src/generated.test.ts fails while the file is not what this makes; `npx vitest run sdk -u` writes it anew.
 */

interface Schema {
  $ref?: string;
  type?: string;
  description?: string;
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean;
  default?: unknown;
}

interface Parameter {
  in: string;
  name: string;
  required?: boolean;
  description?: string;
  schema: Schema;
}

interface Operation {
  summary: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}

export interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

/** Names that would hide something else. */
const NAMES: Record<string, string> = { Error: 'ErrorBody', Event: 'FeedEvent' };

/** @param errors code → the words that its messages begin with */
export function generate({ paths, components }: OpenApi, errors: Record<number, string>): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  );
  operations.sort((a, b) => (a.name < b.name ? -1 : 1));
  const parts = [
    "/** Made from the API's description by sdk/generate.ts. Do not edit: change the schemas, then `npx vitest run sdk -u`. */",
    ...Object.entries(components.schemas).map(([name, schema]) => `${comment(schema.description)}${declared(NAMES[name] ?? name, typeOf(schema, ''))}`),
    `export interface Operations {\n${operations.map(operationOf).join('\n')}\n}`,
    `/** Operations that take an Idempotency-Key: asked again under the same one, they are not done again. */\nexport const keyed: ReadonlySet<string> = new Set<keyof Operations>([\n${operations
      .filter(({ operation }) => takesKey(operation))
      .map(({ name }) => `  ${quoted(name)},\n`)
      .join('')}]);`,
    `/** The code of an error, and the words that its message begins with. */\nexport const errorCodes = {\n${Object.entries(errors)
      .map(([code, words]) => `  ${code}: ${quoted(words)},\n`)
      .join('')}} as const;`,
  ];
  return `${parts.join('\n\n')}\n`;
}

const takesKey = ({ parameters = [] }: Operation): boolean => parameters.some(({ in: where, name }) => where === 'header' && name === 'idempotency-key');

function operationOf({ name, operation }: { name: string; operation: Operation }): string {
  const { summary, description, parameters = [], requestBody, responses } = operation;
  const body = requestBody?.content['application/json']?.schema;
  const answers = Object.entries(responses)
    .filter(([status]) => status.startsWith('2'))
    .map(([, { content }]) => content?.['application/json']?.schema);
  const members = [
    ...group('path', parameters, false),
    ...group('query', parameters, true),
    ...(body ? [`    body${requestBody.required === false ? '?' : ''}: ${typeOf(body, '    ')};`] : []),
    `    answer: ${[...new Set(answers.map((answer) => (answer ? typeOf(answer, '    ') : 'void')))].join(' | ')};`,
  ];
  return `${comment(`${summary}. ${description ?? ''}`.trim(), '  ')}  ${quoted(name)}: {\n${members.join('\n')}\n  };`;
}

function group(name: 'path' | 'query', parameters: Parameter[], optional: boolean): string[] {
  const own = parameters.filter((parameter) => parameter.in === name);
  if (own.length === 0) return [];
  const needed = own.some(({ required }) => required);
  return [
    `    ${name}${optional && !needed ? '?' : ''}: {\n${own.map((parameter) => member(parameter.name, { ...parameter.schema, description: parameter.description }, parameter.required ?? false, '      ')).join('')}    };`,
  ];
}

const declared = (name: string, type: string): string =>
  type.startsWith('{') && !type.includes('} | ') ? `export interface ${name} ${type}` : `export type ${name} = ${type};`;

function typeOf(schema: Schema, indent: string): string {
  if (schema.$ref) {
    const name = schema.$ref.slice('#/components/schemas/'.length);
    return NAMES[name] ?? name;
  }
  if (schema.anyOf) return [...new Set(schema.anyOf.map((one) => typeOf(one, indent)))].join(' | ');
  if (schema.enum) return schema.enum.map(quoted).join(' | ');
  if (schema.const !== undefined) return quoted(schema.const);
  switch (schema.type) {
    case 'object':
      return objectOf(schema, indent);
    case 'array':
      return arrayOf(schema.items ?? {}, indent);
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type;
    default:
      throw new Error(`no type for ${JSON.stringify(schema)}`);
  }
}

function arrayOf(items: Schema, indent: string): string {
  const item = typeOf(items, indent);
  return item.includes(' | ') && !item.startsWith('{') ? `(${item})[]` : `${item}[]`;
}

function objectOf({ properties = {}, required = [] }: Schema, indent: string): string {
  const members = Object.entries(properties);
  if (members.length === 0) return 'Record<string, unknown>';
  return `{\n${members.map(([name, schema]) => member(name, schema, required.includes(name), `${indent}  `)).join('')}${indent}}`;
}

function member(name: string, schema: Schema, required: boolean, indent: string): string {
  const description = schema.description ?? schema.anyOf?.find((one) => one.description)?.description;
  return `${comment(description, indent)}${indent}${/^[A-Za-z_]\w*$/.test(name) ? name : quoted(name)}${required ? '' : '?'}: ${typeOf(schema, indent)};\n`;
}

const comment = (text: string | undefined, indent = ''): string =>
  text ? `${indent}/** ${text.replaceAll('*/', '*\\/').replaceAll(/\s*\n\s*/g, ' ')} */\n` : '';

const quoted = (value: unknown): string =>
  typeof value === 'string' ? `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'` : JSON.stringify(value);
