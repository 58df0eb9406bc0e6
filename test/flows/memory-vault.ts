/** A KMS in memory: what `KeyVault` and `Signer` promise, with real keys. */

import type { JwsAlgorithm } from '../../functions/core/algorithms.ts';
import { type Clock, type FoundKey, KeyUnusable, type KeyVault, type Signer } from '../../functions/ports.ts';
import { keyPair, type TestKeyPair } from '../support/builders.ts';
import { pairSigner } from './in-memory.ts';

/** What a key in KMS is. Gone ones stay in the list, as evidence for the test. */
interface VaultKey extends FoundKey {
  readonly realm: string;
  readonly algorithm: JwsAlgorithm;
  state: 'enabled' | 'disabled' | 'pending-deletion' | 'gone';
  lastUsedAt: number | undefined;
  deletionAt: number | undefined;
}

export interface MemoryVault extends KeyVault, Signer {
  readonly pairs: TestKeyPair[];
  readonly keys: VaultKey[];
}

const WAITING_SECONDS = 604_800;

/** A KMS: makes keys, signs with those that are enabled, and deletes them after a week. */
export const memoryVault = (name: string, clock: Clock): MemoryVault => {
  const pairs: TestKeyPair[] = [];
  const keys: VaultKey[] = [];
  let made = 0;
  const keyOf = (keyArn: string): VaultKey => {
    const key = keys.find((each) => each.keyArn === keyArn);
    if (key === undefined) throw new Error(`KMS has no key ${keyArn}`);
    if (key.deletionAt !== undefined && clock.now() >= key.deletionAt) key.state = 'gone';
    return key;
  };
  return {
    pairs,
    keys,
    create: async (realm, algorithm, creationId) => {
      made += 1;
      const pair = await keyPair(algorithm, `${name}-${made}`);
      pairs.push(pair);
      const key = {
        kid: pair.thumbprint,
        keyArn: `arn:key/${pair.kid}`,
        jwk: pair.publicJwk,
        createdAt: clock.now(),
      };
      keys.push({
        ...key,
        ...{ realm, algorithm, creationId, state: 'enabled', lastUsedAt: undefined, deletionAt: undefined },
      });
      return key;
    },
    listTagged: async (realm, algorithm) =>
      keys
        .filter((key) => key.realm === realm && key.algorithm === algorithm && key.state === 'enabled')
        .map(({ kid, keyArn, jwk, createdAt, creationId }) => ({ kid, keyArn, jwk, createdAt, creationId })),
    disable: async (keyArn) => {
      const key = keyOf(keyArn);
      if (key.state === 'enabled') key.state = 'disabled';
    },
    lastUsedAt: async (keyArn) => keyOf(keyArn).lastUsedAt,
    scheduleDeletion: async (keyArn) => {
      const key = keyOf(keyArn);
      if (key.state === 'gone') return undefined;
      key.state = 'pending-deletion';
      key.deletionAt ??= clock.now() + WAITING_SECONDS;
      return key.deletionAt;
    },
    cancelDeletion: async (keyArn) => {
      const key = keyOf(keyArn);
      if (key.state === 'gone') return 'gone';
      if (key.state === 'pending-deletion') key.state = 'disabled';
      key.deletionAt = undefined;
      return 'cancelled';
    },
    sign: async (key, algorithm, input) => {
      const known = keyOf(key.keyArn);
      if (known.state !== 'enabled') throw new KeyUnusable('kms:Sign', new Error(`the key is ${known.state}`));
      known.lastUsedAt = clock.now();
      return pairSigner(...pairs).sign(key, algorithm, input);
    },
  };
};
