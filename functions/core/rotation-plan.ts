/**
 * What should happen to a ring next, and what an operator may make happen now. Pure: the ring, the policy and the time in, a
 * step or a refusal out.
 */

import { accept, type Result, refuse } from './errors.ts';
import {
  activeKey,
  findKey,
  type KeyRing,
  type KeyState,
  type RotationPolicy,
  type SigningKey,
  standbyKey,
} from './key-ring.ts';
import type { EpochSeconds } from './partner.ts';

/** One step of the cycle. Each is safe to repeat: it finds its work done, or the ring's version refuses it. */
export type RotationStep =
  | { readonly kind: 'create' }
  | { readonly kind: 'resume-creation' }
  | { readonly kind: 'sweep' }
  | KeyStep;

/** A step of one key. */
export interface KeyStep {
  readonly kind: KeyStepKind;
  readonly kid: string;
}

type KeyStepKind =
  | 'certify'
  | 'publish'
  | 'schedule-activation'
  | 'activate'
  | 'lengthen'
  | 'retire'
  | 'disable'
  | 'schedule-deletion'
  | 'cancel-deletion'
  | 'forget';

/**
 * The one step that is due, or `undefined`. In this order: what an emergency began, what a run began, what keeps the ring able to
 * sign and to be revoked, what is due by the calendar, and the clearing away.
 */
export const planRotation = (now: EpochSeconds, ring: KeyRing, policy: RotationPolicy): RotationStep | undefined => {
  const first = (matches: (key: SigningKey) => boolean, kind: KeyStepKind): RotationStep | undefined => {
    const key = ring.keys.find(matches);
    return key === undefined ? undefined : { kind, kid: key.kid };
  };
  const standby = standbyKey(ring);
  const uncertified =
    (...states: readonly KeyState[]) =>
    (key: SigningKey): boolean =>
      states.includes(key.state) && lacksCertificate(ring, key, policy);
  return (
    first(
      (key) => isOutOfUse(key) && key.disabledAt === undefined && !(key.hold && key.state === 'retired'),
      'disable',
    ) ??
    first((key) => key.state === 'pending-deletion' && key.hold === true, 'cancel-deletion') ??
    first(uncertified('created'), 'certify') ??
    first((key) => key.state === 'created', 'publish') ??
    first((key) => key.state === 'standby' && key.activateNotBefore === undefined, 'schedule-activation') ??
    // The standby first: as soon as the active key has a certificate, verifiers may fetch both, and they should find both.
    first(uncertified('standby'), 'certify') ??
    first(uncertified('active'), 'certify') ??
    (isActivationDue(now, ring, policy) && standby !== undefined
      ? { kind: 'activate', kid: standby.kid }
      : undefined) ??
    creationStep(now, ring, policy) ??
    first((key) => key.state === 'standby' && policy.maxTokenSeconds > (key.maxTokenSeconds ?? 0), 'lengthen') ??
    first(
      (key) => key.state === 'retiring' && !key.hold && now >= (key.retireNotBefore ?? Number.POSITIVE_INFINITY),
      'retire',
    ) ??
    first(
      (key) => isOutOfUse(key) && !key.hold && now >= (key.deleteNotBefore ?? Number.POSITIVE_INFINITY),
      'schedule-deletion',
    ) ??
    first(
      (key) => key.state === 'pending-deletion' && !key.hold && now >= (key.deletionAt ?? Number.POSITIVE_INFINITY),
      'forget',
    ) ??
    (isSweepDue(now, ring, policy) ? { kind: 'sweep' } : undefined)
  );
};

const lacksCertificate = ({ algorithm }: KeyRing, { certificates = [] }: SigningKey, policy: RotationPolicy): boolean =>
  policy.certificates !== undefined && algorithm === 'RS256' && certificates.length === 0;

/** Not while a key is being made: the sweep's write would overtake that of the new key. */
const isSweepDue = (now: EpochSeconds, ring: KeyRing, policy: RotationPolicy): boolean =>
  ring.version > 0 && ring.creation === undefined && now >= (ring.sweptAt ?? 0) + policy.sweepSeconds;

const isOutOfUse = (key: SigningKey): boolean => key.state === 'retired' || key.state === 'revoked';

/** A ring wants a standby at all times, so that an emergency needs no waiting. */
const creationStep = (now: EpochSeconds, ring: KeyRing, policy: RotationPolicy): RotationStep | undefined => {
  if (standbyKey(ring) !== undefined) return undefined;
  if (ring.creation === undefined) return { kind: 'create' };
  return now >= ring.creation.startedAt + policy.creationSeconds ? { kind: 'resume-creation' } : undefined;
};

/**
 * When the standby may sign: its stored deadline, or later if verifiers are now said to keep key sets for longer, or have to see a
 * certificate that it got after its publication.
 */
export const standbyReadyAt = (standby: SigningKey, policy: RotationPolicy): EpochSeconds => {
  const { publishedAt = 0, certifiedAt = 0, activateNotBefore } = standby;
  const known = Math.max(publishedAt, certifiedAt) + policy.leadSeconds;
  if (activateNotBefore === undefined) return known;
  // A deadline without any lead is a first key's: nobody had anything to cache.
  const waived = activateNotBefore <= publishedAt;
  return waived ? activateNotBefore : Math.max(activateNotBefore, known);
};

const isActivationDue = (now: EpochSeconds, ring: KeyRing, policy: RotationPolicy): boolean => {
  const standby = standbyKey(ring);
  if (standby === undefined || now < standbyReadyAt(standby, policy)) return false;
  const active = activeKey(ring);
  if (active === undefined) return true;
  // A fourth published key would come of it. A key on hold stays published for as long as it is held, and must not stop the rest.
  const isDraining = ring.keys.some((key) => key.state === 'retiring' && !key.hold);
  return now >= (active.rotateNotBefore ?? Number.POSITIVE_INFINITY) && !isDraining;
};

/** Why an operator's command is not carried out. */
export type KeyCommandRefusal =
  | { readonly reason: 'key_unknown' }
  | { readonly reason: 'no_standby' }
  | { readonly reason: 'standby_uncertified' }
  | { readonly reason: 'standby_too_young'; readonly until: EpochSeconds }
  | { readonly reason: 'still_draining'; readonly until: EpochSeconds }
  | { readonly reason: 'no_active_key' }
  | { readonly reason: 'too_early'; readonly until: EpochSeconds }
  | { readonly reason: 'too_late'; readonly until: EpochSeconds }
  | { readonly reason: 'already_pending_deletion' };

/** May the standby take over now, ahead of the calendar? @returns its kid. */
export const planRotateNow = (
  now: EpochSeconds,
  ring: KeyRing,
  policy: RotationPolicy,
): Result<string, KeyCommandRefusal> => {
  const standby = standbyKey(ring);
  if (standby === undefined) return refuse({ reason: 'no_standby' });
  if (lacksCertificate(ring, standby, policy)) return refuse({ reason: 'standby_uncertified' });
  const readyAt = standbyReadyAt(standby, policy);
  if (now < readyAt) return refuse({ reason: 'standby_too_young', until: readyAt });
  const draining = ring.keys.find((key) => key.state === 'retiring' && !key.hold);
  if (draining !== undefined) return refuse({ reason: 'still_draining', until: draining.retireNotBefore ?? now });
  return accept(standby.kid);
};

/**
 * May the standby take over at this time, and the active key sign until then? Sooner than by the calendar or later, but not
 * before every verifier knows the standby, nor by more than one period from now. @returns its kid.
 */
export const planRotateAt = (
  now: EpochSeconds,
  ring: KeyRing,
  policy: RotationPolicy,
  at: EpochSeconds,
): Result<string, KeyCommandRefusal> => {
  const [active, standby] = [activeKey(ring), standbyKey(ring)];
  if (standby === undefined) return refuse({ reason: 'no_standby' });
  if (lacksCertificate(ring, standby, policy)) return refuse({ reason: 'standby_uncertified' });
  if (active === undefined) return refuse({ reason: 'no_active_key' });
  const drained = ring.keys.flatMap((key) =>
    key.state === 'retiring' && !key.hold ? (key.retireNotBefore ?? []) : [],
  );
  const earliest = Math.max(now, standbyReadyAt(standby, policy), ...drained);
  if (at < earliest) return refuse({ reason: 'too_early', until: earliest });
  const latest = Math.max(active.rotateNotBefore ?? 0, now + policy.periodSeconds);
  return at > latest ? refuse({ reason: 'too_late', until: latest }) : accept(standby.kid);
};

/**
 * May this key be revoked now? Revoking the active key makes the standby sign; one that some verifier's cache may not have yet
 * needs `breakGlass`, and there being none at all needs it too.
 */
export const planRevocation = (
  now: EpochSeconds,
  ring: KeyRing,
  policy: RotationPolicy,
  kid: string,
  breakGlass: boolean,
): Result<SigningKey, KeyCommandRefusal> => {
  const key = findKey(ring, kid);
  if (key === undefined) return refuse({ reason: 'key_unknown' });
  if (key.state === 'pending-deletion' && key.revokedAt === undefined)
    return refuse({ reason: 'already_pending_deletion' });
  if (key.state !== 'active' || breakGlass) return accept(key);
  const standby = standbyKey(ring);
  if (standby === undefined) return refuse({ reason: 'no_standby' });
  if (lacksCertificate(ring, standby, policy)) return refuse({ reason: 'standby_uncertified' });
  const readyAt = standbyReadyAt(standby, policy);
  return now < readyAt ? refuse({ reason: 'standby_too_young', until: readyAt }) : accept(key);
};
