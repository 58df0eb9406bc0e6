/** Invariants of the cycle itself: one key signs, states follow each other, runs do no harm to each other. */

import { activeKey, type KeyState, type SigningKey } from '../../../functions/core/key-ring.ts';
import { planRotation, standbyReadyAt } from '../../../functions/core/rotation-plan.ts';
import { breakGlasses, changesOf, end, entry, lastSeen, must } from '../history.ts';
import { REQUEST_SECONDS } from '../issuing.ts';
import { isEnabled } from '../key-service.ts';
import type { Invariant } from '../property.ts';
import { INTERVAL, POLICY, settle, settleToStandbys } from '../schedule.ts';
import type { World } from '../world.ts';

/** Runs that are enough for everything that can have piled up, and for one sweep. */
const SETTLING_RUNS = 36;

const activeKeys = (keys: readonly SigningKey[]): number => keys.filter((key) => key.state === 'active').length;

/** The next rotations come when they are due. */
const mustRotate = async (world: World): Promise<void> => {
  await settleToStandbys(world);
  for (const [algorithm, ring] of world.rings) {
    const before = activeKey(ring);
    must(before !== undefined, () => `${algorithm} has no active key in the end`);
    must(ring.keys.filter((key) => key.state === 'standby').length === 1, () => `${algorithm} has no standby`);
  }
  const first = new Map(world.options.algorithms.map((algorithm) => [algorithm, world.activeKid(algorithm)]));
  const due = Math.max(
    ...[...world.rings.values()].flatMap(({ keys }) => [
      ...keys.map((key) => (key.state === 'active' ? (key.rotateNotBefore ?? 0) : 0)),
      ...keys.map((key) => (key.state === 'standby' ? standbyReadyAt(key, world.policy) : 0)),
      ...keys.map((key) => (key.state === 'retiring' ? (key.retireNotBefore ?? 0) : 0)),
    ]),
  );
  await world.wait(Math.max(0, due - world.time) + INTERVAL);
  await settle(world, 8);
  for (const [algorithm, kid] of first)
    must(world.activeKid(algorithm) !== kid, () => `${algorithm} still signs with ${kid}, which is overdue`);
};

export const oneActiveKey: Invariant = {
  name: '1 one key of a ring signs, from the first one on for ever, and the next takes over in time',
  holds: async (world) => {
    const excused = breakGlasses(world);
    for (const save of world.saves) {
      const [before, after] = [activeKeys(save.before?.keys ?? []), activeKeys(save.after.keys)];
      must(after <= 1, () => `${after} active keys in version ${save.after.version}`);
      must(after >= before || excused.includes(save), () => `version ${save.after.version} has lost its active key`);
    }
    await settle(world, SETTLING_RUNS);
    await mustRotate(world);
  },
};

export const signsWhileActive: Invariant = {
  name: '2 a key signs while it is active and at no other time; out of use, KMS does not let it',
  holds: async (world) => {
    await settle(world, SETTLING_RUNS);
    const { ringCacheSeconds } = world.policy;
    for (const { kid, signedAt } of world.tokens) {
      const [from, until] = [entry(world, kid, 'active'), end(world, kid, 'active')];
      must(from !== undefined && from.time <= signedAt, () => `${kid} has signed before it was active`);
      const late = signedAt - (until?.time ?? signedAt);
      must(late <= ringCacheSeconds + REQUEST_SECONDS, () => `${kid} has signed ${late} s after its time`);
      const last = lastSeen(world, kid)?.lastSignBefore ?? signedAt;
      must(signedAt <= last, () => `${kid} has signed ${signedAt - last} s after its last signature`);
    }
    await world.wait(world.options.disableSeconds);
    for (const { keys } of world.rings.values()) {
      for (const key of keys) {
        const isRecent = (key.revokedAt ?? key.retiredAt ?? 0) > world.time - 8 * INTERVAL;
        const isKeptAsItIs = key.hold === true && key.revokedAt === undefined;
        if (!OUT_OF_USE.includes(key.state) || isRecent || isKeptAsItIs) continue;
        const known = world.kms.find(key.keyArn);
        must(known === undefined || !isEnabled(known), () => `${key.state} key ${key.kid} can still sign`);
      }
    }
  },
};

const OUT_OF_USE: readonly KeyState[] = ['retired', 'revoked', 'pending-deletion'];

/** Every edge of the machine; `undefined` is a key that no ring knows. */
const EDGES: readonly string[] = [
  'undefined created',
  ...['created standby', 'standby active', 'active retiring', 'retiring retired', 'retired pending-deletion'],
  ...['created revoked', 'standby revoked', 'active revoked', 'retiring revoked', 'retired revoked'],
  ...['revoked pending-deletion', 'pending-deletion undefined'],
  // The deletion was taken back.
  ...['pending-deletion retired', 'pending-deletion revoked'],
  // KMS has deleted it before the ring could say so.
  ...['retired undefined', 'revoked undefined'],
];

export const monotone: Invariant = {
  name: '9 a key never goes back, except from its deletion to where it was',
  holds: (world) => {
    for (const { from, to } of world.saves.flatMap(changesOf)) {
      const edge = `${from?.state} ${to?.state}`;
      must(from?.state === to?.state || EDGES.includes(edge), () => `${from?.kid ?? to?.kid} went ${edge}`);
      const isReturn = from?.state === 'pending-deletion' && to !== undefined;
      const wasRevoked = from?.revokedAt !== undefined;
      if (isReturn && to.state !== from.state)
        must((to.state === 'revoked') === wasRevoked, () => `${to.kid} came back from its deletion as ${to.state}`);
      must(from?.revokedAt === undefined || to === undefined || to.revokedAt === from.revokedAt, () => 'a pardon');
    }
  },
};

/** Word of a creation is written before its key is made, and none begins while another may still be at work. */
const mustMakeOneKeyAtATime = (world: World): void => {
  const ids = [...world.kms.keys.values()].map((key) => key.creationId);
  must(new Set(ids).size === ids.length, () => 'one creation has made two keys');
  for (const { keyArn, creationId, createdAt } of world.kms.keys.values()) {
    const word = world.saves.find(({ after }) => after.creation?.id === creationId);
    must(word !== undefined && word.time <= createdAt, () => `${keyArn} was made without a word`);
  }
  for (const { time, before, after } of world.saves) {
    if (before?.creation === undefined || after.creation === undefined) continue;
    const isNew = before.creation.id !== after.creation.id;
    const early = before.creation.startedAt + POLICY.creationSeconds - POLICY.clockSkewSeconds - time;
    must(!isNew || early <= 0, () => `a creation was given up ${early} s early`);
  }
};

const snapshot = (world: World): string =>
  JSON.stringify([[...world.rings], [...world.kms.keys.values()].map((key) => ({ ...key, lastUsedAt: undefined }))]);

export const idempotent: Invariant = {
  name: '10 a run that follows another does nothing more, and of runs at the same time one wins each step',
  holds: async (world) => {
    for (const { before, after } of world.saves)
      must(after.version === (before?.version ?? 0) + 1, () => `a write of version ${after.version} was lost`);
    mustMakeOneKeyAtATime(world);
    await settle(world, 0);
    // As many as can be due at one moment; every run stands for one step of each ring.
    for (let run = 0; run < 40; run += 1) await (await world.startRun(1, { skew: 0 })).finish();
    const settled = snapshot(world);
    await (await world.startRun(8, { skew: 0 })).finish();
    must(snapshot(world) === settled, () => 'a run has changed what a run had settled');
    for (const ring of world.rings.values())
      must(
        world.options.replace.ports !== undefined || isAtRest(world, ring),
        () => `${ring.algorithm} is not at rest`,
      );
  },
};

/** Nothing is planned but what has to wait for something outside. */
const isAtRest = (world: World, ring: Parameters<typeof planRotation>[1]): boolean => {
  const step = planRotation(world.time, ring, world.policy);
  return step === undefined || step.kind === 'activate';
};
