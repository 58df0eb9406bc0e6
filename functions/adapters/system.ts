/** The process's own clock and randomness. */

import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Ids, Pause, Secrets, Serials } from '../ports.ts';

export const systemClock: Clock = { now: () => Math.floor(Date.now() / 1_000) };

export const systemPause: Pause = {
  until: async (time) => {
    const end = time * 1_000;
    // A timer may ring a millisecond early.
    for (let left = end - Date.now(); left > 0; left = end - Date.now()) await sleep(Math.min(left, 1_000));
  },
};

export const randomIds: Ids = { next: () => randomUUID() };

export const randomSerials: Serials = { next: () => randomBytes(20) };

export const randomSecrets: Secrets = { next: () => randomBytes(32).toString('base64url') };
