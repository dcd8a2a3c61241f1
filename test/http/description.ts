import { buildApp } from '../../src/app.ts';
import { systemClock, systemRandom } from '../../src/clock.ts';
import type { Db } from '../../src/db/db.ts';
import { createLog } from '../../src/log.ts';
import { openHouse } from '../../src/main.ts';
import type { Net } from '../../src/ports.ts';
import { ScriptedBank } from '../harness/bank.ts';
import { testConfig } from '../harness/house.ts';

export interface Description {
  openapi: string;
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  security: Record<string, string[]>[];
  paths: Record<string, Record<string, Operation>>;
  webhooks: Record<string, { post: Operation }>;
  components: { schemas: Record<string, object>; securitySchemes: Record<string, object> };
}

export interface Operation {
  summary?: string;
  description?: string;
  tags?: string[];
  security?: Record<string, string[]>[];
  parameters?: { in: string; name: string; required?: boolean; description?: string; schema: object }[];
  requestBody?: { required?: boolean; content: Record<string, { schema: object }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>;
}

let described: Promise<Description> | undefined;

/** The API's description, made without a database: nothing in it depends on one. */
export const describedApi = (): Promise<Description> => (described ??= describe());

async function describe(): Promise<Description> {
  const nothing = new Proxy({}, { get: (_target, name) => () => Promise.reject(new Error(`${String(name)} of nothing`)) });
  const [db, net] = [nothing as Db, nothing as Net];
  const config = testConfig();
  const house = openHouse(config, { clock: systemClock(), random: systemRandom(), net, webhookNet: net, db, vaultDb: db }, createLog(config.logLevel, 'test'), {
    connector: new ScriptedBank(),
  });
  const app = await buildApp(house);
  const description = app.swagger() as unknown as Description;
  await app.close();
  return description;
}

/** Every operation, with the scope that the description says a key needs for it. */
export async function operations(): Promise<{ method: string; path: string; operation: Operation; scope: string | undefined }[]> {
  const { paths } = await describedApi();
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation, scope: operation.security?.[0]?.key?.[0] })),
  );
}
