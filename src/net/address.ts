import ipaddr from 'ipaddr.js';

/** Public by its number, yet answered inside a cloud: the host's own agent. @source the vendor's network documentation */
const INSIDE_CLOUDS = new Set(['168.63.129.16']);

/**
 * Whether an address belongs to the internet, so that a merchant may name it: no loopback, private, link-local, shared,
 * multicast, documentation or reserved range, and none that carries an IPv4 address inside (NAT64, 6to4, Teredo).
 *
 * @param address as a socket or a resolver writes it
 * @source the IANA special-purpose address registries (RFC 6890), as ipaddr.js has them
 */
export function isPublicAddress(address: string): boolean {
  const bare = address.split('%')[0] as string; // a zone names an interface of ours
  if (bare !== address || !ipaddr.isValid(bare)) return false;
  const parsed = ipaddr.process(bare); // ::ffff:a.b.c.d is judged as a.b.c.d
  if (parsed.range() !== 'unicast') return false;
  // Only 2000::/3 is given out; the list above knows what is taken from it, and not everything that lies outside.
  if (parsed.kind() === 'ipv6') return ((parsed as ipaddr.IPv6).parts[0] as number) >> 13 === 1;
  return !INSIDE_CLOUDS.has(parsed.toString());
}
