/**
 * What an operator may do with signing keys: look, rotate ahead of the calendar, revoke, hold, release, add a ring. Each command
 * is one conditional write; what follows from it (disabling in KMS, a new standby) is done at once by the rotation itself.
 */

import type { JwsAlgorithm } from '../core/algorithms.ts';
import { accept, refuse } from '../core/errors.ts';
import {
  emptyRing,
  findKey,
  type KeyRing,
  type RotationPolicy,
  standbyKey,
  withHold,
  withRevokedKey,
  withRotationAt,
  withRotationDue,
} from '../core/key-ring.ts';
import type { EpochSeconds } from '../core/partner.ts';
import type { AdminResult } from '../core/registration.ts';
import {
  type KeyCommandRefusal,
  planRevocation,
  planRotateAt,
  planRotateNow,
  standbyReadyAt,
} from '../core/rotation-plan.ts';
import { type Clock, Outage, type RingStore, type Signer } from '../ports.ts';
import type { RotateKeys } from './rotate-keys.ts';

export interface ManageKeysPorts {
  readonly rings: RingStore;
  readonly clock: Clock;
  /** The rotation of one realm. */
  readonly rotate: (realm: string) => Promise<RotateKeys>;
  /** By which it goes. */
  readonly policyOf: (realm: string) => Promise<RotationPolicy>;
  readonly signer: Signer;
}

/** A ring as it is, with what is needed to say when it will change. */
export interface RingView {
  readonly ring: KeyRing;
  readonly policy: RotationPolicy;
  readonly now: EpochSeconds;
  /** The call that failed while what follows from a command was done; the next run goes on with it. */
  readonly unfinished?: string;
}

export interface Revocation extends RingView {
  /** For how long verifiers with an older key set may refuse tokens of the key that signs now; 0: nobody does. */
  readonly unverifiableSeconds: number;
}

/** A command that keeps losing to other writers gives up. */
const MAX_CONFLICTS = 5;

/** Enough for everything that a command leads to. */
const MAX_STEPS = 12;

const NOT_NAMED_YET = 'not every public key set names the standby key yet; it takes over as soon as all do';

const notFound = (what: string) => refuse({ reason: 'not_found', what } as const);
const conflict = (detail: string, until?: EpochSeconds) =>
  refuse({ reason: 'conflict', detail, ...(until === undefined ? {} : { until }) } as const);

export type ManageKeys = ReturnType<typeof manageKeys>;

/** Every operation throws Outage when DynamoDB or KMS did not answer. */
export const manageKeys = ({ rings, clock, rotate, policyOf, signer }: ManageKeysPorts) => {
  const view = (ring: KeyRing, policy: RotationPolicy): RingView => ({ ring, policy, now: clock.now() });

  const ringOf = async (realm: string, kid: string): Promise<KeyRing | undefined> =>
    (await rings.list(realm)).find((ring) => findKey(ring, kid) !== undefined);

  /** Changes the ring by its version; the change is worked out anew when somebody else was faster. */
  const changeRing = async (
    realm: string,
    algorithm: JwsAlgorithm,
    change: (ring: KeyRing) => AdminResult<KeyRing>,
  ): Promise<AdminResult<KeyRing>> => {
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
      const ring = (await rings.load(realm, algorithm)) ?? emptyRing(realm, algorithm);
      const changed = change(ring);
      if (!changed.ok || changed.value === ring) return changed;
      if ((await rings.save(changed.value)) === 'saved') return changed;
    }
    return conflict('the ring is being changed by others; try again');
  };

  /** Does what a command has made due, and shows the ring after it. */
  const follow = async (realm: string, algorithm: JwsAlgorithm): Promise<RingView> => {
    const unfinished = await (await rotate(realm))(MAX_STEPS, algorithm).then(() => undefined, outageOperation);
    const ring = (await rings.load(realm, algorithm)) ?? emptyRing(realm, algorithm);
    const seen = view(ring, await policyOf(realm));
    return unfinished === undefined ? seen : { ...seen, unfinished };
  };

  const setHold = async (realm: string, kid: string, hold: boolean): Promise<AdminResult<RingView>> => {
    const found = await ringOf(realm, kid);
    if (found === undefined) return notFound(`key ${kid.slice(0, 64)}`);
    const changed = await changeRing(realm, found.algorithm, (ring) => {
      const key = findKey(ring, kid);
      if (key === undefined) return notFound(`key ${kid.slice(0, 64)}`);
      return accept((key.hold === true) === hold ? ring : withHold(ring, kid, hold));
    });
    return changed.ok ? accept(await follow(realm, found.algorithm)) : changed;
  };

  return {
    list: async (realm: string): Promise<readonly RingView[]> => {
      const policy = await policyOf(realm);
      return (await rings.list(realm)).map((ring) => view(ring, policy));
    },

    /**
     * A planned rotation, now instead of when it is due: the calendar is brought forward, and the rotation does the rest, with
     * the test signature and the look at the public key sets that it owes every key.
     */
    rotateNow: async (realm: string, algorithm: JwsAlgorithm): Promise<AdminResult<RingView>> => {
      const policy = await policyOf(realm);
      let successor: string | undefined;
      const changed = await changeRing(realm, algorithm, (ring) => {
        if (ring.version === 0) return notFound(`${algorithm} ring`);
        const planned = planRotateNow(clock.now(), ring, policy);
        if (!planned.ok) return commandRefused(planned.refusal);
        successor = planned.value;
        return accept(withRotationDue(ring, clock.now()));
      });
      if (!changed.ok) return changed;
      const seen = await follow(realm, algorithm);
      const isWaiting = seen.ring.keys.some((key) => key.kid === successor && key.state === 'standby');
      return isWaiting ? conflict(NOT_NAMED_YET) : accept(seen);
    },

    /**
     * A planned rotation at a time that was agreed with verifiers: by the first run after it. Both keys are public before and after.
     */
    rotateAt: async (realm: string, algorithm: JwsAlgorithm, at: EpochSeconds): Promise<AdminResult<RingView>> => {
      const policy = await policyOf(realm);
      const changed = await changeRing(realm, algorithm, (ring) => {
        if (ring.version === 0) return notFound(`${algorithm} ring`);
        const planned = planRotateAt(clock.now(), ring, policy, at);
        return planned.ok ? accept(withRotationAt(ring, at)) : commandRefused(planned.refusal);
      });
      return changed.ok ? accept(await follow(realm, algorithm)) : changed;
    },

    revoke: async (realm: string, kid: string, breakGlass: boolean): Promise<AdminResult<Revocation>> => {
      const found = await ringOf(realm, kid);
      if (found === undefined) return notFound(`key ${kid.slice(0, 64)}`);
      await proveSuccessor(signer, found, kid);
      const policy = await policyOf(realm);
      let unverifiableSeconds = 0;
      const changed = await changeRing(realm, found.algorithm, (ring) => {
        const planned = planRevocation(clock.now(), ring, policy, kid, breakGlass);
        if (!planned.ok) return commandRefused(planned.refusal);
        if (planned.value.revokedAt !== undefined) return accept(ring);
        unverifiableSeconds = planned.value.state === 'active' ? exposure(ring, policy, clock.now()) : 0;
        return accept(withRevokedKey(ring, kid, policy, clock.now()));
      });
      return changed.ok ? accept({ ...(await follow(realm, found.algorithm)), unverifiableSeconds }) : changed;
    },

    hold: (realm: string, kid: string) => setHold(realm, kid, true),
    release: (realm: string, kid: string) => setHold(realm, kid, false),

    /** A ring of another algorithm. Its first key signs once every verifier can know it. */
    add: async (realm: string, algorithm: JwsAlgorithm): Promise<RingView> => follow(realm, algorithm),
  };
};

/** A standby that cannot sign must not take over, in an emergency least of all. @throws Outage */
const proveSuccessor = async (signer: Signer, ring: KeyRing, kid: string): Promise<void> => {
  const successor = standbyKey(ring);
  if (successor === undefined || findKey(ring, kid)?.state !== 'active') return;
  await signer.sign(successor, ring.algorithm, 'countersign activation test');
};

/**
 * The command itself is written; what could not be done after it, the next run does. To answer it with an error would make
 * callers repeat what is done. @throws what is no outage.
 */
const outageOperation = (error: unknown): string => {
  if (error instanceof Outage) return error.operation;
  throw error;
};

/** Until every verifier's key set has the key that takes over; the whole lead if it is yet to be made. */
const exposure = (ring: KeyRing, policy: RotationPolicy, now: EpochSeconds): number => {
  const standby = standbyKey(ring);
  return standby === undefined ? policy.leadSeconds : Math.max(0, standbyReadyAt(standby, policy) - now);
};

const commandRefused = (refusal: KeyCommandRefusal) => {
  switch (refusal.reason) {
    case 'key_unknown':
      return notFound('key of that kid');
    case 'no_standby':
      return conflict('there is no standby key to take over; the next run makes one');
    case 'standby_uncertified':
      return conflict('the standby key has no certificate yet; the next run gives it one');
    case 'standby_too_young':
      return conflict("the standby key is not in every verifier's cache yet", refusal.until);
    case 'still_draining':
      return conflict('tokens of the key before are still valid, and a fourth key would be published', refusal.until);
    case 'no_active_key':
      return conflict('no key signs yet; the standby does as soon as it may');
    case 'too_early':
      return conflict('the standby key cannot take over that early', refusal.until);
    case 'too_late':
      return conflict('the key that signs may stay for one more period at most', refusal.until);
    case 'already_pending_deletion':
      return conflict('the key is being deleted; hold it first');
  }
};
