import { isIPv4, isIPv6 } from 'node:net';
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
  if (isIPv4(address)) return isPublic4(address);
  if (!isIPv6(address) || address.includes('%')) return false; // a zone names an interface of ours
  // In hexadecimal alone: written with dots, ::8.8.8.8 and ::ffff:8.8.8.8 are two addresses that readers take for one.
  const parsed = ipaddr.IPv6.parse(new URL(`http://[${address}]`).hostname.slice(1, -1));
  if (parsed.isIPv4MappedAddress()) return isPublic4(parsed.toIPv4Address().toString());
  // Only 2000::/3 is given out; the list knows what is taken from it, and not everything that lies outside.
  return parsed.range() === 'unicast' && (parsed.parts[0] as number) >> 13 === 1;
}

const isPublic4 = (address: string): boolean => ipaddr.IPv4.parse(address).range() === 'unicast' && !INSIDE_CLOUDS.has(address);

/** Ends of names that no public server has. @source RFC 6761, RFC 6762, RFC 8375, and ICANN's reservation of "internal" */
const INSIDE_NAMES = /(?:^|\.)(?:localhost|localdomain|local|internal|intranet|private|corp|home|lan|home\.arpa)$/;

/** Whether a name may belong to a server of the internet: it has a dot, and an end that is not kept for the inside. */
export function isPublicName(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '');
  return name.includes('.') && !INSIDE_NAMES.test(name);
}
