/** What the adapters answer to a request that was not let in. */

import { Unavailable } from './refusal.ts';
import { VerificationError } from './verification-error.ts';

export interface RefusalAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON */
  readonly body: string;
}

/** @returns `undefined` for any other error: that is not ours to answer. */
export const refusalAnswer = (error: unknown): RefusalAnswer | undefined => {
  const json = { 'content-type': 'application/json' };
  if (error instanceof VerificationError) {
    return { status: error.status, headers: { ...json, ...error.headers() }, body: JSON.stringify(error.body()) };
  }
  if (!(error instanceof Unavailable)) return undefined;
  const headers = { ...json, 'retry-after': String(error.retryAfterSeconds), 'cache-control': 'no-store' };
  return { status: error.status, headers, body: JSON.stringify({ error: 'temporarily_unavailable' }) };
};
