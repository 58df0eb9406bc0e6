/**
 * The store that dynalite's actions run against, standing in for dynalite's own. Reads go straight to the storage;
 * writes are only noted, for the caller to commit as one batch (or to forget). With that an action's item and index
 * changes are atomic, and a transaction is several workspaces and one commit.
 */
import { Stream } from 'node:stream';
import db from 'dynalite/db/index.js';
import type { JsonObject } from '../service.ts';
import { tableNotFound } from './errors.ts';
import { checkItem, MAX_ITEM_BYTES } from './item-limits.ts';
import type { Change, KeyRange, Storage } from './storage.ts';
import { everything } from './storage.ts';
import { indexPrefix, itemPrefix, type Table, type Tables } from './tables.ts';

type Done<Value> = (error: unknown, value?: Value) => void;

export interface WorkspaceOptions {
  readonly change?: 'put' | 'update';
  /** Where a Query or Scan continues. */
  readonly startKey?: JsonObject;
}

export class Workspace {
  /** Read by dynalite. */
  readonly options = { maxItemSize: MAX_ITEM_BYTES };
  readonly changes: Change[] = [];
  /** The item that the action found, for errors that carry it. */
  existing: JsonObject | undefined;
  /** The last item that the action would store. */
  stored: JsonObject | undefined;

  readonly #storage: Storage;
  readonly #tables: Tables;
  readonly #options: WorkspaceOptions;
  readonly #streams: ValueStream[] = [];
  #itemKey = '';
  #fail: (error: unknown) => void = () => undefined;

  constructor(storage: Storage, tables: Tables, options: WorkspaceOptions = {}) {
    this.#storage = storage;
    this.#tables = tables;
    this.#options = options;
  }

  /** `fail` hears of what goes wrong in callbacks, where a `throw` would end the process. */
  start(action: (done: Done<unknown>) => void, done: Done<unknown>): void {
    this.#fail = done;
    this.#guard(() => action(done));
    for (const stream of this.#streams.splice(0)) stream.pump().catch(done);
  }

  getTable(name: string, checkStatus: boolean | Done<Table>, done?: Done<Table>): void {
    const answer = typeof checkStatus === 'function' ? checkStatus : done;
    const table = this.#tables.find(name)?.description;
    if (table === undefined) answer?.(tableNotFound());
    else answer?.(null, table);
  }

  getItemDb(table: string): object {
    const prefix = itemPrefix(table);
    return {
      // Writers come one at a time through the turnstile already.
      lock: (_key: string, held: (release: <Callback>(callback: Callback) => Callback) => void) => held((done) => done),
      get: (key: string, done: Done<JsonObject>) => {
        this.existing = this.#storage.get(prefix + key) as JsonObject | undefined;
        this.#itemKey = key;
        this.#guard(() => done(null, this.existing));
      },
      put: (key: string, item: JsonObject, done: Done<void>) => {
        checkItem(item, this.#tables.require(table).description, this.#options.change ?? 'put');
        this.stored = item;
        this.#note({ type: 'put', key: prefix + key, value: item }, done);
      },
      del: (key: string, done: Done<void>) => this.#note({ type: 'del', key: prefix + key }, done),
      createValueStream: (range: KeyRange) => this.#stream(prefix, range),
    };
  }

  /** dynalite ends an index key with 24 bits of the item's key; the whole key follows here, so that no two can collide. */
  getIndexDb(_type: string, table: string, index: string): object {
    const prefix = indexPrefix(table, index);
    const owner = this.#itemKey;
    return {
      put: (key: string, item: JsonObject, done: Done<void>) =>
        this.#note({ type: 'put', key: prefix + key + owner, value: item }, done),
      del: (key: string, done: Done<void>) => this.#note({ type: 'del', key: prefix + key + owner }, done),
      createValueStream: (range: KeyRange) => this.#stream(prefix, this.#continued(range, table)),
    };
  }

  #note(change: Change, done: Done<void>): void {
    this.changes.push(change);
    done(null);
  }

  #continued(range: KeyRange, table: string): KeyRange {
    if (this.#options.startKey === undefined) return range;
    const owner = db.createKey(this.#options.startKey, this.#tables.require(table).description);
    return range.reverse === true ? { ...range, lt: `${range.lt}${owner}` } : { ...range, gt: `${range.gt}${owner}` };
  }

  #stream(prefix: string, range: KeyRange): ValueStream {
    const stream = new ValueStream(this.#storage, within(prefix, range));
    this.#streams.push(stream);
    return stream;
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#fail(error);
    }
  }
}

function within(prefix: string, range: KeyRange): KeyRange {
  const { gt, gte, lt, lte, ...rest } = range;
  const whole = everything(prefix);
  const from = gt !== undefined ? { gt: prefix + gt } : { gte: prefix + (gte ?? '') };
  const to =
    lt !== undefined ? { lt: prefix + lt } : lte !== undefined ? { lte: prefix + lte } : { lt: whole.lt ?? '' };
  return { ...rest, ...from, ...to };
}

const CHUNK = 64;

/** An old-style stream, because dynalite listens to nothing else. Emits from `pump` on, after its listeners are in place. */
class ValueStream extends Stream {
  readonly #storage: Storage;
  readonly #range: KeyRange;
  #stopped = false;

  constructor(storage: Storage, range: KeyRange) {
    super();
    this.#storage = storage;
    this.#range = range;
  }

  async pump(): Promise<void> {
    const iterator = this.#storage.iterate(this.#range);
    try {
      while (!this.#stopped) {
        const values = await iterator.nextv(CHUNK);
        for (const value of values) if (!this.#stopped) this.emit('data', value);
        if (values.length === 0) break;
      }
      this.emit('end');
    } finally {
      await iterator.close();
    }
  }

  destroy(): void {
    this.#stopped = true;
  }
}
