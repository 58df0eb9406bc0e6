/** What a request shows of itself: its token, and what may prove that the token is its own. Nothing of it is believed yet. */

import { Refusal } from './refusal.ts';

/** What web-standard and Node-style requests have in common. */
export interface RequestLike {
  readonly method: string;
  /** Absolute, as the client has called it; see `dpop.origin` where something stands in between. */
  readonly url: string;
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
}

type Scheme = 'Bearer' | 'DPoP';

export interface PresentedRequest {
  readonly token: string;
  readonly scheme: Scheme;
  /** Values of the `DPoP` headers. */
  readonly proof: string | undefined;
  /** Absent: a token was given alone. */
  readonly method?: string;
  readonly url?: string;
}

/** RFC 6750 2.1, RFC 9449 7.1. Tokens in query or body are not looked for (RFC 9700 4.3.2). @throws Refusal */
export const readRequest = ({ method, url, headers }: RequestLike): PresentedRequest => {
  const authorization = headerOf(headers, 'authorization');
  if (authorization === undefined || !/^(?:bearer|dpop)(?: |$)/i.test(authorization)) {
    throw new Refusal('missing_token', 'no_token');
  }
  // Several headers are joined by commas, which no token has.
  const [, scheme = '', token] = /^(bearer|dpop) +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization) ?? [];
  if (token === undefined) throw new Refusal('invalid_request', 'authorization_malformed');
  const proof = headerOf(headers, 'dpop');
  return { token, scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', proof, method, url };
};

/** Several values joined by commas. */
export const headerOf = (headers: RequestLike['headers'], name: string): string | undefined => {
  // Not instanceof: polyfills have a class of their own.
  if (isHeaders(headers)) return headers.get(name) ?? undefined;
  const values = Object.entries(headers).flatMap(([key, value]) =>
    key.toLowerCase() === name && value !== undefined ? [value].flat() : [],
  );
  return values.length === 0 ? undefined : values.join(', ');
};

const isHeaders = (headers: RequestLike['headers']): headers is Headers => typeof headers.get === 'function';
