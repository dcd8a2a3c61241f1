/**
 * How Node runs a part of the platform. What a request leaves behind dies young: half of the usual room for it does as well, and
 * a heap that may grow to two and a half times of what lives in it, not four, leaves a busy worker a quarter smaller
 * without being slower. (`bin/tolem.mjs` says the same in its first line.)
 */
export const nodeFlags = ['--max-semi-space-size=8', '--heap-growing-percent=150'];
