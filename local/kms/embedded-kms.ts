/**
 * AWS KMS inside this process: asymmetric signing keys with real signatures, answering the real protocol's calls.
 * Eventual consistency, grants, request quotas and everything about encryption are not part of it.
 */
import {
  type AuthorizationRequest,
  AwsError,
  type Clock,
  type EmbeddedService,
  type JsonObject,
  type Placement,
} from '../service.ts';
import * as aliases from './alias-operations.ts';
import { createKey, makeKey } from './create-key.ts';
import * as keys from './key-operations.ts';
import { KeyStore } from './key-store.ts';
import type { Operation } from './operation.ts';
import * as policies from './policy-operations.ts';
import * as signing from './signing-operations.ts';
import * as tags from './tag-operations.ts';

const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ['CreateKey', createKey],
  ['DescribeKey', keys.describe],
  ['ListKeys', keys.listKeys],
  ['EnableKey', keys.enableKey],
  ['DisableKey', keys.disableKey],
  ['ScheduleKeyDeletion', keys.scheduleKeyDeletion],
  ['CancelKeyDeletion', keys.cancelKeyDeletion],
  ['GetKeyLastUsage', keys.getKeyLastUsage],
  ['GetPublicKey', signing.getPublicKey],
  ['Sign', signing.sign],
  ['Verify', signing.verify],
  ['CreateAlias', aliases.createAlias],
  ['UpdateAlias', aliases.updateAlias],
  ['DeleteAlias', aliases.deleteAlias],
  ['ListAliases', aliases.listAliases],
  ['TagResource', tags.tagResource],
  ['UntagResource', tags.untagResource],
  ['ListResourceTags', tags.listResourceTags],
  ['GetKeyPolicy', policies.getKeyPolicy],
  ['PutKeyPolicy', policies.putKeyPolicy],
]);

/** @throws AwsError UnknownOperationException */
function findOperation(name: string): Operation {
  const operation = OPERATIONS.get(name);
  if (operation !== undefined) return operation;
  throw new AwsError('UnknownOperationException', `The embedded KMS has no operation ${name}.`);
}

export interface EmbeddedKmsOptions {
  readonly placement: Placement;
  readonly clock: Clock;
  /** JSON file that keeps the keys, private ones included; without it they are gone with the process. */
  readonly file?: string;
}

export class EmbeddedKms implements EmbeddedService {
  readonly name = 'kms';
  readonly targetPrefix = 'TrentService';
  readonly contentType = 'application/x-amz-json-1.1';
  readonly #store: KeyStore;

  /** @throws Error of one line that names the file, when it cannot be read or is damaged. */
  constructor({ placement, clock, file }: EmbeddedKmsOptions) {
    this.#store = new KeyStore(placement, clock, file);
  }

  authorizations(operation: string, input: JsonObject): readonly AuthorizationRequest[] {
    return findOperation(operation).authorizations(this.#store, input);
  }

  async call(operation: string, input: JsonObject): Promise<JsonObject> {
    return await findOperation(operation).run(this.#store, input);
  }

  /** Makes the key with this id, unless an earlier run has. @throws AwsError for what CreateKey would be refused for. */
  async declareKey(id: string, input: JsonObject): Promise<void> {
    if (!Array.from(this.#store.keys(), (key) => key.id).includes(id)) await makeKey(this.#store, input, id);
    else if (input.Policy !== undefined) await this.call('PutKeyPolicy', { KeyId: id, Policy: input.Policy });
  }

  /** Writes what is not in the file yet. */
  close(): Promise<void> {
    return this.#store.close();
  }
}
