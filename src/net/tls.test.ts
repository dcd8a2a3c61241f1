import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import { afterAll, beforeAll, test } from 'vitest';
import { guardedNet, type GuardedNet, type GuardOptions } from '../net.ts';
import { type NetAnswer, NetError } from '../ports.ts';

/** A pair that was made for this test, for outside.test and 127.0.0.2; it vouches for itself. */
const KEY =
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYt5BCMo/PJ1NZoRsrFw+2X3NAdUkqvEO3ir5DHRIFGChRANCAAR56htNeg1TNXsO1R060M9Y412h0R62IIRktJdnuzFi7a7vKb9GilB8N1eSaZbO2EgUXsy/H3gtBesPJAkItQxX';
const CERTIFICATE =
  'MIIBpDCCAUqgAwIBAgIUf1rB+pXov9YVv+xRmk2eoiRhb9swCgYIKoZIzj0EAwIwFzEVMBMGA1UEAwwMb3V0c2lkZS50ZXN0MCAXDTI2MTEyMTExMDQ1MloYDzIxMjYxMDI4MTEwNDUyWjAXMRUwEwYDVQQDDAxvdXRzaWRlLnRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR56htNeg1TNXsO1R060M9Y412h0R62IIRktJdnuzFi7a7vKb9GilB8N1eSaZbO2EgUXsy/H3gtBesPJAkItQxXo3IwcDAdBgNVHQ4EFgQUXliaKiSGa24GDnHbUCkGoz1p39QwHwYDVR0jBBgwFoAUXliaKiSGa24GDnHbUCkGoz1p39QwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHREEFjAUggxvdXRzaWRlLnRlc3SHBH8AAAIwCgYIKoZIzj0EAwIDSAAwRQIgPvWXnL+w4xu5Nih3anhxRZPjkEi+bdPm/uytIZ66UzACIQCPWUrRVqFwJ0fe3JIWI5PFKRzs5ehdpMWpGEaNQcjiSg==';
const ca = `-----BEGIN CERTIFICATE-----\n${CERTIFICATE.match(/.{1,64}/g)?.join('\n')}\n-----END CERTIFICATE-----\n`;

let server: Server;
let port: number;
let requests = 0;
let connections = 0;
const nets: GuardedNet[] = [];

beforeAll(async () => {
  const key = createPrivateKey({ key: Buffer.from(KEY, 'base64'), format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' });
  server = createServer({ key, cert: ca }, (_request, response) => {
    requests++;
    response.end('hello');
  });
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve));
  port = (server.address() as { port: number }).port;
});
afterAll(async () => {
  for (const net of nets) await net.close();
  server.closeAllConnections();
  server.close();
});

function calling(options: Partial<GuardOptions> = {}): (host: string) => Promise<NetAnswer | NetError> {
  const net = guardedNet({
    allowPrivate: false,
    egress: { ports: [port], isAllowedAddress: (address) => address === '127.0.0.2', resolve: async () => ['127.0.0.2'] },
    ...options,
  });
  nets.push(net);
  return (host) =>
    net
      .request({ method: 'POST', url: `https://${host}:${port}/`, headers: {}, body: '{}', timeoutMs: 2_000, maxBytes: 100 })
      .catch((error: NetError) => error);
}

test('over TLS, by name and by address, on connections that are kept', async () => {
  const call = calling({ ca });
  for (const host of ['outside.test', '127.0.0.2', 'outside.test', 'outside.test', '127.0.0.2']) {
    const outcome = await call(host);
    assert.ok(!(outcome instanceof NetError), String(outcome));
    assert.equal(outcome.body.toString(), 'hello');
  }
  assert.ok(connections < 5, `${connections}`);
});

test('a certificate for another name: nothing is said', async () => {
  requests = 0;
  const outcome = await calling({ ca })('other.test');
  assert.ok(outcome instanceof NetError && !outcome.sent);
  assert.match(outcome.message, /ERR_TLS_CERT_ALTNAME_INVALID/);
  assert.equal(requests, 0);
});

test('a certificate that nobody vouches for: nothing is said', async () => {
  requests = 0;
  const outcome = await calling()('outside.test');
  assert.ok(outcome instanceof NetError && !outcome.sent);
  assert.match(outcome.message, /SELF_SIGNED/);
  assert.equal(requests, 0);
});
