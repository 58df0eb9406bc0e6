/**
 * The signing keys of one realm and algorithm: one value, stored in one item, changed by one conditional write at a time.
 * Which key signs, which keys are published, and what should happen next. Deadlines are stored on the key when it takes a
 * step and never derived again from settings, so that a changed setting can shorten nothing that was promised.
 */

import type { JWK } from 'jose';
import type { JwsAlgorithm } from './algorithms.ts';
import type { EpochSeconds } from './partner.ts';

/**
 * `created`: in KMS, not published. `standby`: published, never signs. `active`: signs.
 */
export type KeyState = 'created' | 'standby' | 'active';

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
  /** Not to be activated before: every verifier's cache knows the key by then. Stored when the key is published. */
  readonly activateNotBefore?: EpochSeconds;
  readonly activatedAt?: EpochSeconds;
}

export interface KeyRing {
  readonly realm: string;
  readonly algorithm: JwsAlgorithm;
  /** Goes up by one with every write. 0: never written. */
  readonly version: number;
  /** The longest lifetime of a token that this ring may sign; stored, so that no setting can outgrow a deadline. */
  readonly maxTokenSeconds: number;
  readonly keys: readonly SigningKey[];
}

export interface RotationPolicy {
  /** Least time between publishing a key and signing with it. */
  readonly leadSeconds: number;
  /** Written on a new ring. */
  readonly maxTokenSeconds: number;
}

export const emptyRing = (realm: string, algorithm: JwsAlgorithm, policy: RotationPolicy): KeyRing => ({
  realm,
  algorithm,
  version: 0,
  maxTokenSeconds: policy.maxTokenSeconds,
  keys: [],
});

export const activeKey = (ring: KeyRing): SigningKey | undefined => ring.keys.find((key) => key.state === 'active');

/** Keys that verifiers are told of, oldest first. */
export const publishedKeys = (ring: KeyRing): readonly SigningKey[] =>
  ring.keys.filter((key) => key.state === 'standby' || key.state === 'active');

/** One step of the cycle. Each is safe to repeat: it either finds its work done or is refused by the ring's version. */
export type RotationStep =
  | { readonly kind: 'create' }
  | { readonly kind: 'publish'; readonly kid: string }
  | { readonly kind: 'activate'; readonly kid: string };

/**
 * What should happen to this ring next, or `undefined` when all is as it should be. A ring wants one active key and one
 * standby. Finishing what was begun comes first, so that a crashed run is completed rather than begun again.
 */
export const planRotation = (now: EpochSeconds, ring: KeyRing): RotationStep | undefined => {
  const created = ring.keys.find((key) => key.state === 'created');
  if (created !== undefined) return { kind: 'publish', kid: created.kid };
  const standby = ring.keys.find((key) => key.state === 'standby');
  if (standby === undefined) return { kind: 'create' };
  if (activeKey(ring) === undefined && (standby.activateNotBefore ?? now) <= now) {
    return { kind: 'activate', kid: standby.kid };
  }
  return undefined;
};

/** A key that KMS has made joins the ring, unpublished. */
export const withCreatedKey = (ring: KeyRing, key: Pick<SigningKey, 'kid' | 'keyArn' | 'jwk' | 'createdAt'>): KeyRing =>
  next(ring, [...ring.keys, { ...key, state: 'created' }]);

/**
 * A key enters the JWKS. The first key of a ring that has never published may sign at once: there is no verifier yet whose
 * cache could lack it. Every later key waits out its lead.
 */
export const withPublishedKey = (ring: KeyRing, kid: string, policy: RotationPolicy, now: EpochSeconds): KeyRing => {
  const isFirst = ring.keys.every((key) => key.publishedAt === undefined);
  const activateNotBefore = isFirst ? now : now + policy.leadSeconds;
  return change(ring, kid, 'created', { state: 'standby', publishedAt: now, activateNotBefore });
};

/** A standby becomes the key that signs. */
export const withActiveKey = (ring: KeyRing, kid: string, now: EpochSeconds): KeyRing =>
  change(ring, kid, 'standby', { state: 'active', activatedAt: now });

const change = (ring: KeyRing, kid: string, from: KeyState, to: Partial<SigningKey>): KeyRing => {
  const key = ring.keys.find((each) => each.kid === kid);
  if (key?.state !== from) throw new Error(`key ${kid} is ${key?.state ?? 'not in the ring'}, not ${from}`);
  return next(
    ring,
    ring.keys.map((each) => (each.kid === kid ? { ...each, ...to } : each)),
  );
};

const next = (ring: KeyRing, keys: readonly SigningKey[]): KeyRing => ({ ...ring, version: ring.version + 1, keys });
