/**
 * Keeps one token: given out while it is good, renewed before it ends, asked for once however many want it. A renewal that fails
 * is nobody's trouble as long as the token in hand is good.
 */

import { TokenError } from './token-error.ts';
import type { GrantedToken } from './token-request.ts';

/** A token, with its times in milliseconds since the epoch by the clock of this machine. */
export interface HeldToken {
  readonly token: string;
  readonly tokenType: 'Bearer' | 'DPoP';
  readonly expiresAt: number;
  readonly requestedAt: number;
}

export interface TokenCache {
  /** @throws TokenError, or the signal's reason, which ends the waiting and not the request that others wait for. */
  get(signal: AbortSignal | undefined): Promise<HeldToken>;
  /** @param token forgets only that one. */
  invalidate(token?: string): void;
}

export interface TokenCacheSettings {
  readonly obtain: () => Promise<GrantedToken>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
}

/** Renewed after 60 to 80 % of the lifetime, each source at a time of its own. */
const RENEW_FROM = 0.6;
const RENEW_SPREAD = 0.2;
/** Before the end a token is not given out any more: it has to arrive, at a server with another clock. */
const MARGIN_MS = 10_000;
const MARGIN_SHARE = 0.1;
const PAUSE_MS = 10_000;

export const createTokenCache = ({ obtain, now, random }: TokenCacheSettings): TokenCache => {
  let held: Held | undefined;
  let flight: Promise<HeldToken> | undefined;

  const renew = (): Promise<HeldToken> => {
    if (flight !== undefined) return flight;
    const own = obtain()
      .then((granted) => {
        const fresh = hold(granted, random());
        if (flight === own) held = fresh;
        return fresh.access;
      })
      .finally(() => {
        if (flight === own) flight = undefined;
      });
    flight = own;
    return own;
  };

  const postpone = (failure: unknown): void => {
    const asked = failure instanceof TokenError ? (failure.retryAfterSeconds ?? 0) * 1_000 : 0;
    if (held !== undefined) held = { ...held, renewAt: now() + Math.max(asked, PAUSE_MS) };
  };

  return {
    get: async (signal) => {
      signal?.throwIfAborted();
      const time = now();
      if (held === undefined || time >= held.usableUntil) return unlessAborted(renew(), signal);
      if (time >= held.renewAt && flight === undefined) renew().catch(postpone);
      return held.access;
    },
    invalidate: (token) => {
      if (token === undefined) flight = undefined;
      if (token === undefined || held?.access.token === token) held = undefined;
    },
  };
};

interface Held {
  readonly access: HeldToken;
  readonly renewAt: number;
  readonly usableUntil: number;
}

const hold = ({ token, tokenType, lifetimeMs, requestedAt }: GrantedToken, random: number): Held => ({
  access: { token, tokenType, expiresAt: requestedAt + lifetimeMs, requestedAt },
  renewAt: requestedAt + lifetimeMs * (RENEW_FROM + RENEW_SPREAD * random),
  usableUntil: requestedAt + lifetimeMs - Math.min(MARGIN_MS, lifetimeMs * MARGIN_SHARE),
});

const unlessAborted = <T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
};
