import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../../src/config.ts';

/** A house's settings with an account that invoices are paid to, and the sandbox bank's door for money that comes in. */
export async function openSandboxBank(): Promise<{ config: Pick<Config, 'bank' | 'processorUrl'>; close(): void }> {
  const server = createServer((_, response) => response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"booked"}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const account = { name: 'Tolem Operator', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX' };
  return {
    config: {
      bank: { isSandbox: true, settleMs: 0, folder: '/nonexistent', account, batchSeconds: 60, cutOff: '16:00', version: '09' },
      processorUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    },
    close: () => server.close(),
  };
}
