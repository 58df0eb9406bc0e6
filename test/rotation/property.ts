/** How a property is run: as often and with the seed that the environment says (`RUNS`, `SEED`), and which seed it was. */

import fc from 'fast-check';
import { play, type Schedule, schedules } from './schedule.ts';
import type { Replacements, World } from './world.ts';

export const RUNS = Number(process.env.RUNS ?? 2_000);
export const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

/** An invariant of the rotation. `holds` throws where it does not; it may let the world go on to find out. */
export interface Invariant {
  readonly name: string;
  holds(world: World): Promise<void> | void;
}

/** Says how to have the same run again. */
export const announce = (name: string): void => {
  process.stdout.write(`${name}: RUNS=${RUNS} SEED=${SEED}\n`);
};

const explained = async (invariant: Invariant, world: World): Promise<void> => {
  try {
    await invariant.holds(world);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${invariant.name}: ${reason}\n${world.log.join('\n')}`, { cause: error });
  }
};

const property = (invariant: Invariant, replace: Replacements) =>
  fc.asyncProperty(schedules, async (schedule: Schedule) => explained(invariant, await play(schedule, replace)));

/** @throws Error with the seed, the shortest schedule that was found, and what happened in it. */
export const assertHolds = async (invariant: Invariant): Promise<void> => {
  announce(invariant.name);
  await fc.assert(property(invariant, {}), { numRuns: RUNS, seed: SEED });
};

/** What the first of so many schedules that breaks the invariant has to say; empty: none does. */
export const violation = async (invariant: Invariant, replace: Replacements, runs: number): Promise<string> => {
  const { errorInstance } = await fc.check(property(invariant, replace), {
    ...{ numRuns: runs, seed: SEED, endOnFailure: true },
  });
  return errorInstance instanceof Error ? errorInstance.message : '';
};
