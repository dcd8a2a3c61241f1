/** The examples of the README are run as they stand. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openTown, type Town, until } from '../../test/journeys/town.ts';
import { Tolem } from './index.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
let town: Town;
let examples: string[];
beforeAll(async () => {
  const readme = await readFile(join(here, '../README.md'), 'utf8');
  examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code as string);
  town = await openTown();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await town.close();
});

const printed: unknown[][][] = [];
Object.assign(globalThis, { printed });

/** Runs an example. @returns what it prints, and what it exports */
async function run(number: number): Promise<{ lines: unknown[][]; module: Record<string, unknown> }> {
  const lines: unknown[][] = (printed[number] = []);
  const folder = join(here, '../../test/output');
  const file = join(folder, `readme-${number}-${process.pid}.mjs`);
  await mkdir(folder, { recursive: true });
  const console = `const console = { log: (...words) => globalThis.printed[${number}].push(words) };\n`;
  await writeFile(file, console + (examples[number] as string).replaceAll("'@tolem/sdk'", JSON.stringify(join(here, 'index.ts'))));
  try {
    return { module: (await import(/* @vite-ignore */ file)) as Record<string, unknown>, lines };
  } finally {
    await rm(file);
  }
}

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

test('the five examples do what they say', async () => {
  expect(examples).toHaveLength(5);
  const m = await town.th.merchant();
  const tolem = new Tolem({ apiKey: m.apiKey, baseUrl: town.url });
  const port = await freePort();
  const { secret = '' } = await tolem.webhookEndpoints.create({ url: `http://127.0.0.1:${port}/` });
  const env = { TOLEM_API_KEY: m.apiKey, TOLEM_URL: town.url, WEBHOOK_SECRET: secret, WEBHOOK_TOKEN: m.webhookToken, PORT: String(port) };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);

  const listening = await run(1);
  expect((await run(0)).lines).toEqual([['new']]);
  await until(() => listening.lines.some(([, name]) => name === 'transaction.settled') || undefined, 'the webhook');
  expect(listening.lines.map(([, name]) => name)).toEqual(['card.saved', 'transaction.processing', 'transaction.settled']);
  expect((await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: '{}' })).status).toBe(400);
  const server = listening.module.server as Server;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));

  expect((await run(2)).lines.map(([name]) => name)).toEqual(['card.saved', 'card.saved', 'transaction.new', 'transaction.processing', 'transaction.settled']);
  expect((await run(3)).lines).toEqual([[404, 4, expect.stringContaining('not found'), [], expect.stringMatching(/^[0-9a-f-]{36}$/)]]);
  expect((await run(4)).lines).toEqual([
    ['KZT', 3499.5],
    [expect.any(String), 1500.5, expect.stringMatching(/^\d{12}$/)],
  ]);
}, 60_000);
