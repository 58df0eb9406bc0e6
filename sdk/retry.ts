/**
 * Asking again where another answer may come: after no answer, 429 and 5xx. At most 10 tries in at most 40 seconds, which is
 * longer than a restart or a short outage of the token service takes.
 */

import { TokenError } from './token-error.ts';

export interface RetrySettings {
  /** Milliseconds. */
  readonly now: () => number;
  /** At least 0, less than 1. */
  readonly random: () => number;
  /** @throws the signal's reason. */
  readonly wait: (milliseconds: number) => Promise<void>;
}

const MAX_TRIES = 10;
const PATIENCE_MS = 40_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;

/** @throws what the last try has thrown. */
export const withRetries = async <T>(attempt: () => Promise<T>, settings: RetrySettings): Promise<T> => {
  const deadline = settings.now() + PATIENCE_MS;
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (failure) {
      const wait = waitAfter(failure, tries, settings.random());
      if (wait === undefined || tries === MAX_TRIES || settings.now() + wait > deadline) throw failure;
      await settings.wait(wait);
    }
  }
};

/** @returns undefined when asking again is no use. */
const waitAfter = (failure: unknown, tries: number, random: number): number | undefined => {
  if (!(failure instanceof TokenError) || !isPassing(failure)) return undefined;
  // 0.75 to 1.25 of it, so that clients that failed together do not come back together.
  const backoff = Math.min(FIRST_WAIT_MS * 2 ** (tries - 1), LONGEST_WAIT_MS) * (0.75 + random / 2);
  return Math.max(backoff, (failure.retryAfterSeconds ?? 0) * 1_000);
};

const isPassing = ({ error, status }: TokenError): boolean =>
  error === 'server_unreachable' || status === 429 || status >= 500;
