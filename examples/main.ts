/** `npm run examples`: starts them, says where they are, and stops with Ctrl-C. */

import { once } from 'node:events';
import { type Examples, startExamples } from './start.ts';

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => stop.abort());

const serve = async (examples: Examples): Promise<void> => {
  print(`
export ORDERS=${examples.ordersUrl}
export BILLING=${examples.billingUrl}
export REPORTS=${examples.reportsUrl}
export KEY=${examples.ordersKeyFile}
export COUNTERSIGN_ENDPOINT=${examples.issuer}

Ctrl-C stops them. What to try with these: examples/README.md`);
  if (!stop.signal.aborted) await once(stop.signal, 'abort');
};

print('Synthesizing and starting the examples ...');
try {
  await using examples = await startExamples(stop.signal);
  await serve(examples);
} catch (error) {
  // Ctrl-C reaches every process of the terminal, so a start that it interrupts fails in any way.
  if (!stop.signal.aborted) throw error;
}
