/**
 * A token of the Microsoft profile handed in for one of the token service (RFC 7523 2.1, RFC 8707), which any verifier knows. The service
 * checks it; nothing is believed of it here.
 */

import { sha256 } from './compact-jws.ts';
import { createExpiringMap } from './expiring-map.ts';
import { type JsonMembers, readJsonObject } from './json-answer.ts';
import { invalidToken, Unavailable } from './refusal.ts';
import type { Fetch } from './remote-document.ts';
import { retryAfterSeconds } from './retry-after.ts';

export interface TradeRules {
  readonly fetch: Fetch;
  /** Epoch seconds. */
  readonly now: () => number;
  /** The token endpoint. */
  readonly url: () => Promise<string>;
  /** The audience that the token is to be for. */
  readonly resource: string;
  /** How long a token that was given is used for the one that was handed in. */
  readonly keepSeconds: number;
}

/**
 * @param isAfresh whatever was given for the same token before.
 * @throws Refusal for a token that the service does not take, Unavailable where it did not say.
 */
export type Trade = (
  token: string,
  isAfresh?: boolean,
) => Promise<{ readonly token: string; readonly isKept: boolean }>;

const MAX_KEPT = 10_000;

export const createTrade = (rules: TradeRules): Trade => {
  const kept = createExpiringMap<string>(MAX_KEPT);
  const flights = new Map<string, Promise<string>>();

  const trade = async (name: string, token: string): Promise<string> => {
    const asked = rules.now();
    const { given, seconds } = await handIn(rules, token);
    kept.set(name, given, asked + Math.min(seconds, rules.keepSeconds), asked);
    return given;
  };

  return async (token, isAfresh = false) => {
    // Known by its hash: what is kept here is worth nothing to whoever gets hold of it without the token.
    const name = await sha256(token);
    const held = isAfresh ? undefined : kept.get(name, rules.now());
    if (held !== undefined) return { token: held, isKept: true };
    const flight = flights.get(name) ?? trade(name, token).finally(() => flights.delete(name));
    flights.set(name, flight);
    return { token: await flight, isKept: false };
  };
};

const TIMEOUT_MILLISECONDS = 5_000;

const handIn = async (
  { fetch, url, resource }: TradeRules,
  assertion: string,
): Promise<{ readonly given: string; readonly seconds: number }> => {
  const endpoint = await url();
  const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion, resource };
  const { answer, body } = await post(fetch, endpoint, new URLSearchParams(form));
  const { access_token: given, expires_in: seconds, error } = body;
  if (answer.status === 200 && typeof given === 'string' && typeof seconds === 'number') return { given, seconds };
  // Its own word on the token, and not that of a proxy on the way.
  const isRefused = (answer.status === 400 || answer.status === 401) && typeof error === 'string';
  if (isRefused) throw invalidToken(/^[a-z_]{1,64}$/.test(error) ? `trade_${error}` : 'trade_refused');
  const wait = Math.min(retryAfterSeconds(answer.headers, Date.now()) ?? 1, MAX_WAIT_SECONDS);
  throw new Unavailable('token', new Error(`status ${answer.status}`), Math.max(1, wait));
};

const MAX_WAIT_SECONDS = 300;

const post = async (
  fetch: Fetch,
  url: string,
  form: URLSearchParams,
): Promise<{ readonly answer: Response; readonly body: JsonMembers }> => {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    });
    return { answer, body: (await readJsonObject(answer)) ?? {} };
  } catch (cause) {
    throw new Unavailable('token', cause);
  }
};
