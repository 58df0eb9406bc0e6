/**
 * `npm start`: the service on this machine. Reads the command line, serves until Ctrl-C, and turns a failed start into
 * one line on stderr and exit code 1.
 */

import { fileURLToPath } from 'node:url';

const NODE_MAJOR = 24;
const project = fileURLToPath(new URL('..', import.meta.url));

async function main(): Promise<void> {
  // Imported only now: an older Node could not even parse what follows.
  const { parseArguments } = await import('./command-line.ts');
  const { serve } = await import('./serve.ts');
  const { runDemo, ...args } = parseArguments(process.argv.slice(2));
  await serve({
    ...args,
    project,
    ...(runDemo ? { demo: (await import('./demo.ts')).runDemo } : {}),
    environment: process.env,
    print: (line) => process.stdout.write(`${line}\n`),
    signal: stopSignal(),
  });
}

/** Aborted by the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => (stop.signal.aborted ? process.exit(1) : stop.abort()));
  }
  return stop.signal;
}

function explain(error: unknown): string {
  if (error instanceof Error && error.name === 'StartError') return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR) {
  process.stderr.write(`Node ${NODE_MAJOR} is needed, this is ${process.version}; "npm start" brings the right one\n`);
  process.exitCode = 1;
} else {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = 1;
  }
}
