/**
 * How Node runs a part of the platform. What a request leaves behind dies young: half of the usual room for it does as well,
 * and leaves the process smaller. (`bin/tolem.mjs` says the same in its first line.)
 */
export const nodeFlags = ['--max-semi-space-size=8'];
