import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/assembly.ts'],
    maxWorkers: 2,
    // Of tests that run side by side in one file: each has a service of its own, with processes and memory.
    maxConcurrency: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: { include: ['functions/**', 'local/**', 'cli/**', 'infra/**'], reporter: ['text-summary'] },
  },
});
