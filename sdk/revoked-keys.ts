/**
 * The signed list of revoked keys that the token service publishes as `revoked_keys_uri`. It reaches a verifier sooner than its key set
 * grows old; a list that cannot be had or has run out leaves the question open, so nothing is let in by it.
 */

import { ASYMMETRIC_ALGORITHMS } from './algorithms.ts';
import { createCached } from './cached.ts';
import { isObject, parseCompactJws } from './compact-jws.ts';
import type { KeySet } from './key-set.ts';
import { Unavailable } from './refusal.ts';
import { type Fetch, fetchText } from './remote-document.ts';

const TYPE = 'countersign-revoked-keys+jwt';
const MAX_LENGTH = 64 * 1_024;

/** `max-age` of the published list. */
const RENEW_AFTER_SECONDS = 60;

/** The end that the list names itself comes first. */
const MAX_AGE_SECONDS = 3_600;

export interface RevokedKeys {
  /** @throws Unavailable */
  has(kid: unknown): Promise<boolean>;
}

export interface RevokedKeysRules {
  readonly issuer: string;
  readonly url: () => Promise<string>;
  readonly keys: KeySet;
  readonly fetch: Fetch;
  readonly now: () => number;
  readonly toleranceSeconds: number;
  readonly cooldownSeconds: number;
}

interface List {
  readonly kids: ReadonlySet<string>;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

export const createRevokedKeys = (rules: RevokedKeysRules): RevokedKeys => {
  const { now, toleranceSeconds } = rules;
  const list = createCached<List>({
    now,
    renewAfterSeconds: RENEW_AFTER_SECONDS,
    maxAgeSeconds: MAX_AGE_SECONDS,
    cooldownSeconds: Math.min(rules.cooldownSeconds, RENEW_AFTER_SECONDS),
    load: async (previous) => {
      const text = await fetchText(rules.fetch, 'revoked_keys', await rules.url());
      return readList(text.trim(), previous, rules);
    },
  });
  return {
    async has(kid) {
      const { kids, expiresAt } = await list.get();
      if (expiresAt + toleranceSeconds <= now()) throw outdated('it has run out');
      return typeof kid === 'string' && kids.has(kid);
    },
  };
};

const outdated = (detail: string): Unavailable => new Unavailable('revoked_keys', new Error(detail));

const readList = async (text: string, previous: List | undefined, rules: RevokedKeysRules): Promise<List> => {
  const parsed = parseCompactJws(text, MAX_LENGTH);
  if (typeof parsed === 'string' || parsed.header.typ !== TYPE) throw outdated('it is no such list');
  const { iss, iat, exp, revoked_keys: entries } = parsed.claims;
  if (iss !== rules.issuer || typeof iat !== 'number' || typeof exp !== 'number' || !Array.isArray(entries)) {
    throw outdated('it is not of this issuer, or not whole');
  }
  const now = rules.now();
  if (exp + rules.toleranceSeconds <= now || iat > now + rules.toleranceSeconds)
    throw outdated('it is not of this time');
  const kids = new Set(entries.map(kidOf));
  // A thief of a revoked key signs lists as well, and would leave that key out.
  const signer = String(parsed.header.kid);
  if (kids.has(signer) || previous?.kids.has(signer)) throw outdated('a revoked key has signed it');
  const fault = await rules.keys.verify(parsed, ASYMMETRIC_ALGORITHMS);
  if (fault !== undefined) throw outdated(fault.reason);
  // A cache on the way may have kept an older one.
  return previous !== undefined && iat < previous.issuedAt ? previous : { kids, issuedAt: iat, expiresAt: exp };
};

const kidOf = (entry: unknown): string => {
  if (!isObject(entry) || typeof entry.kid !== 'string') throw outdated('an entry names no key');
  return entry.kid;
};
