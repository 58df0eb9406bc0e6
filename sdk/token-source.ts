/**
 * The partner's side: a source of access tokens for one client and one resource, kept fresh, and put on requests. Make one when
 * the process starts and use it for every call.
 */

import { type AuthorizationServer, discover, type Send } from './authorization-server.ts';
import { authorizedFetch } from './authorized-fetch.ts';
import type { ClientAuthentication } from './client-authentication.ts';
import { createDpopProver, type DpopKeyPair } from './dpop-prover.ts';
import { clientCredentials, type Grant } from './grant.ts';
import { isTrustworthyUrl } from './remote-document.ts';
import { withRetries } from './retry.ts';
import { createTokenCache, type HeldToken } from './token-cache.ts';
import { fault, nameOfFailure } from './token-error.ts';
import { requestToken } from './token-request.ts';
import { createWallClock, type WallClock } from './wall-clock.ts';

export interface TokenSourceOptions {
  /** Issuer URL of the realm; its metadata is read from there (RFC 8414) and has to name it. */
  readonly issuer: string;
  readonly clientId: string;
  /** How the client proves who it is: `privateKeyJwt(...)`, `federated(...)`, `clientSecretBasic(...)`, `tls()` ... */
  readonly authentication: ClientAuthentication;
  /** The audience that the tokens are for (RFC 8707). @default the client's only grant */
  readonly resource?: string;
  /** @default all scopes that were granted */
  readonly scope?: string | readonly string[];
  /** RFC 9396 */
  readonly authorizationDetails?: readonly Readonly<Record<string, unknown>>[];
  /** @default clientCredentials() */
  readonly grant?: Grant;
  /** Binds the tokens to a key (RFC 9449): a pair, or `true` for one that is made here. @default bearer tokens */
  readonly dpop?: DpopKeyPair | true;
  /** Whether an answer of a resource says that the token is not good any more. @default 401 with `invalid_token` */
  readonly refusesToken?: (response: Response) => boolean;
  /** Ends all waiting and asking, when the process is to stop. */
  readonly signal?: AbortSignal;
  readonly fetch?: typeof globalThis.fetch;
  /** Seconds since the epoch, with fractions. @default the clock of this machine */
  readonly now?: () => number;
  /** At least 0, less than 1. @default Math.random */
  readonly random?: () => number;
  /** Waits between tries. @default setTimeout */
  readonly wait?: (seconds: number) => Promise<void>;
}

export interface AccessToken {
  readonly token: string;
  /** For the `Authorization` header. */
  readonly tokenType: 'Bearer' | 'DPoP';
  /** Seconds since the epoch, by the clock of this machine. */
  readonly expiresAt: number;
}

/** A request as far as a DPoP proof is about it. A `Request` is one. */
export interface RequestTarget {
  /** @default GET */
  readonly method?: string;
  readonly url: string | URL;
}

export interface WaitOptions {
  /** Ends this caller's waiting; the request goes on for the others. */
  readonly signal?: AbortSignal;
}

export interface TokenSource {
  /** @throws TokenError when there is none in hand and none to be had. */
  token(options?: WaitOptions): Promise<AccessToken>;
  /** `authorization`, and `dpop` where the tokens are bound; for this one request. @throws TokenError */
  headers(request: RequestTarget, options?: WaitOptions): Promise<Record<string, string>>;
  /** Takes over the `DPoP-Nonce` of a resource's answer. Only for requests that went out with `headers`. */
  learn(url: string | URL, responseHeaders: Headers): void;
  /**
   * `fetch` with a token. Sent again, once each, with the nonce that the resource wants to see, and with a new token where it
   * refuses the one in hand; not where the body is a stream, which cannot be sent twice.
   * @throws TokenError, and what `fetch` throws.
   */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>;
  /**
   * Forgets the token in hand, so that the next caller gets a new one.
   * @param token forgets only that one: many calls may be refused with the same token.
   */
  invalidate(token?: string): void;
}

/** @throws TypeError when the issuer is no https URL (plain http is for loopback addresses only). */
export const createTokenSource = (options: TokenSourceOptions): TokenSource => {
  if (!isTrustworthyUrl(options.issuer)) throw new TypeError('the issuer has to be an https URL');
  const { now } = options;
  const clock = createWallClock(now === undefined ? Date.now : () => now() * 1_000);
  const prover = options.dpop === undefined ? undefined : createDpopProver(options.dpop);
  const random = options.random ?? Math.random;
  const cache = createTokenCache({ obtain: obtainer(options, clock, prover, random), now: clock.local, random });

  const sign = async ({ method = 'GET', url }: RequestTarget, { token, tokenType }: HeldToken) => ({
    authorization: `${tokenType} ${token}`,
    ...(prover === undefined
      ? {}
      : { dpop: await prover.proof({ method, url: new URL(url), token, now: clock.serverSeconds() }) }),
  });
  return {
    token: async ({ signal } = {}) => publicView(await cache.get(signal)),
    headers: async (request, { signal } = {}) => sign(request, await cache.get(signal)),
    learn: (url, headers) => void prover?.learn(new URL(url), headers),
    fetch: authorizedFetch({ cache, sign, prover, clock, fetch: options.fetch, refusesToken: options.refusesToken }),
    invalidate: (token) => cache.invalidate(token),
  };
};

const publicView = ({ token, tokenType, expiresAt }: HeldToken): AccessToken => ({
  token,
  tokenType,
  expiresAt: expiresAt / 1_000,
});

const TRY_MS = 10_000;
const METADATA_MS = 3_600_000;

/** Asks for one token, with retries, at the endpoint that the metadata names. */
const obtainer = (
  options: TokenSourceOptions,
  clock: WallClock,
  prover: ReturnType<typeof createDpopProver> | undefined,
  random: () => number,
) => {
  const { issuer, clientId, authentication, grant = clientCredentials() } = options;
  const send = sender(options);
  const server = rememberServer(() => discover(issuer, send, clock.local()), clock.local);
  const request = { issuer, clientId, authentication, grant, parameters: parametersOf(options), prover, clock };
  const { signal } = options;
  const wait = (ms: number) => (options.wait === undefined ? pause(ms, signal) : options.wait(ms / 1_000));
  return () => withRetries(async () => requestToken(request, await server(), send), { now: clock.local, random, wait });
};

/** Once an hour; older metadata is better than none while the server is down. */
const rememberServer = (read: () => Promise<AuthorizationServer>, now: () => number) => {
  let known: { readonly server: AuthorizationServer; readonly readAt: number } | undefined;
  return async (): Promise<AuthorizationServer> => {
    if (known !== undefined && now() - known.readAt < METADATA_MS) return known.server;
    try {
      known = { readAt: now(), server: await read() };
    } catch (failure) {
      if (known === undefined) throw failure;
    }
    return known.server;
  };
};

const parametersOf = ({ resource, scope, authorizationDetails }: TokenSourceOptions): Record<string, string> => ({
  ...(resource === undefined ? {} : { resource }),
  ...(scope === undefined ? {} : { scope: typeof scope === 'string' ? scope : scope.join(' ') }),
  ...(authorizationDetails === undefined ? {} : { authorization_details: JSON.stringify(authorizationDetails) }),
});

const sender = ({ fetch = globalThis.fetch, signal }: TokenSourceOptions): Send => {
  return async (url, init) => {
    const timeout = AbortSignal.timeout(TRY_MS);
    try {
      // Not followed: what is sent is for the server that was asked, and Workers know no `redirect: 'error'`.
      return await fetch(url, {
        ...init,
        redirect: 'manual',
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      });
    } catch (failure) {
      signal?.throwIfAborted();
      throw fault('server_unreachable', nameOfFailure(failure));
    }
  };
};

const pause = async (ms: number, signal: AbortSignal | undefined): Promise<void> => {
  signal?.throwIfAborted();
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
  signal?.throwIfAborted();
};
