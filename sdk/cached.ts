/**
 * One remote value, kept for a time. No timer runs: whoever asks for it when it is due renews it, and everybody else who asks meanwhile
 * waits for the same attempt. Beyond its hard age it is never given out, whatever happened to its source.
 */

export interface CacheRules<Value> {
  readonly load: (previous: Value | undefined) => Promise<Value>;
  /** Epoch seconds. */
  readonly now: () => number;
  /** From this age on it is loaded again, where that works. */
  readonly renewAfterSeconds: number;
  /** Up to this age it is given out where loading does not work. */
  readonly maxAgeSeconds: number;
  /** At most one attempt in this time while there is a value that can be used. */
  readonly cooldownSeconds: number;
}

export interface Cached<Value> {
  /** @throws what `load` threw, where there is no value that is young enough. */
  get(): Promise<Value>;
  /**
   * The value, loaded anew unless that was tried a short while ago.
   * @throws what `load` threw.
   */
  renewed(): Promise<Value>;
}

/** A source that fails at once is not asked again by each request, but soon. */
const PAUSE_AFTER_FAILURE_SECONDS = 1;

export const createCached = <Value>(rules: CacheRules<Value>): Cached<Value> => {
  const { load, now, renewAfterSeconds, maxAgeSeconds, cooldownSeconds } = rules;
  let held: { readonly value: Value; readonly asOf: number } | undefined;
  let failure: { readonly error: unknown } | undefined;
  let attemptedAt = Number.NEGATIVE_INFINITY;
  let loading: Promise<Value> | undefined;

  // A clock that was set back makes nothing younger.
  const isYounger = (since: number, seconds: number): boolean => Math.abs(now() - since) < seconds;

  const attempt = async (asOf: number): Promise<Value> => {
    try {
      const value = await load(held?.value);
      // As of the start: what the source said while we waited is no younger than that.
      held = { value, asOf };
      failure = undefined;
      return value;
    } catch (error) {
      failure = { error };
      throw error;
    } finally {
      loading = undefined;
    }
  };

  const loaded = (): Promise<Value> => {
    if (loading === undefined) {
      attemptedAt = now();
      loading = attempt(attemptedAt);
    }
    return loading;
  };

  return {
    async get() {
      if (held !== undefined && isYounger(held.asOf, renewAfterSeconds)) return held.value;
      const usable = held !== undefined && isYounger(held.asOf, maxAgeSeconds) ? held : undefined;
      const pause = usable === undefined ? PAUSE_AFTER_FAILURE_SECONDS : cooldownSeconds;
      if (failure !== undefined && loading === undefined && isYounger(attemptedAt, pause)) {
        if (usable === undefined) throw failure.error;
        return usable.value;
      }
      try {
        return await loaded();
      } catch (error) {
        // The age again: the attempt may have taken long.
        if (usable === undefined || !isYounger(usable.asOf, maxAgeSeconds)) throw error;
        return usable.value;
      }
    },

    async renewed() {
      if (loading !== undefined || !isYounger(attemptedAt, cooldownSeconds)) return loaded();
      if (failure !== undefined) throw failure.error;
      return this.get();
    },
  };
};
