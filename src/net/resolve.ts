import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';

/** Finds the addresses of a host name. @throws when there are none, or nobody answers */
export type Resolve = (hostname: string) => Promise<string[]>;

/**
 * Asks the name servers themselves: no hosts file and no search domain, which only know names of the inside; and without the
 * few threads that the system's resolver shares with the file system, so that a slow name holds up nobody else.
 */
export function fromNameServers(): Resolve {
  const resolver = new Resolver({ timeout: 2_500, tries: 2 });
  return async (hostname) => {
    const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (found.length > 0) return found;
    throw (answers[0] as PromiseRejectedResult).reason as Error;
  };
}

/** As the operating system does it, so that names of the machine and of its network work too. */
export const fromSystem: Resolve = async (hostname) => (await lookup(hostname, { all: true, verbatim: true })).map(({ address }) => address);

/** The host of a URL as an address, if it is one: the URL parser has read every spelling (octal, hex, one number) already. */
export function literalIn(hostname: string): string | undefined {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return isIP(bare) ? bare : undefined;
}
