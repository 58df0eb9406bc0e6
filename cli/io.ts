/**
 * What the command sees of the world: environment, streams, files. The process itself has this shape, and so have tests.
 * File errors become one-line failures here; the content of a file never becomes part of a message.
 */
import { createReadStream } from 'node:fs';
import { Failure, misuse } from './failure.ts';

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
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readBytes(io, path));
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw misuse(`${inputName(path)} is not UTF-8 text`);
  }
}

/** As `readInput`, for files that may be binary. */
export async function readBytes(io: Io, path: string): Promise<Buffer> {
  if (path === '-') return collect(io.stdin, 'standard input');
  try {
    return await collect(createReadStream(path), path);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw misuse(`cannot read ${path}: ${errorCode(error)}`);
  }
}

/** Above the export of any realm; a device that never ends is no input. */
const MAX_INPUT_BYTES = 32 * 1024 * 1024;

async function collect(source: AsyncIterable<string | Uint8Array>, name: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    const next = Buffer.from(chunk);
    bytes += next.length;
    if (bytes > MAX_INPUT_BYTES) throw misuse(`${name} has more than ${MAX_INPUT_BYTES} bytes`);
    chunks.push(next);
  }
  return Buffer.concat(chunks);
}

/** What a message calls the source that `readInput` read. */
export const inputName = (path: string): string => (path === '-' ? 'standard input' : path);

/** The system's name of an error (`ENOENT`), for messages that must not repeat more than that. */
export function errorCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : 'unknown error';
}
