#!/usr/bin/env node
/**
 * Launcher of the `countersign` command: plain JavaScript, so that an old Node can still say what it lacks.
 * Everything else is in main.ts, which Node 24 runs as it is.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';

const OLDEST_NODE = 24;

const major = Number.parseInt(process.versions.node, 10);
if (major >= OLDEST_NODE) {
  // `countersign partner list | head -1` closes our output early; that is no failure of ours.
  process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  // Half of what a short command takes is reading the program itself; Node keeps what it has made of it. Not where it would by itself,
  // which is a directory that everybody on the machine can write to.
  const { enableCompileCache } = await import('node:module');
  enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'countersign'));
  const { run } = await import('./main.ts');
  process.exitCode = await run(process.argv.slice(2), process);
} else {
  process.stderr.write(
    `countersign: needs Node ${OLDEST_NODE} or newer; run it as \`npx countersign\` in the project's directory, ` +
      `where npx finds the right one (this is Node ${process.versions.node})\n`,
  );
  process.exitCode = 2;
}
