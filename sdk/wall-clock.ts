/**
 * The time as the server tells it. A clock that is wrong makes assertions and proofs that are refused; the `Date` of the
 * refusal says by how much.
 */

/** Below this the server's own tolerance and our margins do; the header has whole seconds, and travels. */
const NOTICEABLE_MS = 10_000;
/** A server that is believed further than this could have assertions made out for some other day. */
const MAX_CORRECTION_MS = 3_600_000;

export interface WallClock {
  /** Of this machine, in milliseconds since the epoch. */
  local(): number;
  /** As the server would say, in seconds. */
  serverSeconds(): number;
  /**
   * Takes over the time of an answer.
   * @returns whether that made a difference, so that another try may succeed.
   */
  correct(headers: Headers): boolean;
}

export const createWallClock = (now: () => number): WallClock => {
  let offset = 0;
  return {
    local: now,
    serverSeconds: () => Math.floor((now() + offset) / 1_000),
    correct: (headers) => {
      const told = Date.parse(headers.get('date') ?? '');
      const difference = told - now();
      const isNew = Math.abs(difference - offset) >= NOTICEABLE_MS;
      if (!isNew || !(Math.abs(difference) <= MAX_CORRECTION_MS)) return false;
      offset = difference;
      return true;
    },
  };
};
