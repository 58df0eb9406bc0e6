/** What the invariants ask of a world's past. */

import { type KeyRing, type KeyState, publishedKeys, type SigningKey } from '../../functions/core/key-ring.ts';
import type { EpochSeconds } from '../../functions/core/partner.ts';
import type { Save, World } from './world.ts';

/** @throws Error with the reason. */
export const must: (holds: boolean, reason: () => string) => asserts holds = (holds, reason) => {
  if (!holds) throw new Error(reason());
};

export interface Change {
  readonly save: Save;
  /** `undefined`: the key was not in the ring, or is not any more. */
  readonly from: SigningKey | undefined;
  readonly to: SigningKey | undefined;
}

/** What a write did to each key of its ring. */
export const changesOf = (save: Save): readonly Change[] => {
  const before = save.before?.keys ?? [];
  const kids = new Set([...before, ...save.after.keys].map((key) => key.kid));
  return [...kids].map((kid) => ({
    save,
    from: before.find((key) => key.kid === kid),
    to: save.after.keys.find((key) => key.kid === kid),
  }));
};

export const isPublished = (ring: KeyRing, kid: string): boolean => publishedKeys(ring).some((key) => key.kid === kid);

/** The write by which a key came into a state, or went out of it. */
export const entry = (world: World, kid: string, ...states: readonly KeyState[]): Save | undefined =>
  world.saves.find(({ after }) => after.keys.some((key) => key.kid === kid && states.includes(key.state)));

/** Ended for good, as far as the world has got. */
export const end = (world: World, kid: string, ...states: readonly KeyState[]): Save | undefined => {
  const isIn = (ring: KeyRing | undefined) =>
    ring?.keys.some((key) => key.kid === kid && states.includes(key.state)) === true;
  return world.saves.findLast(({ before, after }) => isIn(before) && !isIn(after));
};

/** The last that the rings have said of a key, also when it is forgotten. */
export const lastSeen = (world: World, kid: string): SigningKey | undefined => {
  for (const { after } of world.saves.toReversed()) {
    const key = after.keys.find((each) => each.kid === kid);
    if (key !== undefined) return key;
  }
  return undefined;
};

/** When the realm's key set began to be served. */
export const liveSince = (world: World): EpochSeconds =>
  world.saves.find(({ after }) => after.keys.some((key) => key.activatedAt !== undefined))?.time ??
  Number.POSITIVE_INFINITY;

/** Writes that took the active key away because the operator said that it must be, whatever it costs. */
export const breakGlasses = (world: World): readonly Save[] =>
  world.saves.filter(
    (save) =>
      world.commands.some(({ kind, process }) => kind === 'break-glass' && process === save.by) &&
      changesOf(save).some(({ from, to }) => from?.state === 'active' && to?.state === 'revoked'),
  );

/** Whether the key came into use because of such a write: then verifiers need not know it at once. */
export const isFromBreakGlass = (world: World, kid: string): boolean => {
  const activation = entry(world, kid, 'active');
  if (activation === undefined) return false;
  if (breakGlasses(world).includes(activation)) return true;
  const { before } = activation;
  const wasOrphaned = before !== undefined && !before.keys.some((key) => key.state === 'active');
  return wasOrphaned && breakGlasses(world).some(({ after }) => after.algorithm === before.algorithm);
};
