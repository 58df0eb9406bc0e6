/** `fetch` with a token on the request, and a second try where the resource's refusal says what to do better. */

import type { DpopProver } from './dpop-prover.ts';
import type { HeldToken, TokenCache } from './token-cache.ts';
import type { WallClock } from './wall-clock.ts';

export interface AuthorizedFetchParts {
  readonly cache: TokenCache;
  readonly sign: (request: { method: string; url: URL }, access: HeldToken) => Promise<Record<string, string>>;
  readonly prover: DpopProver | undefined;
  readonly clock: WallClock;
  readonly fetch: typeof globalThis.fetch | undefined;
  readonly refusesToken: ((response: Response) => boolean) | undefined;
}

/** What is done about a refusal, each at most once for a request. */
type Remedy = 'nonce' | 'clock' | 'token';

export const authorizedFetch = (parts: AuthorizedFetchParts) => {
  const { cache, sign, fetch = globalThis.fetch } = parts;
  return async (input: string | URL, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input);
    const done = new Set<Remedy>();
    for (;;) {
      const access = await cache.get(init.signal ?? undefined);
      const headers = new Headers(init.headers);
      const signed = await sign({ method: init.method ?? 'GET', url }, access);
      for (const [name, value] of Object.entries(signed)) headers.set(name, value);
      const response = await fetch(url, { ...init, headers });
      const remedy = remedyFor(response, url, access, parts);
      if (remedy === undefined || done.has(remedy) || !isRepeatable(init.body)) return response;
      if (remedy === 'token') cache.invalidate(access.token);
      done.add(remedy);
      await response.body?.cancel();
    }
  };
};

const remedyFor = (
  response: Response,
  url: URL,
  { requestedAt }: HeldToken,
  { prover, clock, refusesToken = saysInvalidToken }: AuthorizedFetchParts,
): Remedy | undefined => {
  const hasNonce = prover?.learn(url, response.headers) ?? false;
  if (response.ok) return undefined;
  if (hasNonce && saysError(response, 'use_dpop_nonce')) return 'nonce';
  if (saysError(response, 'invalid_dpop_proof')) return clock.correct(response.headers) ? 'clock' : undefined;
  // One that is refused as soon as it was issued is not what is wrong, and another would be refused as well.
  const isYoung = clock.local() - requestedAt < YOUNG_MS;
  return !isYoung && refusesToken(response) ? 'token' : undefined;
};

const YOUNG_MS = 5_000;

/** RFC 6750 3, RFC 9449 7.1 */
const saysError = ({ status, headers }: Response, error: string): boolean =>
  status === 401 && new RegExp(`\\berror="?${error}\\b`).test(headers.get('www-authenticate') ?? '');

const saysInvalidToken = (response: Response): boolean => saysError(response, 'invalid_token');

const isRepeatable = (body: RequestInit['body']): boolean => !(body instanceof ReadableStream);
