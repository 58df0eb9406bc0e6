/**
 * The keys of the token service (RFC 7517), and whether one of them has signed something. A key that is not known is looked for once
 * more, so that a rotation needs nothing from anybody; how often, no token decides.
 */

import { compactVerify, createLocalJWKSet, errors, type JSONWebKeySet, type LocalJWKSet } from 'jose';
import { type Cached, createCached } from './cached.ts';
import type { CompactJws } from './compact-jws.ts';
import { invalidToken, type Refusal, Unavailable } from './refusal.ts';
import { type Fetch, fetchObject } from './remote-document.ts';

export interface KeySet {
  /** @returns why it is not signed by a key of the set with one of these algorithms. @throws Unavailable */
  verify(token: CompactJws, algorithms: readonly string[]): Promise<Refusal | undefined>;
}

export interface KeySetRules {
  readonly url: () => Promise<string>;
  readonly fetch: Fetch;
  readonly now: () => number;
  readonly maxKeyAgeSeconds: number;
  readonly cooldownSeconds: number;
}

interface Keys {
  readonly kids: ReadonlySet<unknown>;
  readonly find: LocalJWKSet;
}

export const createKeySet = (rules: KeySetRules): KeySet => {
  const { now, cooldownSeconds, maxKeyAgeSeconds } = rules;
  const keys = createCached<Keys>({
    now,
    cooldownSeconds,
    maxAgeSeconds: maxKeyAgeSeconds,
    // Half of it is left for an outage.
    renewAfterSeconds: maxKeyAgeSeconds / 2,
    load: async () => readKeys(await fetchObject(rules.fetch, 'jwks', await rules.url())),
  });

  return {
    async verify({ jws, header }, algorithms) {
      const { alg, kid } = header;
      if (!algorithms.includes(alg)) return invalidToken('algorithm');
      if (typeof kid !== 'string' || kid === '') return invalidToken('kid_missing');
      const found = await holding(keys, kid);
      return found === undefined ? invalidToken('key_unknown') : signatureFault(found, jws, algorithms);
    },
  };
};

const holding = async (keys: Cached<Keys>, kid: string): Promise<Keys | undefined> => {
  const known = await keys.get();
  if (known.kids.has(kid)) return known;
  const renewed = await keys.renewed();
  return renewed.kids.has(kid) ? renewed : undefined;
};

const signatureFault = async (
  { find }: Keys,
  jws: string,
  algorithms: readonly string[],
): Promise<Refusal | undefined> => {
  try {
    await compactVerify(jws, find, { algorithms: [...algorithms] });
    return undefined;
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return invalidToken('signature');
    // The key is of another kind or for another algorithm than the token says; or it is no key that can verify.
    return invalidToken('key_unsuitable');
  }
};

const MAX_KEYS = 100;

const readKeys = (document: object): Keys => {
  try {
    // Checked by createLocalJWKSet.
    const set = document as JSONWebKeySet;
    const find = createLocalJWKSet(set);
    if (set.keys.length > MAX_KEYS) throw new Error('there are too many keys in it');
    return { find, kids: new Set(set.keys.map(({ kid }) => kid)) };
  } catch (cause) {
    throw new Unavailable('jwks', cause);
  }
};
