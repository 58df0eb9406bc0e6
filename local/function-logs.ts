/** What functions write: one file per function, and on request the terminal. */

import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';

export class FunctionLogs {
  readonly directory: string;
  readonly #print: ((line: string) => void) | undefined;
  readonly #files = new Map<string, WriteStream>();
  #isClosed = false;

  /** `print` gets every line too, with the function's name before it. */
  constructor(directory: string, print?: (line: string) => void) {
    this.directory = directory;
    this.#print = print;
    mkdirSync(directory, { recursive: true });
  }

  /** Lines that come after the close, the last words of a stopped function, are dropped. */
  write(functionName: string, line: string): void {
    if (this.#isClosed) return;
    this.#file(functionName).write(`${line}\n`);
    this.#print?.(`[${functionName}] ${line}`);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const files = [...this.#files.values()];
    for (const file of files) file.end();
    await Promise.allSettled(files.map((file) => finished(file)));
  }

  #file(functionName: string): WriteStream {
    const known = this.#files.get(functionName);
    if (known !== undefined) return known;
    const file = createWriteStream(join(this.directory, `${functionName}.log`), { flags: 'a' });
    // A full disk is no reason to stop serving; the terminal still gets the lines.
    file.on('error', () => undefined);
    this.#files.set(functionName, file);
    return file;
  }
}
