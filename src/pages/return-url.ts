import { unprocessable } from '../errors.ts';

/** One possible meaning for every browser: no user, no backslash, nothing but ASCII, a host of plain letters and dots. */
const SAFE = /^https?:\/\/[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?(?:[/?#][\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e%&=]*)?$/;

/**
 * Where a page sends its visitor afterwards, exactly as it was given.
 * @throws {ApiError} 422 unless it is https, or http on localhost for trying things out
 */
export function returnUrl(text: string | null | undefined, field: string): string | null {
  if (text === null || text === undefined) return null;
  const url = text.length <= 2048 && SAFE.test(text) ? parse(text) : undefined;
  const local = url?.protocol === 'http:' && url.hostname === 'localhost';
  if (!url || !(url.protocol === 'https:' || local)) {
    const message = 'is not an address such as https://shop.example/done (https, or http://localhost; no user or password; escaped where needed)';
    throw unprocessable(`${field} ${message}`, [{ field, message }]);
  }
  return text;
}

/** The origin that a page's form may lead to, for its Content-Security-Policy. Only for an address that `returnUrl` let through. */
export const originOf = (url: string): string => new URL(url).origin;

function parse(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
