/** Invariants of what is published: revoked keys are gone, equal sets are equal bytes, every Region knows a key first. */

import type { KeyRing } from '../../../functions/core/key-ring.ts';
import { breakGlasses, changesOf, isFromBreakGlass, isPublished, must } from '../history.ts';
import type { Invariant } from '../property.ts';
import { POLICY } from '../schedule.ts';
import type { Save, World } from '../world.ts';

export const revokedIsGone: Invariant = {
  name: '12 a revoked key signs for nobody once the caches have run out, and is never published again',
  holds: (world) => {
    for (const [index, save] of world.saves.entries()) {
      for (const { from, to } of changesOf(save)) {
        if (to?.state !== 'revoked' || from?.revokedAt !== undefined) continue;
        const { kid } = to;
        const again = world.saves.slice(index).find(({ after }) => jwksHas(world, after, kid));
        must(again === undefined, () => `${kid} is revoked, and published in version ${again?.after.version}`);
        const late = world.tokens.find(
          (token) => token.kid === kid && token.requestedAt >= save.time + POLICY.ringCacheSeconds,
        );
        must(late === undefined, () => `${kid} has signed for a request after its revocation`);
      }
    }
  },
};

const jwksHas = (world: World, ring: KeyRing, kid: string): boolean =>
  isPublished(ring, kid) || world.jwksOf([ring]).includes(`"${kid}"`);

/** The rings as they were after each write. */
const versionsOf = function* (saves: readonly Save[]): Generator<readonly KeyRing[]> {
  const rings = new Map<string, KeyRing>();
  for (const { after } of saves) {
    rings.set(after.algorithm, after);
    yield [...rings.values()];
  }
};

export const bytesAreStable: Invariant = {
  name: '14 the bytes of the key set change if and only if the set does, whoever reads the rings in whatever order',
  holds: (world) => {
    let [kidsBefore, bytesBefore] = ['', ''];
    for (const rings of versionsOf(world.saves)) {
      const bytes = world.jwksOf(rings);
      must(bytes === world.jwksOf(rings.toReversed()), () => 'the bytes depend on the order of reading');
      const { keys } = JSON.parse(bytes) as { keys: { kid: string; x5t?: string }[] };
      const kids = keys
        .map((key) => `${key.kid} ${key.x5t}`)
        .sort()
        .join();
      must(
        (kids === kidsBefore) === (bytes === bytesBefore) || kidsBefore === '',
        () => 'other bytes for the same set',
      );
      [kidsBefore, bytesBefore] = [kids, bytes];
    }
  },
};

export const slowestRegionFirst: Invariant = {
  name: '16 a key is put to use by plan only when the key sets of all Regions name it',
  holds: async (world) => {
    for (const activation of world.activations) {
      const { save, kid, isNamedEverywhere } = activation;
      const isEmergency = breakGlasses(world).includes(save) || isFromBreakGlass(world, kid) || isRevocation(save);
      must(
        isEmergency || activation.isFirst || isNamedEverywhere,
        () => `${kid} signs, and some Region has no such key`,
      );
    }
  },
};

/** The standby takes over because the active key was revoked: its lead has been served, and there is no time to ask. */
const isRevocation = (save: Save): boolean =>
  changesOf(save).some(({ from, to }) => from?.state === 'active' && to?.state === 'revoked');
