/**
 * The keys and aliases of one account and Region, in memory, and the writing of them to the file, if there is one.
 * It finds keys by every form of key identifier and drops those whose deletion date has come.
 */
import { AwsError, type Clock, type Placement } from '../service.ts';
import { type Key, kmsArn, type LastUsage } from './key.ts';
import { type Alias, readKeyFile, writeKeyFile } from './key-file.ts';

/** Which forms of identifier an operation takes: all take a key's id and ARN, some also aliases. */
export type IdentifierForms = 'key' | 'key-or-alias';

const KEY_ID = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/;
const ARN = /^arn:aws:kms:(?<region>[^:]*):(?<account>[^:]*):(?<resource>(?:key|alias)\/.+)$/;

function notFound(message: string): AwsError {
  return new AwsError('NotFoundException', message);
}

export class KeyStore {
  readonly placement: Placement;
  readonly #clock: Clock;
  readonly #file: string | undefined;
  readonly #keys = new Map<string, Key>();
  readonly #aliases = new Map<string, Alias>();
  /** The earliest deletion date of all keys, so that a call need not look at every key. */
  #nextDeletion = Number.POSITIVE_INFINITY;
  #waitingWrite: Promise<void> | undefined;
  #lastWrite: Promise<void> = Promise.resolve();
  #hasUnsaved = false;

  /** @throws Error that names the file, when it cannot be read or is damaged. */
  constructor(placement: Placement, clock: Clock, file: string | undefined) {
    this.placement = placement;
    this.#clock = clock;
    this.#file = file;
    if (file === undefined) return;
    const { keys, aliases } = readKeyFile(file, placement);
    for (const key of keys) this.#keys.set(key.id, key);
    for (const alias of aliases) this.#aliases.set(alias.name, alias);
    this.#planDeletion();
  }

  now(): number {
    return this.#clock();
  }

  keys(): Iterable<Key> {
    this.#deleteDue();
    return this.#keys.values();
  }

  aliases(): Iterable<Alias> {
    this.#deleteDue();
    return this.#aliases.values();
  }

  findAlias(name: string): Alias | undefined {
    this.#deleteDue();
    return this.#aliases.get(name);
  }

  /** @throws AwsError NotFoundException */
  loadAlias(name: string): Alias {
    const alias = this.findAlias(name);
    if (alias === undefined) throw notFound(`Alias ${kmsArn(this.placement, name)} is not found.`);
    return alias;
  }

  /** The key that an id, ARN, alias name or alias ARN names. @throws AwsError NotFoundException */
  loadKey(identifier: string, forms: IdentifierForms): Key {
    this.#deleteDue();
    const resource = this.#localResource(identifier);
    if (resource.startsWith('alias/') && forms === 'key-or-alias') return this.loadAlias(resource).key;
    const id = resource.startsWith('key/') ? resource.slice('key/'.length) : resource;
    if (!KEY_ID.test(id)) throw notFound(`Invalid keyId '${identifier}'`);
    const key = this.#keys.get(id);
    if (key === undefined) throw notFound(`Key '${kmsArn(this.placement, `key/${id}`)}' does not exist`);
    return key;
  }

  /** The alias name in an identifier, if it is an alias name or alias ARN of this account and Region. */
  aliasNameIn(identifier: string): string | undefined {
    const resource = this.#localResource(identifier);
    return resource.startsWith('alias/') ? resource : undefined;
  }

  #localResource(identifier: string): string {
    if (!identifier.startsWith('arn:')) return identifier;
    const { region, account, resource } = ARN.exec(identifier)?.groups ?? {};
    if (resource === undefined) throw notFound(`Invalid arn ${identifier}`);
    if (region !== this.placement.region) throw notFound(`Invalid arn ${region}`);
    if (account === this.placement.account) return resource;
    const kind = resource.startsWith('key/')
      ? `Key '${identifier}' does not exist`
      : `Alias ${identifier} is not found.`;
    throw notFound(kind);
  }

  addKey(key: Key): Promise<void> {
    this.#keys.set(key.id, key);
    return this.save();
  }

  putAlias(alias: Alias): Promise<void> {
    this.#aliases.set(alias.name, alias);
    return this.save();
  }

  deleteAlias(name: string): Promise<void> {
    this.#aliases.delete(name);
    return this.save();
  }

  /** Sets or, with undefined, lifts the time at which the key is deleted (milliseconds since the epoch). */
  setDeletion(key: Key, at: number | undefined): Promise<void> {
    key.deletionAt = at;
    this.#planDeletion();
    return this.save();
  }

  /** Remembers a use; it reaches the file with the next change or on close, so that signing never waits for a disk. */
  recordUsage(key: Key, operation: LastUsage['operation']): void {
    key.lastUsage = { operation, at: this.now() };
    this.#hasUnsaved = true;
  }

  /**
   * Writes everything to the file. Calls that come while a write is under way share the next one.
   * @throws AwsError KMSInternalException when the disk refuses.
   */
  save(): Promise<void> {
    this.#hasUnsaved = true;
    const file = this.#file;
    if (file === undefined) return Promise.resolve();
    this.#waitingWrite ??= this.#lastWrite.then(() => this.#write(file));
    // A write that failed must not keep the next from being tried.
    this.#lastWrite = this.#waitingWrite.catch(() => undefined);
    return this.#waitingWrite;
  }

  async #write(file: string): Promise<void> {
    this.#waitingWrite = undefined;
    this.#hasUnsaved = false;
    const contents = { keys: this.#keys.values(), aliases: this.#aliases.values() };
    try {
      await writeKeyFile(file, contents, this.placement);
    } catch (cause) {
      this.#hasUnsaved = true;
      const reason = cause instanceof Error ? cause.message : String(cause);
      const message = `The embedded KMS cannot write its key file ${file}: ${reason}`;
      throw new AwsError('KMSInternalException', message, { status: 500 });
    }
  }

  async close(): Promise<void> {
    this.#deleteDue();
    if (this.#hasUnsaved) await this.save();
    await this.#lastWrite;
  }

  #planDeletion(): void {
    const dates = Array.from(this.#keys.values(), (key) => key.deletionAt ?? Number.POSITIVE_INFINITY);
    this.#nextDeletion = Math.min(Number.POSITIVE_INFINITY, ...dates);
  }

  /** A deleted key takes its aliases with it (ScheduleKeyDeletion in the API reference). */
  #deleteDue(): void {
    const now = this.now();
    if (now < this.#nextDeletion) return;
    for (const key of this.#keys.values()) {
      if (key.deletionAt !== undefined && key.deletionAt <= now) this.#keys.delete(key.id);
    }
    for (const alias of this.#aliases.values()) {
      if (!this.#keys.has(alias.key.id)) this.#aliases.delete(alias.name);
    }
    this.#planDeletion();
    this.#hasUnsaved = true;
  }
}
