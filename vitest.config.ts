import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take a minute or more by themselves. Begun last, one of them would be waited for alone. */
const LONG = ['e2e/docs.test', 'e2e/permissions.test', 'rotation/', 'microsoft/scenarios/', 'e2e/grant-states.test'];

const isLong = ({ moduleId }: TestSpecification): boolean => LONG.some((name) => moduleId.includes(`/test/${name}`));

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/assembly.ts'],
    maxWorkers: 2,
    // Of tests that run side by side in one file: each has a service of its own, with processes and memory.
    maxConcurrency: 3,
    sequence: { sequencer: LongFirst },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: { include: ['functions/**', 'local/**', 'cli/**', 'infra/**'], reporter: ['text-summary'] },
  },
});
