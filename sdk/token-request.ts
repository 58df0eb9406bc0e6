/**
 * One token request (RFC 6749 3.2): made, sent, and its answer read. What the server asks for to try again at once, a DPoP nonce
 * or an assertion of another time, it gets once each.
 */

import { type AuthorizationServer, readBody, type Send } from './authorization-server.ts';
import type { ClientAuthentication } from './client-authentication.ts';
import type { DpopProver } from './dpop-prover.ts';
import type { Grant } from './grant.ts';
import type { JsonMembers } from './json-answer.ts';
import { retryAfterSeconds } from './retry-after.ts';
import { fault, nameOfFailure, TokenError } from './token-error.ts';
import type { WallClock } from './wall-clock.ts';

export interface TokenRequest {
  readonly issuer: string;
  readonly clientId: string;
  readonly authentication: ClientAuthentication;
  readonly grant: Grant;
  /** `resource`, `scope` and `authorization_details`. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly prover: DpopProver | undefined;
  readonly clock: WallClock;
}

/** A token as it was given. */
export interface GrantedToken {
  readonly token: string;
  /** For the `Authorization` header. */
  readonly tokenType: 'Bearer' | 'DPoP';
  readonly lifetimeMs: number;
  /** Before the request went out, in milliseconds: the lifetime cannot have begun earlier. */
  readonly requestedAt: number;
}

/** @throws TokenError */
export const requestToken = async (
  request: TokenRequest,
  server: AuthorizationServer,
  send: Send,
): Promise<GrantedToken> => {
  const { clock, prover, authentication } = request;
  const url = authentication.isByCertificate ? server.mutualTlsTokenEndpoint : server.tokenEndpoint;
  const granted = new Set<string>();
  for (;;) {
    const requestedAt = clock.local();
    const response = await send(url, await buildRequest(request, url));
    const body = await readBody(response);
    const hasNonce = prover?.learn(url, response.headers) ?? false;
    if (response.status === 200) return readToken(body, requestedAt, prover !== undefined);
    const refusal = refusalOf(response, body, clock.local());
    const isWorthIt =
      refusal.error === 'use_dpop_nonce' ? hasNonce : isClockFault(refusal) && clock.correct(response.headers);
    if (!isWorthIt || granted.has(refusal.error)) throw refusal;
    granted.add(refusal.error);
  }
};

/** An assertion or a proof of the wrong time is refused in these words, as one with any other fault is. */
const isClockFault = ({ error }: TokenError): boolean =>
  ['invalid_client', 'invalid_grant', 'invalid_dpop_proof'].includes(error);

const buildRequest = async (request: TokenRequest, url: URL): Promise<RequestInit> => {
  const { issuer, clientId, authentication, grant, parameters, prover, clock } = request;
  const now = clock.serverSeconds();
  try {
    const proof = await authentication.prove({ clientId, issuer, now });
    const dpop = await prover?.proof({ method: 'POST', url, now });
    return {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
        ...proof.headers,
        ...(dpop === undefined ? {} : { dpop }),
      },
      body: new URLSearchParams({ ...(await grant()), ...parameters, ...proof.form }).toString(),
    };
  } catch (failure) {
    if (failure instanceof TokenError) throw failure;
    throw fault('request_not_made', nameOfFailure(failure));
  }
};

/** RFC 6749 appendix A.12 */
const VSCHARS = /^[\x20-\x7e]+$/;
/** Where the server does not say (RFC 6749 5.1 leaves it open), a token is taken to live for a minute. */
const UNTOLD_LIFETIME_SECONDS = 60;

const readToken = (body: JsonMembers | undefined, requestedAt: number, mustBeBound: boolean): GrantedToken => {
  const { access_token: token, token_type: type, expires_in: seconds = UNTOLD_LIFETIME_SECONDS } = body ?? {};
  const scheme = typeof type === 'string' ? type.toLowerCase() : '';
  if (typeof token !== 'string' || !VSCHARS.test(token)) throw fault('answer_unusable', 'access_token', 200);
  if (typeof seconds !== 'number' || !(seconds > 0)) throw fault('answer_unusable', 'expires_in', 200);
  // RFC 9449 5: a client to which the binding matters takes no other token.
  if (mustBeBound && scheme !== 'dpop') throw fault('token_not_bound', 'the server took no notice of the proof', 200);
  if (!mustBeBound && scheme !== 'bearer') throw fault('answer_unusable', 'token_type', 200);
  return { token, tokenType: mustBeBound ? 'DPoP' : 'Bearer', lifetimeMs: seconds * 1_000, requestedAt };
};

/** RFC 6749 5.2: the characters that a code and a description may have; what is longer is no code. */
const ERROR_CODE = /^[\x21\x23-\x5b\x5d-\x7e]{1,64}$/;
const DESCRIPTION = /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,256}$/;

const refusalOf = ({ status, headers }: Response, body: JsonMembers | undefined, now: number): TokenError => {
  const { error, error_description: description } = body ?? {};
  const wait = retryAfterSeconds(headers, now);
  if (typeof error !== 'string' || !ERROR_CODE.test(error)) return new TokenError('answer_unusable', '', status, wait);
  const words = typeof description === 'string' && DESCRIPTION.test(description) ? description : '';
  return new TokenError(error, words, status, wait);
};
