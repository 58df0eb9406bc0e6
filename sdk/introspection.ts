/** Asks the token service whether a token is still good (RFC 7662): the only check that sees a revocation at once. */

import { sha256 } from './compact-jws.ts';
import { createExpiringMap } from './expiring-map.ts';
import { invalidToken } from './refusal.ts';
import { type Fetch, fetchObject } from './remote-document.ts';

export interface IntrospectionOptions {
  /** @default - `introspection_endpoint` of the metadata */
  readonly endpoint?: string;
  /**
   * Puts in what proves this resource server as a partner: `client_assertion` and its type into the form, or a header. The form already has
   * `token` and `token_type_hint`.
   */
  readonly authenticate: (form: URLSearchParams, headers: Headers, endpoint: string) => void | Promise<void>;
  /** For how long a token that is active is not asked about again; as long may a revoked one be let in. @default 0 */
  readonly cacheSeconds?: number;
}

export interface IntrospectionRules extends IntrospectionOptions {
  readonly url: () => Promise<string>;
  readonly fetch: Fetch;
  readonly now: () => number;
}

const MAX_REMEMBERED = 10_000;

/** @throws Refusal for a token that is not active, Unavailable where the service did not say. */
export type Introspect = (token: string, expiresAt: number) => Promise<void>;

export const createIntrospection = (rules: IntrospectionRules): Introspect => {
  const { authenticate, cacheSeconds = 0, now } = rules;
  const active = createExpiringMap<true>(MAX_REMEMBERED);
  return async (token, expiresAt) => {
    const asked = now();
    const name = cacheSeconds > 0 ? await sha256(token) : '';
    if (cacheSeconds > 0 && active.get(name, asked) !== undefined) return;
    const url = await rules.url();
    const form = new URLSearchParams({ token, token_type_hint: 'access_token' });
    const headers = new Headers({ accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' });
    await authenticate(form, headers, url);
    // A refusal of our own authentication is a fault of ours and no word on the token: fetchObject takes 200 only.
    const init = { method: 'POST', headers, body: form.toString() };
    const answer = await fetchObject(rules.fetch, 'introspection', url, init);
    if (answer.active !== true) throw invalidToken('inactive');
    if (cacheSeconds > 0) active.set(name, true, Math.min(asked + cacheSeconds, expiresAt), asked);
  };
};
