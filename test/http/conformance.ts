/**
 * Whether what comes from the platform is what its description says. Every answer of a test goes through here: an answer
 * that the description does not have, or has otherwise, fails the test that caused it.
 */
import Schema from 'typebox/schema';
import type { TestHouse } from '../harness/house.ts';
import { type Description, describedApi, type Operation } from './description.ts';

export interface Seen {
  method: string;
  /** with or without an origin */
  url: string;
  status: number;
  contentType: string;
  text: string;
}

interface Check {
  Check(value: unknown): boolean;
  Errors(value: unknown): [boolean, { instancePath: string; message: string }[]];
}

export class Conformance {
  /** "POST /v1/payout 201", for each that was seen */
  readonly reached = new Set<string>();
  private readonly checks = new Map<string, Check>();
  private readonly operations: { name: string; method: string; pattern: RegExp; operation: Operation }[];
  private readonly description: Description;

  private constructor(description: Description) {
    this.description = description;
    this.operations = Object.entries(description.paths)
      .sort(([a], [b]) => Number(a.includes('{')) - Number(b.includes('{'))) // plain names go before parameters, as in the router
      .flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => ({
          name: `${method.toUpperCase()} ${path}`,
          method: method.toUpperCase(),
          pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}/?$`),
          operation,
        })),
      );
  }

  static async open(): Promise<Conformance> {
    return new Conformance(await describedApi());
  }

  /** Every operation × status that the description has. */
  documented(): string[] {
    return this.operations.flatMap(({ name, operation }) => Object.keys(operation.responses).map((status) => `${name} ${status}`));
  }

  /** Looks at what a house answers to `inject`, from now on. */
  watch({ app }: Pick<TestHouse, 'app'>): void {
    const inject = app.inject.bind(app) as (asked: {
      method: string;
      url: string;
    }) => Promise<{ statusCode: number; headers: Record<string, unknown>; body: string }>;
    app.inject = (async (asked: { method: string; url: string }) => {
      const answer = await inject(asked);
      this.look({
        method: asked.method,
        url: asked.url,
        status: answer.statusCode,
        contentType: String(answer.headers['content-type'] ?? ''),
        text: answer.body,
      });
      return answer;
    }) as never;
  }

  /** A fetch that looks at what it gets. */
  fetch: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const text = await response.clone().text();
    this.look({ method: init?.method ?? 'GET', url: String(input), status: response.status, contentType: response.headers.get('content-type') ?? '', text });
    return response;
  };

  /** @throws when the answer is not as described */
  look({ method, url, status, contentType, text }: Seen): void {
    const { pathname } = new URL(url.replaceAll(/(?<!:)\/{2,}/g, '/'), 'http://localhost');
    if (!pathname.startsWith('/v1')) return; // pages and callbacks speak otherwise
    const operation = this.operations.find((one) => one.method === method && one.pattern.test(pathname));
    const what = `${method} ${pathname} answered ${status} ${text.slice(0, 300)}`;
    if (status === 204 && operation?.operation.responses[204]) {
      if (text !== '') throw new Error(`${what}: not empty`);
      this.reached.add(`${operation.name} 204`);
      return;
    }
    if (!contentType.startsWith('application/json; charset=utf-8')) throw new Error(`${what}: not JSON (${contentType})`);
    if (!operation) return this.mustFit('Error', { $ref: '#/components/schemas/Error' }, text, what);
    const described = operation.operation.responses[status]?.content?.['application/json']?.schema;
    if (!described) throw new Error(`${what}: ${operation.name} has no ${status} in its description`);
    this.mustFit(`${operation.name} ${status}`, described, text, what);
    this.reached.add(`${operation.name} ${status}`);
  }

  /** @throws when a message is not as the description of webhooks says */
  lookAtMessage(text: string): void {
    const { name } = JSON.parse(text) as { name: string };
    if (name === 'webhook.test') return;
    const webhook = this.description.webhooks[name] ?? this.description.webhooks[name.split('.')[0] as string];
    if (!webhook) throw new Error(`${name} is not described`);
    this.mustFit(`message ${name}`, webhook.post.requestBody?.content['application/json']?.schema as object, text, `a message ${text}`);
  }

  private mustFit(name: string, schema: object, text: string, what: string): void {
    let check = this.checks.get(name);
    if (!check) this.checks.set(name, (check = Schema.Compile(closed({ ...schema, components: this.description.components })) as unknown as Check));
    const value: unknown = JSON.parse(text);
    if (check.Check(value)) return;
    const [, errors] = check.Errors(value);
    throw new Error(`${what}\ndoes not fit ${name}: ${errors.map(({ instancePath, message }) => `${instancePath} ${message}`).join('; ')}`);
  }
}

/** The same schema, but what it does not name must not be there: a field that is not described is a mistake too. */
function closed(schema: unknown): object {
  if (Array.isArray(schema)) return schema.map(closed);
  if (schema === null || typeof schema !== 'object') return schema as never;
  const members = Object.fromEntries(Object.entries(schema).map(([name, member]) => [name, closed(member)]));
  const { type, properties, additionalProperties } = schema as { type?: unknown; properties?: object; additionalProperties?: unknown };
  return type === 'object' && properties && additionalProperties === undefined ? { ...members, additionalProperties: false } : members;
}
