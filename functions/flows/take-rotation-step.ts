/**
 * One step of the rotation cycle: what KMS has to do for it, then the ring as it will be, which the caller saves. What KMS does
 * can be repeated, so a crash before the ring is saved costs nothing but a repetition.
 */

import {
  findKey,
  type KeyRing,
  type RotationPolicy,
  type SigningKey,
  withActiveKey,
  withCreatedKey,
  withCreationBegun,
  withDeletion,
  withDeletionCancelled,
  withDisabledKey,
  withLongerTokens,
  withoutKey,
  withPublishedKey,
  withRetiredKey,
  withSweep,
} from '../core/key-ring.ts';
import type { KeyStep, RotationStep } from '../core/rotation-plan.ts';
import type { Clock, Ids, KeyVault, PublicKeySets, RingStore, Signer } from '../ports.ts';

export interface StepPorts {
  readonly rings: RingStore;
  readonly vault: KeyVault;
  readonly signer: Signer;
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
    case 'publish':
      return withPublishedKey(ring, key.kid, policy, await realmIsLive(), now);
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
      await ports.vault.cancelDeletion(key.keyArn);
      return withDeletionCancelled(ring, key.kid);
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
  const begun = withCreationBegun(ring, { id: ids.next(), startedAt: clock.now() });
  if ((await rings.save(begun)) === 'conflict') return undefined;
  return withCreatedKey(begun, await vault.create(ring.realm, ring.algorithm, begun.creation.id));
};

/** A run died while it made a key. If KMS has the key, it is taken in; if not, another is made. */
const resumeCreation = async (ports: StepPorts, ring: KeyRing): Promise<KeyRing | undefined> => {
  const [lost] = await orphans(ports.vault, ring);
  return lost === undefined ? create(ports, ring) : withCreatedKey(ring, lost);
};

/** Keys in KMS that carry this ring's tags and are not in it. */
const orphans = async (vault: KeyVault, ring: KeyRing) => {
  const known = new Set(ring.keys.map((key) => key.keyArn));
  return (await vault.listTagged(ring.realm, ring.algorithm)).filter((key) => !known.has(key.keyArn));
};

/** Collects what crashed or repeated calls have left in KMS. A key that another run is making at this moment is let be. */
const sweep = async ({ vault, clock }: StepPorts, policy: RotationPolicy, ring: KeyRing): Promise<KeyRing> => {
  const now = clock.now();
  for (const orphan of await orphans(vault, ring)) {
    if (orphan.createdAt + policy.creationSeconds < now) await vault.scheduleDeletion(orphan.keyArn);
  }
  return withSweep(ring, now);
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

/** A key that signed after it should have stopped is evidence, and is kept. */
const scheduleDeletion = async ({ vault }: StepPorts, ring: KeyRing, key: SigningKey): Promise<KeyRing> => {
  const lastUsedAt = await vault.lastUsedAt(key.keyArn);
  if (lastUsedAt !== undefined && lastUsedAt > (key.lastSignBefore ?? Number.POSITIVE_INFINITY)) {
    throw new KeyUsedTooLateError(key.kid);
  }
  return withDeletion(ring, key.kid, await vault.scheduleDeletion(key.keyArn));
};

/** Somebody signed with a key after its time. The rotation of its ring goes no further until the operator holds the key. */
export class KeyUsedTooLateError extends Error {
  override readonly name = 'KeyUsedTooLateError';

  constructor(kid: string) {
    super(`key ${kid} has signed after it was taken out of use; hold it and look into CloudTrail`);
  }
}
