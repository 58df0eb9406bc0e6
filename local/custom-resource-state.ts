/** What of the custom resources outlasts a run with a data directory: which there are, as what, and by which physical id. */

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Json } from './service.ts';
import { StartError, systemCode } from './start-error.ts';
import { firstProblem } from './template/document.ts';

const json: z.ZodType<Json> = z.json();

const entry = z.object({
  logicalId: z.string(),
  type: z.string(),
  serviceToken: z.string(),
  properties: z.record(z.string(), json),
  physicalId: z.string(),
  data: z.record(z.string(), z.string()),
  /** Of the template it came from: what the resource leaves behind when it goes, and when it is replaced. */
  deletionPolicy: z.string().optional(),
  updateReplacePolicy: z.string().optional(),
});

const document = z.object({
  /** Those that there are, in the order of their making. */
  resources: z.array(entry).default([]),
  /** Those that are to be deleted, in the order of their making. */
  obsolete: z.array(entry).default([]),
});

export type ResourceState = z.output<typeof entry>;
export type CustomResourceState = z.output<typeof document>;

/** @throws StartError when the file is not what `writeState` writes. */
export function readState(file: string | undefined): CustomResourceState {
  if (file === undefined) return { resources: [], obsolete: [] };
  try {
    const parsed = document.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    if (parsed.success) return parsed.data;
    throw new StartError(`${file} is damaged: ${firstProblem(parsed.error)}`);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { resources: [], obsolete: [] };
    if (error instanceof StartError) throw error;
    throw new StartError(`cannot read ${file}: ${error instanceof Error ? error.message : error}`);
  }
}

/** In one step, so that a crash leaves the old state or the new one. */
export function writeState(file: string | undefined, state: CustomResourceState): void {
  if (file === undefined) return;
  const draft = `${file}.draft`;
  writeFileSync(draft, JSON.stringify(state, undefined, 1), { mode: 0o600 });
  renameSync(draft, file);
}
