/**
 * The catalogue of tables: each with its description and the settings that DynamoDB keeps beside it.
 * Held in memory, because every item operation asks for it, and written through to the storage.
 */
import type { Clock, JsonObject, Placement } from '../service.ts';
import { tableNotFound } from './errors.ts';
import type { Storage } from './storage.ts';
import type { Turnstile } from './turnstile.ts';

export interface KeyElement extends JsonObject {
  readonly AttributeName: string;
  readonly KeyType: 'HASH' | 'RANGE';
}

export interface SecondaryIndex extends JsonObject {
  readonly IndexName: string;
  readonly KeySchema: KeyElement[];
  readonly Projection: JsonObject;
}

/** `TableDescription` of the API. */
export interface Table extends JsonObject {
  readonly TableName: string;
  readonly TableArn: string;
  readonly KeySchema: KeyElement[];
  readonly AttributeDefinitions: { AttributeName: string; AttributeType: 'S' | 'N' | 'B' }[];
  readonly GlobalSecondaryIndexes?: SecondaryIndex[];
  readonly LocalSecondaryIndexes?: SecondaryIndex[];
  readonly DeletionProtectionEnabled: boolean;
}

export interface Recovery {
  readonly days: number;
  /** Epoch milliseconds. */
  readonly since: number;
}

export interface TableRecord {
  readonly description: Table;
  /** The TTL attribute, when TTL is on. */
  readonly timeToLive?: string;
  /** Point-in-time recovery, when it is on. */
  readonly recovery?: Recovery;
  readonly tags: Readonly<Record<string, string>>;
}

/** What every operation of the embedded DynamoDB works with. */
export interface Context {
  readonly storage: Storage;
  readonly tables: Tables;
  /** Every write and every transactional read passes through it. */
  readonly turnstile: Turnstile;
  readonly placement: Placement;
  readonly clock: Clock;
}

export const itemPrefix = (table: string): string => `item~${table}~`;
export const indexPrefix = (table: string, index = ''): string => `index~${table}~${index === '' ? '' : `${index}~`}`;

const TABLES = 'table~';

export class Tables {
  readonly #storage: Storage;
  readonly #records = new Map<string, TableRecord>();

  private constructor(storage: Storage) {
    this.#storage = storage;
  }

  static async load(storage: Storage): Promise<Tables> {
    const tables = new Tables(storage);
    for await (const row of storage.values(TABLES)) {
      const record = row as TableRecord;
      tables.#records.set(record.description.TableName, record);
    }
    return tables;
  }

  find(name: string): TableRecord | undefined {
    return this.#records.get(name);
  }

  /** @throws AwsError ResourceNotFoundException, as the control plane words it. */
  require(name: string): TableRecord {
    const record = this.#records.get(name);
    if (record === undefined) throw tableNotFound(name);
    return record;
  }

  names(): string[] {
    return [...this.#records.keys()].sort();
  }

  async save(record: TableRecord): Promise<void> {
    const name = record.description.TableName;
    await this.#storage.write([{ type: 'put', key: TABLES + name, value: record }]);
    this.#records.set(name, record);
  }

  /** Items first: were the process to die in between, the table is still there to be deleted again. */
  async remove(name: string): Promise<void> {
    await this.#storage.clear(itemPrefix(name));
    await this.#storage.clear(indexPrefix(name));
    await this.#storage.write([{ type: 'del', key: TABLES + name }]);
    this.#records.delete(name);
  }
}
