#!/usr/bin/env node
/**
 * Launcher of the `countersign` command: plain JavaScript, so that an old Node can still say what it lacks.
 * Everything else is in main.ts, which Node 24 runs as it is.
 */
const OLDEST_NODE = 24;

const major = Number.parseInt(process.versions.node, 10);
if (major >= OLDEST_NODE) {
  // `countersign partner list | head -1` closes our output early; that is no failure of ours.
  process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const { run } = await import('./main.ts');
  process.exitCode = await run(process.argv.slice(2), process);
} else {
  process.stderr.write(
    `countersign: needs Node ${OLDEST_NODE} or newer; run it as \`npx countersign\` in the project's directory, ` +
      `where npx finds the right one (this is Node ${process.versions.node})\n`,
  );
  process.exitCode = 2;
}
