import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.{ts,tsx}', 'sdk/**/*.test.ts', 'test/**/*.test.ts'],
    // The interleavings of two parties take minutes: INTERLEAVE=part or INTERLEAVE=full runs them (npm test says so).
    exclude: ['**/node_modules/**', 'dist/**', ...(process.env.INTERLEAVE ? [] : ['test/interleave/**'])],
    globalSetup: ['test/postgres.setup.ts'],
    // Files share a worker and its modules, which makes the run several times faster: a test that changes a module's state puts it back.
    pool: 'threads',
    isolate: false,
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
