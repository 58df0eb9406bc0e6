/**
 * Where a local run keeps its files: a temporary directory that goes with the run, or the user's data directory,
 * which one run at a time may use.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { StartError, systemCode } from './start-error.ts';

export interface RunDirectory {
  /** Assembly, logs and credentials of this run. */
  readonly path: string;
  /** Tables and keys; undefined when they live in memory. */
  readonly data: string | undefined;
  /** Removes what must not outlast the run. */
  close(): void;
}

/** @throws StartError when the data directory cannot be used, or another run uses it. */
export function openRunDirectory(dataDirectory: string | undefined): RunDirectory {
  if (dataDirectory === undefined) {
    const path = mkdtempSync(join(tmpdir(), 'countersign-'));
    return { path, data: undefined, close: () => rmSync(path, { recursive: true, force: true }) };
  }
  const root = resolve(dataDirectory);
  const path = join(root, 'run');
  const data = join(root, 'data');
  const lock = join(root, 'lock');
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    mkdirSync(data, { recursive: true, mode: 0o700 });
    takeLock(lock, root);
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`cannot use the data directory ${root}: ${error instanceof Error ? error.message : error}`);
  }
  return { path, data, close: () => rmSync(lock, { force: true }) };
}

/** A file with our process id, made by nobody else; one whose process is gone is left over from a crash. */
function takeLock(lock: string, root: string): void {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    const owner = Number(readFileSync(lock, 'utf8'));
    if (isRunning(owner)) throw new StartError(`the data directory ${root} is in use by process ${owner}`);
    rmSync(lock);
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}
