/** Global setup: synthesizes the CDK app once for all tests, as a deployment would, and tells them where it lies. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { synthesize } from '../../local/synth.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Directory of the cloud assembly with default settings. */
    assembly: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-test-'));
  await synthesizeApp(join(directory, 'cdk.out'));
  project.provide('assembly', join(directory, 'cdk.out'));
  return () => rm(directory, { recursive: true, force: true });
}

/** For tests that need other settings than the default ones. */
export const synthesizeApp = (output: string, context: Readonly<Record<string, string>> = {}): Promise<void> =>
  synthesize({
    project: dirname(dirname(import.meta.dirname)),
    output,
    context,
    environment: process.env,
    logFile: `${output}.log`,
  });
