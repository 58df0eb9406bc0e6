/** Values in memory until their time has come, and never more than a bound of them. */

export interface ExpiringMap<Value> {
  get(key: string, now: number): Value | undefined;
  /** @returns whether there was room. */
  set(key: string, value: Value, expiresAt: number, now: number): boolean;
}

/** What has expired is dropped when room is needed; what has not is never pushed out. */
export const createExpiringMap = <Value>(maxEntries: number): ExpiringMap<Value> => {
  const entries = new Map<string, { readonly value: Value; readonly expiresAt: number }>();
  const makeRoom = (now: number): boolean => {
    if (entries.size < maxEntries) return true;
    for (const [key, { expiresAt }] of entries) if (expiresAt <= now) entries.delete(key);
    return entries.size < maxEntries;
  };
  return {
    get(key, now) {
      const entry = entries.get(key);
      return entry === undefined || entry.expiresAt <= now ? undefined : entry.value;
    },
    set(key, value, expiresAt, now) {
      if (!entries.has(key) && !makeRoom(now)) return false;
      entries.set(key, { value, expiresAt });
      return true;
    },
  };
};
