/**
 * The signing keys of one realm and algorithm: one value, stored in one item, changed by one conditional write at a time.
 *
 *   created -> standby -> active -> retiring -> retired -> pending-deletion -> (gone)
 *      \          \          \          \          ^--- hold ---'
 *       `----------`----------`----------`--> revoked -> pending-deletion -> (gone)
 *
 * Deadlines are stored on the key when it takes a step. A setting that changes later may put a step off; none brings a
 * stored deadline forward, so that nothing that verifiers were promised can be taken back.
 */

import type { JWK } from 'jose';
import type { JwsAlgorithm } from './algorithms.ts';
import type { CertificateTerms } from './certificate-terms.ts';
import type { EpochSeconds } from './partner.ts';

/**
 * `created`: in KMS, not published. `standby`: published, never signs. `active`: signs. `retiring`: published, signs no more.
 * `retired`: not published. `revoked`: not published, and on the revocation list. `pending-deletion`: KMS counts down.
 */
export type KeyState = 'created' | 'standby' | 'active' | 'retiring' | 'retired' | 'revoked' | 'pending-deletion';

export interface SigningKey {
  /** RFC 7638 SHA-256 thumbprint of the public key. */
  readonly kid: string;
  /** ARN of the KMS key. Signing goes by ARN, never by alias: an alias can point elsewhere a moment later. */
  readonly keyArn: string;
  readonly state: KeyState;
  /** Key material only. */
  readonly jwk: JWK;
  readonly createdAt: EpochSeconds;
  readonly publishedAt?: EpochSeconds;
  /** Not to be activated before: every verifier's cache knows the key by then. Decided one step after the publication. */
  readonly activateNotBefore?: EpochSeconds;
  /** The longest lifetime of a token that this key may sign. Fixed before the key signs, so that every deadline covers it. */
  readonly maxTokenSeconds?: number;
  readonly activatedAt?: EpochSeconds;
  /** Another key takes over from then on. */
  readonly rotateNotBefore?: EpochSeconds;
  readonly deactivatedAt?: EpochSeconds;
  /** No signature is later than this: readers of an older ring have seen the change by then. */
  readonly lastSignBefore?: EpochSeconds;
  /** Stays published until then: the last token that it signed has expired. */
  readonly retireNotBefore?: EpochSeconds;
  readonly retiredAt?: EpochSeconds;
  readonly revokedAt?: EpochSeconds;
  /** On the revocation list until then: no token that it could have signed in time is valid after. */
  readonly listedUntil?: EpochSeconds;
  /** When the KMS key was disabled, which a retired or revoked key's is. */
  readonly disabledAt?: EpochSeconds;
  readonly deleteNotBefore?: EpochSeconds;
  /** When KMS deletes the key, as KMS said. */
  readonly deletionAt?: EpochSeconds;
  /** Set by the operator: the key is neither retired nor deleted until it is released. */
  readonly hold?: true;
  /** Base64 DER, the key's own first, each signed by the one after it. Checked before they get here. */
  readonly certificates?: readonly string[];
  /** When a published key that does not sign yet got the first of these: verifiers that go by it have to see it before. */
  readonly certifiedAt?: EpochSeconds;
}

/** Written before a key is created, so that one run creates it and a run that died half-way can be told from none. */
export interface KeyCreation {
  /** Tag value on the KMS key. */
  readonly id: string;
  readonly startedAt: EpochSeconds;
}

export interface KeyRing {
  readonly realm: string;
  readonly algorithm: JwsAlgorithm;
  /** Goes up by one with every write. 0: never written. */
  readonly version: number;
  readonly creation?: KeyCreation;
  /** When KMS was last searched for keys that the ring does not know. */
  readonly sweptAt?: EpochSeconds;
  readonly keys: readonly SigningKey[];
}

/** The terms of the overlap arithmetic (docs/key-rotation.md), in seconds. */
export interface RotationPolicy {
  /** Least time between publishing a key and signing with it. Covers every verifier's cache. */
  readonly leadSeconds: number;
  /** How long a key signs. */
  readonly periodSeconds: number;
  /** The longest lifetime of the tokens to be signed. */
  readonly maxTokenSeconds: number;
  /** For how long an issuer or authorizer may use a ring that it has read. */
  readonly ringCacheSeconds: number;
  /** Allowance for what AWS takes to be consistent. */
  readonly propagationSeconds: number;
  /** Largest difference between two clocks of ours. */
  readonly clockSkewSeconds: number;
  /** Leeway that verifiers give a token's `exp`. */
  readonly leewaySeconds: number;
  /** Between a key's retirement and the start of its deletion. */
  readonly graceSeconds: number;
  /** For how long a run that writes a `KeyCreation` may still be at work. */
  readonly creationSeconds: number;
  /** How often KMS is searched for keys that no ring knows. */
  readonly sweepSeconds: number;
  /** There where verifiers know an RS256 key by its certificate: no such key is published without one. */
  readonly certificates?: CertificateTerms;
}

export const emptyRing = (realm: string, algorithm: JwsAlgorithm): KeyRing => ({
  realm,
  algorithm,
  version: 0,
  keys: [],
});

export const findKey = (ring: KeyRing, kid: string): SigningKey | undefined => ring.keys.find((key) => key.kid === kid);

const inState = (ring: KeyRing, ...states: readonly KeyState[]): readonly SigningKey[] =>
  ring.keys.filter((key) => states.includes(key.state));

export const activeKey = (ring: KeyRing): SigningKey | undefined => inState(ring, 'active')[0];

export const standbyKey = (ring: KeyRing): SigningKey | undefined => inState(ring, 'standby')[0];

/** Keys that verifiers are told of, oldest first. */
export const publishedKeys = (ring: KeyRing): readonly SigningKey[] => inState(ring, 'standby', 'active', 'retiring');

/** A change of a key that its state does not allow: a fault of the caller in this code, never of a person. */
const change = (ring: KeyRing, kid: string, from: readonly KeyState[], to: Partial<SigningKey>): KeyRing => {
  const key = findKey(ring, kid);
  if (key === undefined || !from.includes(key.state)) {
    throw new Error(`key ${kid} is ${key?.state ?? 'not in the ring'}, not ${from.join(' or ')}`);
  }
  return next(ring, { keys: ring.keys.map((each) => (each.kid === kid ? certifiable({ ...each, ...to }) : each)) });
};

/** A key whose certificate anybody sees, now or later. */
export const CERTIFIABLE_STATES: readonly KeyState[] = ['created', 'standby', 'active', 'retiring'];

/** A key that is published no more gives up its certificates: it stays in the ring for weeks, and an item has 400 KB at most. */
const certifiable = (key: SigningKey): SigningKey => {
  if (CERTIFIABLE_STATES.includes(key.state)) return key;
  const { certificates: _published, certifiedAt: _since, ...rest } = key;
  return rest;
};

const next = (ring: KeyRing, to: Partial<KeyRing>): KeyRing => ({ ...ring, ...to, version: ring.version + 1 });

export const withCreationBegun = (
  ring: KeyRing,
  creation: KeyCreation,
): KeyRing & { readonly creation: KeyCreation } => ({ ...next(ring, {}), creation });

export const withSweep = (ring: KeyRing, now: EpochSeconds): KeyRing => next(ring, { sweptAt: now });

/** KMS made no key after all. */
export const withoutCreation = (ring: KeyRing): KeyRing => {
  const { creation: _none, ...rest } = ring;
  return next(rest, {});
};

/** A key that KMS has made joins the ring, unpublished. */
export const withCreatedKey = (
  ring: KeyRing,
  key: Pick<SigningKey, 'kid' | 'keyArn' | 'jwk' | 'createdAt'>,
): KeyRing => {
  const { creation: _done, ...rest } = ring;
  return next(rest, { keys: [...ring.keys, { ...key, state: 'created' }] });
};

/** A key enters the JWKS. */
export const withPublishedKey = (ring: KeyRing, kid: string, policy: RotationPolicy, now: EpochSeconds): KeyRing =>
  change(ring, kid, ['created'], { state: 'standby', publishedAt: now, maxTokenSeconds: policy.maxTokenSeconds });

/**
 * When a published key may sign. At once, where nobody can have a key set without it: the realm has never signed anything.
 * At once too where the ring has lost its only signing key: waiting would be an outage for all, and the operator was told
 * (break-glass).
 * @param realmIsLive whether any ring of the realm has ever signed, seen after the key's publication was written. Seen before
 * it, another ring could begin to sign in between, and key sets without this key be served.
 */
export const withActivationTime = (
  ring: KeyRing,
  kid: string,
  policy: RotationPolicy,
  realmIsLive: boolean,
): KeyRing => {
  const publishedAt = findKey(ring, kid)?.publishedAt ?? 0;
  const hasSigned = ring.keys.some((key) => key.activatedAt !== undefined);
  const isOrphaned = hasSigned && activeKey(ring) === undefined;
  const leadSeconds = !realmIsLive || isOrphaned ? 0 : policy.leadSeconds;
  return change(ring, kid, ['standby'], { activateNotBefore: publishedAt + leadSeconds });
};

/** The active key's term is over now, by the operator's word. The same ring, if it is over already or no key signs. */
export const withRotationDue = (ring: KeyRing, now: EpochSeconds): KeyRing =>
  now >= (activeKey(ring)?.rotateNotBefore ?? Number.POSITIVE_INFINITY) ? ring : withRotationAt(ring, now);

/** The active key's term ends then, by the operator's word. The same ring, if no key signs. */
export const withRotationAt = (ring: KeyRing, at: EpochSeconds): KeyRing => {
  const active = activeKey(ring);
  return active === undefined ? ring : change(ring, active.kid, ['active'], { rotateNotBefore: at });
};

/**
 * The standby learns that tokens shall live longer. Authorizers that have read the ring before must see it before the key
 * signs, or they would refuse its tokens for their length.
 */
export const withLongerTokens = (ring: KeyRing, kid: string, policy: RotationPolicy, now: EpochSeconds): KeyRing => {
  const seen = now + policy.ringCacheSeconds + policy.propagationSeconds + policy.clockSkewSeconds;
  const activateNotBefore = Math.max(findKey(ring, kid)?.activateNotBefore ?? 0, seen);
  return change(ring, kid, ['standby'], { maxTokenSeconds: policy.maxTokenSeconds, activateNotBefore });
};

/** Last signature and end of publication of a key that signs no more from `now` on. */
const drain = (key: SigningKey, policy: RotationPolicy, now: EpochSeconds) => {
  const lastSignBefore = now + policy.ringCacheSeconds + policy.propagationSeconds + policy.clockSkewSeconds;
  const lived = lastSignBefore + (key.maxTokenSeconds ?? policy.maxTokenSeconds);
  return { lastSignBefore, expired: lived + policy.leewaySeconds + policy.clockSkewSeconds };
};

/** The standby becomes the key that signs, and the key that signed until now begins to retire: one write. */
export const withActiveKey = (ring: KeyRing, kid: string, policy: RotationPolicy, now: EpochSeconds): KeyRing => {
  const before = activeKey(ring);
  const activated = change(ring, kid, ['standby'], {
    state: 'active',
    activatedAt: now,
    rotateNotBefore: now + policy.periodSeconds,
  });
  if (before === undefined) return activated;
  const { lastSignBefore, expired } = drain(before, policy, now);
  const deactivated = change(activated, before.kid, ['active'], {
    state: 'retiring',
    deactivatedAt: now,
    lastSignBefore,
    retireNotBefore: expired,
  });
  return { ...deactivated, version: ring.version + 1 };
};

export const withRetiredKey = (ring: KeyRing, kid: string, policy: RotationPolicy, now: EpochSeconds): KeyRing =>
  change(ring, kid, ['retiring'], { state: 'retired', retiredAt: now, deleteNotBefore: now + policy.graceSeconds });

export const withDisabledKey = (ring: KeyRing, kid: string, now: EpochSeconds): KeyRing =>
  change(ring, kid, ['retired', 'revoked'], { disabledAt: now });

/** @param deletionAt as KMS said. */
export const withDeletion = (ring: KeyRing, kid: string, deletionAt: EpochSeconds): KeyRing =>
  change(ring, kid, ['retired', 'revoked'], { state: 'pending-deletion', deletionAt });

/** The deletion was cancelled; the key is disabled, and is what it was before. */
export const withDeletionCancelled = (ring: KeyRing, kid: string): KeyRing => {
  const wasRevoked = findKey(ring, kid)?.revokedAt !== undefined;
  const cancelled = change(ring, kid, ['pending-deletion'], { state: wasRevoked ? 'revoked' : 'retired' });
  return {
    ...cancelled,
    keys: cancelled.keys.map((key) => {
      if (key.kid !== kid) return key;
      const { deletionAt: _cancelled, ...rest } = key;
      return rest;
    }),
  };
};

export const withoutKey = (ring: KeyRing, kid: string): KeyRing =>
  next(ring, { keys: ring.keys.filter((key) => key.kid !== kid) });

export const withHold = (ring: KeyRing, kid: string, hold: boolean): KeyRing => {
  const key = findKey(ring, kid);
  if (key === undefined) throw new Error(`key ${kid} is not in the ring`);
  const { hold: _before, ...rest } = key;
  const after: SigningKey = hold ? { ...rest, hold: true } : rest;
  return next(ring, { keys: ring.keys.map((each) => (each.kid === kid ? after : each)) });
};

/** @param certificates in place of those that the key has; checked by the caller. */
export const withCertificates = (
  ring: KeyRing,
  kid: string,
  certificates: readonly string[],
  now: EpochSeconds,
): KeyRing => {
  const before = findKey(ring, kid);
  const isNews = before?.state === 'standby' && before.certificates?.[0] !== certificates[0];
  return change(ring, kid, CERTIFIABLE_STATES, { certificates, ...(isNews ? { certifiedAt: now } : {}) });
};

/** Out of the JWKS and onto the revocation list. If it was the active key, the standby signs from now on, by the same write. */
export const withRevokedKey = (ring: KeyRing, kid: string, policy: RotationPolicy, now: EpochSeconds): KeyRing => {
  const key = findKey(ring, kid);
  if (key === undefined) throw new Error(`key ${kid} is not in the ring`);
  const { lastSignBefore, expired } = drain(key, policy, now);
  const revoked = change(ring, kid, ['created', 'standby', 'active', 'retiring', 'retired'], {
    state: 'revoked',
    revokedAt: now,
    lastSignBefore: key.lastSignBefore ?? lastSignBefore,
    listedUntil: expired,
    deleteNotBefore: Math.max(key.deleteNotBefore ?? 0, expired + policy.graceSeconds),
  });
  const successor = key.state === 'active' ? standbyKey(ring) : undefined;
  if (successor === undefined) return revoked;
  return { ...withActiveKey(revoked, successor.kid, policy, now), version: ring.version + 1 };
};
