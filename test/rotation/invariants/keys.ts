/** Invariants of the keys: held ones stay, their number is bounded, their names are theirs, none is lost in KMS. */

import { calculateJwkThumbprint, type JWK } from 'jose';
import { algorithmFacts } from '../../../functions/core/algorithms.ts';
import { activeKey, type KeyRing, publishedKeys, type SigningKey } from '../../../functions/core/key-ring.ts';
import { breakGlasses, changesOf, must } from '../history.ts';
import { verifies } from '../key-service.ts';
import type { Invariant } from '../property.ts';
import { INTERVAL, POLICY, settle, settleToStandbys } from '../schedule.ts';
import type { Save, World } from '../world.ts';

/** Until a key that no ring knows is collected: the next sweep, or the one after it if the key is too young for that. */
const HORIZON_RUNS = Math.ceil((POLICY.sweepSeconds + POLICY.creationSeconds) / INTERVAL) + 1;

/** Steps that may have piled up and go first, one a run. */
const BACKLOG_RUNS = 24;

export const holdIsObeyed: Invariant = {
  name: '6 a key on hold is neither retired nor deleted, by nobody and no crash',
  holds: async (world) => {
    for (const { from, to } of world.saves.flatMap(changesOf)) {
      if (from?.hold !== true || from.state === to?.state) continue;
      const isDone = to?.state === 'retired' ? from.state === 'retiring' : to?.state === 'pending-deletion';
      const isLost = to === undefined && !world.kms.deleted.has(from.keyArn);
      must(!isDone && !isLost, () => `${from.kid} is on hold and went from ${from.state} to ${to?.state}`);
    }
    await settle(world, BACKLOG_RUNS + HORIZON_RUNS);
    for (const key of [...world.rings.values()].flatMap((ring) => ring.keys)) {
      const known = world.kms.find(key.keyArn);
      if (key.hold !== true || known === undefined) continue;
      must(known.deletionAt === undefined, () => `${key.kid} is on hold, and KMS is about to delete it`);
    }
  },
};

const heldRetiring = (ring: KeyRing): number =>
  ring.keys.filter((key) => key.state === 'retiring' && key.hold === true).length;

export const publishedSetIsBounded: Invariant = {
  name: '7 two or three keys of a ring are published when it is settled, never none and never more, but for those on hold',
  holds: async (world) => {
    for (const save of world.saves) {
      const count = publishedKeys(save.after).length;
      const was = save.before === undefined ? 0 : publishedKeys(save.before).length;
      // A key that was on hold drains like any other once it is released, beside another one perhaps.
      const most = 3 + heldRetiring(save.after) + releasedLate(world, save.after);
      must(count <= most, () => `${count} keys are published in version ${save.after.version}`);
      const isEmptied = count === 0 && was > 0 && !isOrphaned(world, save) && !wasOnlyStandby(save.before);
      must(!isEmptied, () => `no key is published in version ${save.after.version}`);
    }
    await settle(world, BACKLOG_RUNS);
    await settleToStandbys(world);
    for (const ring of world.rings.values()) {
      // A ring that was added lately has its first key published, which waits for the verifiers.
      if (activeKey(ring) === undefined) continue;
      const count = publishedKeys(ring).length - heldRetiring(ring);
      must(count >= 2 && count <= 3, () => `${count} keys are published in the end`);
    }
  },
};

/** Keys that drain while a younger one drains too, because they were on hold. */
const releasedLate = (world: World, ring: KeyRing): number =>
  ring.keys.filter(
    (key) =>
      key.state === 'retiring' &&
      key.hold !== true &&
      world.commands.some(({ kind, kid }) => kind === 'hold' && kid === key.kid),
  ).length;

/** The operator has taken the signing key away when there was no other, and the next is yet to be made. */
const isOrphaned = (world: World, { after }: Save): boolean =>
  activeKey(after) === undefined && breakGlasses(world).some((save) => save.after.algorithm === after.algorithm);

/** The operator may revoke the very first key before it signs. */
const wasOnlyStandby = (ring: KeyRing | undefined): boolean =>
  ring !== undefined && publishedKeys(ring).every((key) => key.state === 'standby');

const thumbprints = new Map<string, Promise<string>>();

const thumbprintOf = (jwk: JWK): Promise<string> => {
  const text = JSON.stringify(jwk);
  const known = thumbprints.get(text) ?? calculateJwkThumbprint(jwk);
  thumbprints.set(text, known);
  return known;
};

/** Every key that was ever in a ring, once for each KMS key. */
const everyKey = (world: World): readonly SigningKey[] => [
  ...new Map(world.saves.flatMap(({ after }) => after.keys).map((key) => [key.keyArn, key])).values(),
];

export const kidIsTheThumbprint: Invariant = {
  name: '8 a kid is the thumbprint of its key, no two keys share one, and a token names the key that signed it',
  holds: async (world) => {
    const keys = everyKey(world);
    for (const { kid, jwk } of keys) {
      const thumbprint = await thumbprintOf(jwk);
      must(kid === thumbprint, () => `kid ${kid} of a key with the thumbprint ${thumbprint}`);
    }
    const kids = new Set(keys.map((key) => key.kid));
    must(kids.size === keys.length, () => 'two keys share a kid');
    for (const { jws, kid } of world.tokens) {
      const [header = '', payload = '', signature = ''] = jws.split('.');
      const named = (JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }).kid;
      const jwk = keys.find((key) => key.kid === named)?.jwk;
      const isRight = jwk !== undefined && verifies(jwk, `${header}.${payload}`, Buffer.from(signature, 'base64url'));
      must(named === kid && isRight, () => `a token names ${named}, which has not signed it`);
    }
  },
};

export const nothingLeaks: Invariant = {
  name: '11 whatever crashed, runs converge, and a key that no ring knows is collected within the horizon',
  holds: async (world) => {
    await settle(world, BACKLOG_RUNS);
    const [lost] = world.orphans().filter((key) => key.createdAt > world.time - INTERVAL);
    must(lost === undefined, () => `a settled ring still loses keys: ${lost?.keyArn}`);
    await settle(world, HORIZON_RUNS);
    const [orphan] = world.orphans();
    must(orphan === undefined, () => `${orphan?.keyArn} is in KMS and in no ring`);
    for (const ring of world.rings.values()) {
      must(ring.creation === undefined, () => `${ring.algorithm} has been making a key for ever`);
      for (const key of ring.keys.filter(({ state }) => ['created', 'standby', 'active', 'retiring'].includes(state))) {
        const known = world.kms.find(key.keyArn);
        must(
          known?.deletionAt === undefined && known?.isDisabled === false,
          () => `${key.state} ${key.kid} cannot sign`,
        );
      }
    }
    must(world.faults.length === 0, () => `a run has thrown ${String(world.faults[0])}`);
  },
};

export const oneAlgorithmPerRing: Invariant = {
  name: '13 the keys of a ring are all of its algorithm, and so are its tokens',
  holds: (world) => {
    for (const { before, after } of world.saves) {
      must(before === undefined || before.algorithm === after.algorithm, () => 'a ring has changed its algorithm');
      const { kty } = algorithmFacts(after.algorithm);
      const stranger = after.keys.find((key) => key.jwk.kty !== kty);
      must(stranger === undefined, () => `${after.algorithm} has a key of type ${stranger?.jwk.kty}`);
    }
    for (const { jws, kid, algorithm } of world.tokens) {
      const { alg } = JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString()) as { alg: string };
      const ring = [...world.rings.values()].find(({ keys }) => keys.some((key) => key.kid === kid));
      must(alg === algorithm && (ring === undefined || ring.algorithm === alg), () => `${alg} by a key of another`);
    }
  },
};
