/**
 * Idempotency of transactions: a request that comes again with its token within ten minutes is answered, not done again
 * (API Reference, TransactWriteItems `ClientRequestToken`).
 */
import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '../service.ts';
import { serviceError } from './errors.ts';
import { isObject } from './members.ts';
import type { Change, Storage } from './storage.ts';

const WINDOW_MILLISECONDS = 600_000;
const TOKENS = 'token~';

interface Seen {
  readonly token: string;
  readonly fingerprint: string;
  /** Epoch milliseconds. */
  readonly until: number;
}

export class RequestTokens {
  /** In order of expiry, since all last equally long. */
  readonly #seen = new Map<string, Seen>();

  private constructor(seen: readonly Seen[]) {
    for (const entry of seen) this.#seen.set(entry.token, entry);
  }

  static async load(storage: Storage): Promise<RequestTokens> {
    const seen: Seen[] = [];
    for await (const row of storage.values(TOKENS)) seen.push(row as Seen);
    return new RequestTokens(seen.sort((a, b) => a.until - b.until));
  }

  /**
   * Whether this very request was done already.
   * @throws AwsError IdempotentParameterMismatchException when it was another request under this token.
   */
  wasDone(token: string, fingerprint: string, now: number): boolean {
    const seen = this.#seen.get(token);
    if (seen === undefined || seen.until <= now) return false;
    if (seen.fingerprint !== fingerprint) {
      throw serviceError(
        'IdempotentParameterMismatchException',
        'DynamoDB rejected the request because you retried a request with a different payload but with an idempotent token that was already used.',
      );
    }
    return true;
  }

  /** What to commit together with the request's own changes; `done` is to be called once that has succeeded. */
  remember(token: string, fingerprint: string, now: number): { readonly changes: Change[]; readonly done: () => void } {
    const seen = { token, fingerprint, until: now + WINDOW_MILLISECONDS };
    const expired: string[] = [];
    for (const { token: old, until } of this.#seen.values()) {
      if (until > now) break;
      expired.push(old);
    }
    return {
      changes: [
        ...expired.map((old): Change => ({ type: 'del', key: TOKENS + old })),
        { type: 'put', key: TOKENS + token, value: seen },
      ],
      done: () => {
        for (const old of expired) this.#seen.delete(old);
        this.#seen.delete(token);
        this.#seen.set(token, seen);
      },
    };
  }
}

/** Equal for requests that differ in the order of members only. */
export function fingerprintOf(request: JsonObject): string {
  return createHash('sha256')
    .update(JSON.stringify(canonical(request)))
    .digest('base64');
}

function canonical(value: Json | undefined): Json {
  if (Array.isArray(value)) return value.map(canonical);
  if (!isObject(value)) return value ?? null;
  return Object.keys(value)
    .sort()
    .map((name) => [name, canonical(value[name])]);
}
