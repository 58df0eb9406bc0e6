/**
 * Secrets and tokens that come in files, with or without white space around them. No message ever repeats one.
 */
import { misuse } from './failure.ts';
import { type Io, inputName, readInput } from './io.ts';
import { holdsPrivatePem } from './key-material.ts';

const TOKEN = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/**
 * A signed JWT that somebody else has made.
 * @throws Failure (2) for anything else.
 */
export async function readToken(io: Io, path: string): Promise<string> {
  const text = (await readInput(io, path)).trim();
  if (!TOKEN.test(text)) throw misuse(`${inputName(path)} does not hold a signed JWT`);
  return text;
}

/**
 * A token that stands on the command line; `-` for standard input.
 * @throws Failure (2) where there is nobody who could pass one.
 */
export async function readTokenArgument(io: Io, argument: string): Promise<string> {
  if (argument === '-' && io.stdin.isTTY === true)
    throw misuse('no token: pass it as an argument or on standard input');
  return (argument === '-' ? await readInput(io, '-') : argument).trim();
}

/**
 * One line of printable ASCII (RFC 6749 appendices A.2 and A.12).
 * @param what it should be.
 * @throws Failure (2) for anything else.
 */
export async function readSecret(io: Io, path: string, what: string): Promise<string> {
  const text = (await readInput(io, path)).trim();
  if (holdsPrivatePem(text) || !/^[\x20-\x7e]+$/.test(text)) throw misuse(`${inputName(path)} does not hold ${what}`);
  return text;
}

/** @throws Failure (2) where more than one of the files is to come from standard input. */
export function requireOneInput(...paths: readonly (string | undefined)[]): void {
  if (paths.filter((path) => path === '-').length > 1) throw misuse('standard input can be read once');
}
