/**
 * The bytes: one LevelDB in a directory, or in memory. A `write` is one LevelDB batch, so it happens entirely or not at
 * all, also when the process dies in the middle of it.
 */
import db, { type Change, type KeyRange, type Level, type ValueIterator } from 'dynalite/db/index.js';

export type { Change, KeyRange, ValueIterator };

const FORMAT_KEY = 'format';
const FORMAT = 'countersign-dynamodb-1';

/** No key of ours contains a character behind this one. */
const LAST = '\u00ff';

/** Every key that begins with `prefix`. */
export function everything(prefix: string): KeyRange {
  return { gte: prefix, lt: prefix + LAST };
}

export class Storage {
  readonly #level: Level;

  private constructor(level: Level) {
    this.#level = level;
  }

  /** @throws Error one line, when the directory cannot be used or another process holds it. */
  static async open(directory?: string): Promise<Storage> {
    const level = db.create(directory === undefined ? {} : { path: directory }).db;
    try {
      await level.open();
      const storage = new Storage(level);
      await storage.#claim();
      return storage;
    } catch (error) {
      await level.close().catch(() => undefined);
      throw unusable(directory, error);
    }
  }

  get(key: string): unknown {
    return this.#level.getSync(key);
  }

  async write(changes: readonly Change[]): Promise<void> {
    if (changes.length > 0) await this.#level.batch(changes);
  }

  /** A consistent view of the range: later writes do not show in it. */
  iterate(range: KeyRange): ValueIterator {
    return this.#level.values(range);
  }

  async *values(prefix: string): AsyncGenerator<unknown> {
    const iterator = this.iterate(everything(prefix));
    try {
      for (let chunk = await iterator.nextv(100); chunk.length > 0; chunk = await iterator.nextv(100)) yield* chunk;
    } finally {
      await iterator.close();
    }
  }

  async clear(prefix: string): Promise<void> {
    await this.#level.clear(everything(prefix));
  }

  async close(): Promise<void> {
    await this.#level.close();
  }

  // A directory of another program, or of a later format of ours, must not be read as empty and then written into.
  async #claim(): Promise<void> {
    const found = this.get(FORMAT_KEY);
    if (found === undefined && (await this.#isEmpty())) {
      await this.write([{ type: 'put', key: FORMAT_KEY, value: { format: FORMAT } }]);
    } else if ((found as { format?: unknown } | undefined)?.format !== FORMAT) {
      throw new Error('it holds other data');
    }
  }

  async #isEmpty(): Promise<boolean> {
    const iterator = this.iterate({ limit: 1 });
    try {
      return (await iterator.nextv(1)).length === 0;
    } finally {
      await iterator.close();
    }
  }
}

/** The one line that whoever started the run gets to read. */
export function unusable(directory: string | undefined, error: unknown): Error {
  return new Error(`The DynamoDB data directory ${directory} cannot be used: ${reason(error)}`, { cause: error });
}

function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  const locked = 'code' in cause && cause.code === 'LEVEL_LOCKED';
  return locked ? 'another process is using it' : cause.message;
}
