/**
 * Asking before something is done that cannot be undone. Without a terminal nobody can answer, so scripts must say yes beforehand.
 */
import { misuse, refused } from './failure.ts';
import type { Io } from './io.ts';
import { printable } from './output.ts';

/**
 * Returns when the answer is yes.
 * @param question one line that names what will happen.
 * @throws Failure: 2 when there is nobody to ask and `--yes` was not given, 1 when the answer is no.
 */
export async function confirm(io: Io, question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (io.stdin.isTTY !== true) throw misuse(`${printable(question)} Nobody is there to answer: pass --yes`);
  io.stderr.write(`${printable(question)} [y/N] `);
  const answer = await readLine(io);
  if (!/^\s*y(es)?\s*$/i.test(answer)) throw refused('nothing was done');
}

async function readLine(io: Io): Promise<string> {
  let text = '';
  for await (const chunk of io.stdin) {
    text += Buffer.from(chunk).toString('utf8');
    if (text.includes('\n')) break;
  }
  return text.split('\n')[0] ?? '';
}
