/** The process's own clock and randomness. */

import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock, Ids, Secrets, Serials } from '../ports.ts';

export const systemClock: Clock = { now: () => Math.floor(Date.now() / 1_000) };

export const randomIds: Ids = { next: () => randomUUID() };

export const randomSerials: Serials = { next: () => randomBytes(20) };

export const randomSecrets: Secrets = { next: () => randomBytes(32).toString('base64url') };
