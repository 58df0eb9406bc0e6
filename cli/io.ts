/**
 * What the command sees of the world: environment, streams, files. The process itself has this shape, and so have tests.
 * File errors become one-line failures here; the content of a file never becomes part of a message.
 */
import { readFile } from 'node:fs/promises';
import { misuse } from './failure.ts';

interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Width of the terminal in characters. */
  readonly columns?: number;
}

export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<string | Uint8Array> & { readonly isTTY?: boolean };
  readonly stdout: Sink;
  readonly stderr: Sink;
}

/**
 * The text of a file, or of standard input where the path is `-`.
 * @throws Failure (2) when it cannot be read.
 */
export async function readInput(io: Io, path: string): Promise<string> {
  return (await readBytes(io, path)).toString('utf8');
}

/** As `readInput`, for files that may be binary. */
export async function readBytes(io: Io, path: string): Promise<Buffer> {
  if (path === '-') return readStdin(io);
  try {
    return await readFile(path);
  } catch (error) {
    throw misuse(`cannot read ${path}: ${errorCode(error)}`);
  }
}

/** What a message calls the source that `readInput` read. */
export const inputName = (path: string): string => (path === '-' ? 'standard input' : path);

/** The system's name of an error (`ENOENT`), for messages that must not repeat more than that. */
export function errorCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : 'unknown error';
}

async function readStdin(io: Io): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of io.stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
