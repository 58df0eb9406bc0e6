/** The process's own clock and randomness. */

import { randomBytes } from 'node:crypto';
import type { Clock, Ids, Serials } from '../ports.ts';

export const systemClock: Clock = { now: () => Math.floor(Date.now() / 1_000) };

export const randomIds: Ids = { next: () => randomBytes(16).toString('base64url') };

export const randomSerials: Serials = { next: () => randomBytes(20) };
