import type { LookupFunction, Socket } from 'node:net';
import { buildConnector } from 'undici';
import { isPublicAddress, isPublicName } from './address.ts';
import { fromNameServers, fromSystem, literalIn, type Resolve } from './resolve.ts';

/** Where requests that a merchant asked for may go. */
export interface Egress {
  schemes: string[];
  /** undefined: any */
  ports?: number[];
  /** whether a host may go by this name at all, wherever it leads */
  isAllowedName(hostname: string): boolean;
  isAllowedAddress(address: string): boolean;
  resolve: Resolve;
}

/** The internet, over TLS. */
export const publicEgress = (): Egress => ({
  schemes: ['https:'],
  ports: [443, 8443],
  isAllowedName: isPublicName,
  isAllowedAddress: isPublicAddress,
  resolve: fromNameServers(),
});
/** Anywhere, the machine itself included: for tests and development. */
export const privateEgress = (): Egress => ({ schemes: ['https:', 'http:'], isAllowedName: () => true, isAllowedAddress: () => true, resolve: fromSystem });

/** What a merchant is told when a URL may not be called. */
export class Blocked extends Error {}

/**
 * What the text of a URL allows to be judged.
 * @throws {Blocked} with words for the merchant
 */
export function readUrl(text: string, { schemes, ports, isAllowedName, isAllowedAddress }: Egress): URL {
  if (text.length > 2048) throw new Blocked('longer than 2048 characters');
  if (!URL.canParse(text)) throw new Blocked('not a URL such as https://example.com/webhooks');
  const url = new URL(text);
  if (!schemes.includes(url.protocol)) throw new Blocked(`must begin with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`);
  if (url.username || url.password) throw new Blocked('must not have a user name or password in it');
  const port = portOf(url);
  if (ports && !ports.includes(port)) throw new Blocked(`port ${port} is not among those allowed (${ports.join(', ')})`);
  const literal = literalIn(url.hostname);
  if (literal !== undefined && !isAllowedAddress(literal)) throw new Blocked(notPublic(literal));
  if (literal === undefined && !isAllowedName(url.hostname)) throw new Blocked(`${url.hostname} is not a name of the public internet`);
  return url;
}

export const portOf = (url: { protocol: string; port: string }): number => Number(url.port || (url.protocol === 'https:' ? 443 : 80));

const notPublic = (address: string, hostname?: string): string =>
  hostname ? `${hostname} leads to ${address}, which is not a public address` : `${address} is not a public address`;

/** @throws {Blocked} when any of the addresses is not to be called: a name with two faces has none that is trusted */
async function vettedAddresses(hostname: string, { resolve, isAllowedAddress }: Egress): Promise<string[]> {
  const addresses = await resolve(hostname);
  const wrong = addresses.find((address) => !isAllowedAddress(address));
  if (wrong !== undefined) throw new Blocked(notPublic(wrong, hostname));
  return addresses;
}

/**
 * Makes connections to vetted addresses alone. Judged are an address in the URL, which is never looked up; all addresses of
 * a name, of which one is then connected without asking again; and what the socket says it is connected to.
 */
export function vettedConnector(egress: Egress, options: { connectMs: number; ca?: string | Buffer }): buildConnector.connector {
  const tcp = buildConnector({ timeout: options.connectMs, lookup: vettedLookup(egress) } as buildConnector.BuildOptions);
  const tls = buildConnector({ timeout: options.connectMs, ...(options.ca ? { ca: options.ca } : {}) } as buildConnector.BuildOptions);
  return (to, done) => {
    const literal = literalIn(to.hostname);
    if (literal !== undefined && !egress.isAllowedAddress(literal)) return done(new Blocked(notPublic(literal)), null);
    tcp({ ...to, protocol: 'http:', port: String(portOf(to)) }, (error, socket) => {
      if (error) return done(error, null);
      const peer = (socket as Socket).remoteAddress;
      if (!peer || !egress.isAllowedAddress(peer)) {
        (socket as Socket).destroy();
        return done(new Blocked(notPublic(peer ?? 'nothing')), null);
      }
      if (to.protocol !== 'https:') return done(null, socket as Socket);
      tls({ ...to, httpSocket: socket as Socket }, done);
    });
  };
}

function vettedLookup(egress: Egress): LookupFunction {
  return (hostname, { all }, done) => {
    vettedAddresses(hostname, egress).then(
      (addresses) => {
        const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
        const [first] = found;
        if (!first) done(new Error(`${hostname} has no address`), '', 4);
        else if (all) done(null, found);
        else done(null, first.address, first.family);
      },
      (error: Error) => done(error, '', 4),
    );
  };
}

/**
 * Whether a URL could be called: for the form in which a merchant enters it. A name that does not resolve may do so later;
 * connections are judged again, each by itself.
 * @returns what is wrong with it
 */
export async function faultOf(text: string, egress: Egress, waitMs: number): Promise<string | undefined> {
  try {
    const { hostname } = readUrl(text, egress);
    if (literalIn(hostname) !== undefined) return undefined;
    await Promise.race([vettedAddresses(hostname, egress), new Promise((resolve) => setTimeout(resolve, waitMs).unref())]);
    return undefined;
  } catch (error) {
    return error instanceof Blocked ? error.message : undefined;
  }
}
