/** A pause of the tests. */

import type { Pause } from '../../functions/ports.ts';
import type { TestClock } from './in-memory.ts';

/** Whoever waits lets the time pass. */
export const passing = (clock: TestClock): Pause => ({
  until: async (time) => {
    clock.time = Math.max(clock.time, time);
  },
});
