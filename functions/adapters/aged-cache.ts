/** A bounded cache whose reader says how old an answer may be. */

import { LRUCache } from 'lru-cache';
import type { Freshness } from '../ports.ts';

/** Bounds the memory that a flood of different names could take. */
const MAX_CACHED = 1_000;

export interface AgedCache<Value extends object> {
  get(key: string, freshness?: Freshness): Value | undefined;
  /** @param readAt when the read began, by `performance.now()`: an answer is as old as its question. */
  set(key: string, value: Value, readAt: number): void;
  delete(key: string): void;
}

/** @param seconds how old an answer may be that is asked for without any wish; 0: nothing is kept. */
export const agedCache = <Value extends object>(seconds: number, max = MAX_CACHED): AgedCache<Value> => {
  // lru-cache takes a ttl of 0 for "forever".
  const entries = seconds === 0 ? undefined : new LRUCache<string, Value>({ max, ttl: seconds * 1_000 });
  return {
    get: (key, { maxAgeSeconds = seconds } = {}) => {
      const ageSeconds = seconds - (entries?.getRemainingTTL(key) ?? 0) / 1_000;
      return ageSeconds < maxAgeSeconds ? entries?.get(key) : undefined;
    },
    set: (key, value, readAt) => {
      entries?.set(key, value, { start: readAt });
    },
    delete: (key) => {
      entries?.delete(key);
    },
  };
};
