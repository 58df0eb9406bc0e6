/**
 * Files for what is shown once: made for their owner alone, and before anything is asked for, so that nothing is lost for want of
 * a place.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { misuse } from './failure.ts';
import { errorCode } from './io.ts';

interface SecretFile {
  /** @throws Failure (2) when the disk does not take it. */
  write(text: string): Promise<void>;
  /** Nothing came: no empty file stays behind. */
  discard(): Promise<void>;
}

/** @throws Failure (2) when something is there, symbolic links included, or nothing can be made. */
async function reserveFile(path: string): Promise<SecretFile> {
  const file = await openNew(path);
  return {
    write: async (text) => {
      try {
        await file.writeFile(text);
        await file.close();
      } catch (error) {
        throw misuse(`cannot write ${path}: ${errorCode(error)}`);
      }
    },
    discard: async () => {
      await file.close();
      await rm(path, { force: true });
    },
  };
}

/**
 * Fills a reserved file with what `ask` brings, and leaves none behind when that fails.
 * @throws Failure of `ask`, or (2) for the file.
 */
export async function keepOnce<T>(path: string, ask: () => Promise<T>, textOf: (found: T) => string): Promise<T> {
  const file = await reserveFile(path);
  let found: T;
  try {
    found = await ask();
  } catch (error) {
    await file.discard();
    throw error;
  }
  await file.write(textOf(found));
  return found;
}

/**
 * Puts new content in the place of the old, all of it or nothing.
 * @throws Failure (2) when the disk does not take it.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.new`;
  await rm(next, { force: true });
  await (await reserveFile(next)).write(text);
  try {
    await rename(next, path);
  } catch (error) {
    throw misuse(`cannot replace ${path} by ${next}: ${errorCode(error)}`);
  }
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    const code = errorCode(error);
    throw misuse(
      code === 'EEXIST' ? `${path} is already there and is not overwritten` : `cannot write ${path}: ${code}`,
    );
  }
}
