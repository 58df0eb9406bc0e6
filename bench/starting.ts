/**
 * Size and start of each function: bytes of its bundle, and the time that importing it adds to an empty Node process.
 */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { FunctionSpec } from '../local/functions.ts';
import { number, spread, table } from './report.ts';
import {
  combine,
  compareInRounds,
  type Plan,
  type Sample,
  type Series,
  type Subject,
  seriesOf,
  summarize,
} from './rounds.ts';

const EMPTY = 'empty module';
const EMPTY_MODULE = 'data:text/javascript,';
const cached = (name: string): string => `${name}, compile cache`;

/** Imports a module, as the Lambda runtime does, and tells the milliseconds since the process began. */
const PROBE = 'import(process.argv[1]).then(() => process.stdout.write(String(performance.now())))';
const PROBE_WITHIN_MS = 30_000;

export interface StartingResults {
  readonly functions: readonly { readonly name: string; readonly bytes: number; readonly gzipBytes: number }[];
  /** Microseconds from the start of the process. */
  readonly series: ReadonlyMap<string, Series>;
}

export async function measureStarting(functions: readonly FunctionSpec[], plan: Plan): Promise<StartingResults> {
  const cache = await mkdtemp(join(tmpdir(), 'countersign-bench-'));
  try {
    const subjects = functions.flatMap((spec) => {
      const module = pathToFileURL(join(spec.directory, 'index.mjs')).href;
      const { environment } = spec;
      return [
        probe(displayName(spec), module, environment),
        probe(cached(displayName(spec)), module, { ...environment, NODE_COMPILE_CACHE: cache }),
      ];
    });
    const empty = [probe(EMPTY, EMPTY_MODULE, {}), probe(cached(EMPTY), EMPTY_MODULE, { NODE_COMPILE_CACHE: cache })];
    const sizes = await Promise.all(functions.map(measureSize));
    return { functions: sizes, series: await compareInRounds([...empty, ...subjects], plan) };
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

const run = promisify(execFile);

const probe = (name: string, module: string, environment: Readonly<Record<string, string>>): Subject => ({
  name,
  operations: 1,
  run: async (): Promise<Sample> => {
    const settings = { env: { ...environment }, timeout: PROBE_WITHIN_MS };
    const { stdout } = await run(process.execPath, ['-e', PROBE, module], settings);
    return { operations: 1, microseconds: Number(stdout) * 1_000 };
  },
});

async function measureSize(spec: FunctionSpec): Promise<StartingResults['functions'][number]> {
  const code = await readFile(join(spec.directory, 'index.mjs'));
  return { name: displayName(spec), bytes: code.length, gzipBytes: gzipSync(code, { level: 9 }).length };
}

/** `ServiceRotateKeysFunctionF48D981B` is RotateKeys. */
const displayName = ({ logicalId }: FunctionSpec): string =>
  /^Service(\w+?)Function[0-9A-F]{8}$/.exec(logicalId)?.[1] ?? logicalId;

export function reportStarting({ functions, series }: StartingResults): string {
  const added = (name: string, empty: string): string =>
    spread(summarize(combine(seriesOf(series, name), seriesOf(series, empty), (a, b) => (a - b) / 1_000)));
  const rows = functions.map(({ name, bytes, gzipBytes }) => [
    name,
    number(bytes / 1_000),
    number(gzipBytes / 1_000),
    added(name, EMPTY),
    added(cached(name), cached(EMPTY)),
  ]);
  const header = ['function', 'minified, kB', 'gzip, kB', 'import, ms', 'import with a compile cache, ms'];
  return table(header, rows);
}
