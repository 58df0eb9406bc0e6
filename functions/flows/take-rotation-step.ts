/**
 * One step of the rotation cycle: what KMS has to do for it, then the ring as it will be, which the caller saves. What KMS does
 * can be repeated, so a crash before the ring is saved costs nothing but a repetition.
 */

import {
  findKey,
  type KeyRing,
  type RotationPolicy,
  type SigningKey,
  withActivationTime,
  withActiveKey,
  withCertificates,
  withCreatedKey,
  withCreationBegun,
  withDeletion,
  withDeletionCancelled,
  withDisabledKey,
  withLongerTokens,
  withoutCreation,
  withoutKey,
  withPublishedKey,
  withRetiredKey,
  withSweep,
} from '../core/key-ring.ts';
import type { KeyStep, RotationStep } from '../core/rotation-plan.ts';
import {
  type Clock,
  type Ids,
  KeyNotMade,
  type KeyVault,
  Outage,
  type PublicKeySets,
  type RingStore,
  type Signer,
} from '../ports.ts';
import type { SelfSign } from './self-sign.ts';

export interface StepPorts {
  readonly rings: RingStore;
  readonly vault: KeyVault;
  readonly signer: Signer;
  readonly selfSign: SelfSign;
  readonly published: PublicKeySets;
  readonly clock: Clock;
  readonly ids: Ids;
}

/**
 * @param realmIsLive whether any ring of the realm has ever signed.
 * @returns the ring to be saved; `undefined` where the step has to wait for something outside, or for another run.
 */
export const takeStep = async (
  ports: StepPorts,
  policy: RotationPolicy,
  ring: KeyRing,
  step: RotationStep,
  realmIsLive: () => Promise<boolean>,
): Promise<KeyRing | undefined> => {
  switch (step.kind) {
    case 'create':
      return create(ports, ring);
    case 'resume-creation':
      return resumeCreation(ports, ring);
    case 'sweep':
      return sweep(ports, policy, ring);
    default:
      return takeKeyStep(ports, policy, ring, step, realmIsLive);
  }
};

const takeKeyStep = async (
  ports: StepPorts,
  policy: RotationPolicy,
  ring: KeyRing,
  step: KeyStep,
  realmIsLive: () => Promise<boolean>,
): Promise<KeyRing | undefined> => {
  const now = ports.clock.now();
  const key = keyOf(ring, step.kid);
  switch (step.kind) {
    case 'certify':
      return certify(ports, policy, ring, key);
    case 'publish':
      return withPublishedKey(ring, key.kid, policy, now);
    case 'schedule-activation':
      return withActivationTime(ring, key.kid, policy, await realmIsLive());
    case 'activate':
      return (await mayActivate(ports, ring, key, realmIsLive)) ? withActiveKey(ring, key.kid, policy, now) : undefined;
    case 'lengthen':
      return withLongerTokens(ring, key.kid, policy, now);
    case 'retire':
      return withRetiredKey(ring, key.kid, policy, now);
    case 'disable':
      await ports.vault.disable(key.keyArn);
      return withDisabledKey(ring, key.kid, now);
    case 'schedule-deletion':
      return scheduleDeletion(ports, ring, key);
    case 'cancel-deletion':
      return cancelDeletion(ports, ring, key);
    case 'forget':
      return withoutKey(ring, key.kid);
  }
};

const keyOf = (ring: KeyRing, kid: string): SigningKey => {
  const key = findKey(ring, kid);
  if (key === undefined) throw new Error(`the plan names key ${kid}, which is not in the ring`);
  return key;
};

/**
 * The intention is saved before the key is made: of two runs one makes a key, and a run that dies leaves word of it.
 * `undefined`: another run has changed the ring, perhaps by the same intention.
 */
const create = async ({ rings, vault, clock, ids }: StepPorts, ring: KeyRing): Promise<KeyRing | undefined> => {
  const { realm, algorithm } = ring;
  const begun = withCreationBegun(ring, { id: ids.next(), startedAt: clock.now() });
  if ((await rings.save(begun)) === 'conflict') return undefined;
  try {
    const made = await vault.create(realm, algorithm, begun.creation.id);
    // KMS takes its time over a key. What somebody else has written meanwhile must not lose it.
    const latest = await rings.load(realm, algorithm);
    return latest?.creation?.id === begun.creation.id ? withCreatedKey(latest, made) : undefined;
  } catch (error) {
    // The next run need not wait for a key that is not coming.
    if (error instanceof KeyNotMade) await rings.save(withoutCreation(begun));
    throw error;
  }
};

/**
 * A run died while it made a key. If KMS has the key of that very creation, it is taken in; if not, another is made. An older
 * one is not: another run may be deleting it at this moment.
 */
const resumeCreation = async (ports: StepPorts, ring: KeyRing): Promise<KeyRing | undefined> => {
  const lost = (await orphans(ports.vault, ring)).find((key) => key.creationId === ring.creation?.id);
  if (lost === undefined) return create(ports, ring);
  const { kid, keyArn, jwk, createdAt } = lost;
  return withCreatedKey(ring, { kid, keyArn, jwk, createdAt });
};

/** Keys in KMS that carry this ring's tags and are not in it. */
const orphans = async (vault: KeyVault, ring: KeyRing) => {
  const known = new Set(ring.keys.map((key) => key.keyArn));
  return (await vault.listTagged(ring.realm, ring.algorithm)).filter((key) => !known.has(key.keyArn));
};

/**
 * Puts right what crashed, repeated or overtaken calls have left in KMS: keys that no ring knows go, but for one that another
 * run is making at this moment; and a key on hold stays, though its deletion had begun before the hold was seen.
 */
const sweep = async ({ vault, clock }: StepPorts, policy: RotationPolicy, ring: KeyRing): Promise<KeyRing> => {
  const now = clock.now();
  for (const orphan of await orphans(vault, ring)) {
    const isBeingMade = orphan.creationId === ring.creation?.id || orphan.createdAt + policy.creationSeconds >= now;
    if (!isBeingMade) await vault.scheduleDeletion(orphan.keyArn);
  }
  for (const key of ring.keys) {
    const isHeld = key.hold === true && (key.state === 'retired' || key.state === 'revoked');
    if (isHeld) await vault.cancelDeletion(key.keyArn);
  }
  return withSweep(ring, now);
};

/** @throws Error where nothing that a run could do helps: the names of the realm, checked when they were set, make no certificate. */
const certify = async (
  { selfSign, clock }: StepPorts,
  { certificates: terms }: RotationPolicy,
  ring: KeyRing,
  key: SigningKey,
): Promise<KeyRing> => {
  if (terms === undefined) throw new Error(`the plan wants a certificate for key ${key.kid}, and the policy none`);
  const made = await selfSign(ring.algorithm, key, { subject: { CN: terms.commonName }, days: terms.days });
  if (!made.ok)
    throw new Error(`no certificate for ${key.kid}: ${made.refusal.map(({ detail }) => detail).join('; ')}`);
  return withCertificates(ring, key.kid, made.value, clock.now());
};

/**
 * A key that cannot sign, or that some public key set does not name yet, must not become the one that has to sign. The first
 * key of a realm is not asked for: no key set is published before a key signs.
 */
const mayActivate = async (
  { signer, published }: StepPorts,
  ring: KeyRing,
  key: SigningKey,
  realmIsLive: () => Promise<boolean>,
): Promise<boolean> => {
  await signer.sign(key, ring.algorithm, 'countersign activation test');
  const waived = key.activateNotBefore !== undefined && key.activateNotBefore <= (key.publishedAt ?? 0);
  return waived || !(await realmIsLive()) || published.name(key.kid);
};

/**
 * A key that signed after it should have stopped is evidence, and is kept: the rotation of its ring goes no further until the
 * operator holds the key. An outage by form, so that the log may name the key and a command is not answered as failed.
 */
const scheduleDeletion = async ({ vault }: StepPorts, ring: KeyRing, key: SigningKey): Promise<KeyRing> => {
  const lastUsedAt = await vault.lastUsedAt(key.keyArn);
  if (lastUsedAt !== undefined && lastUsedAt > (key.lastSignBefore ?? Number.POSITIVE_INFINITY)) {
    const reason = `key ${key.kid} has signed after it was taken out of use; hold it and look into CloudTrail`;
    throw new Outage('key-ring', new Error(reason));
  }
  const deletionAt = await vault.scheduleDeletion(key.keyArn);
  return deletionAt === undefined ? withoutKey(ring, key.kid) : withDeletion(ring, key.kid, deletionAt);
};

/** A hold that came too late cannot bring a key back, and must not keep the ring from going on. */
const cancelDeletion = async ({ vault }: StepPorts, ring: KeyRing, key: SigningKey): Promise<KeyRing> =>
  (await vault.cancelDeletion(key.keyArn)) === 'gone'
    ? withoutKey(ring, key.kid)
    : withDeletionCancelled(ring, key.kid);
