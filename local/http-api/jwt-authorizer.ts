/**
 * JWT authorizers: the gateway verifies the token itself. No `typ`, no revocation, no binding, as in the real one.
 * Source: API Gateway developer guide, "Control access to HTTP APIs with JWT authorizers", "Troubleshooting ... JWT authorizers".
 */

import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import type { JsonObject } from '../service.ts';
import type { JwtAuthorizer } from './authorizer-definition.ts';
import type { EventContext } from './event.ts';
import { identitySource } from './identity-source.ts';
import { IssuerKeys } from './issuer-keys.ts';
import { claimTexts, scopesOf } from './jwt-claims.ts';
import type { GatewayRequest } from './request.ts';

/** What is known of RSA-based algorithms there. PSS is not mentioned, so nothing here gets used to it. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512'];

/** `challenge` is the value of `www-authenticate`. */
export type JwtAuthorization =
  | { readonly kind: 'allowed'; readonly member: JsonObject }
  | { readonly kind: 'unauthorized' | 'forbidden'; readonly challenge: string };

interface JwtCall {
  readonly authorizer: JwtAuthorizer;
  /** Of the route; one of them is enough. */
  readonly scopes: readonly string[];
  readonly request: GatewayRequest;
  readonly context: EventContext;
}

export class JwtAuthorizers {
  readonly #issuers = new Map<string, IssuerKeys>();

  async authorize({ authorizer, scopes, request, context }: JwtCall): Promise<JwtAuthorization> {
    const token = identitySource(authorizer.identitySource, request, context).replace(/^Bearer /i, '');
    if (token === '') return { kind: 'unauthorized', challenge: 'Bearer' };
    const refuse = (kind: 'unauthorized' | 'forbidden', error: string, description: string): JwtAuthorization => ({
      kind,
      challenge: `Bearer scope="${scopes.join(' ')}" error="${error}" error_description="${description}"`,
    });
    const verified = await this.#verify(token, authorizer);
    if (typeof verified === 'string') return refuse('unauthorized', 'invalid_token', verified);
    const own = scopesOf(verified);
    if (scopes.length > 0 && !scopes.some((scope) => own.includes(scope)))
      return refuse('forbidden', 'insufficient_scope', 'the token has none of the scopes of the route');
    return {
      kind: 'allowed',
      member: { jwt: { claims: claimTexts(verified), scopes: scopes.length === 0 ? null : own } },
    };
  }

  /** The claims, or what is wrong with the token. By the real time of day, which is what tokens are issued by. */
  async #verify(token: string, { issuer, audiences }: JwtAuthorizer): Promise<JWTPayload | string> {
    const keys = this.#issuers.get(issuer) ?? new IssuerKeys(issuer);
    this.#issuers.set(issuer, keys);
    try {
      if (decodeProtectedHeader(token).kid === undefined) return 'the token has no kid';
      const options = { algorithms: ALGORITHMS, issuer, requiredClaims: ['exp'] };
      const { payload } = await jwtVerify(token, keys.find, options);
      return problemOf(payload, audiences) ?? payload;
    } catch (error) {
      return descriptionOf(error);
    }
  }
}

function problemOf({ aud, client_id, iat }: JWTPayload, audiences: readonly string[]): string | undefined {
  // "API Gateway validates client_id only if aud is not present."
  const named = aud === undefined ? [client_id] : [aud].flat();
  if (!named.some((name) => typeof name === 'string' && audiences.includes(name)))
    return 'the token does not have a valid audience';
  return iat !== undefined && iat > Date.now() / 1_000 ? 'the token was issued in the future' : undefined;
}

/** AWS documents one of its descriptions, that for audiences; the others are worded alike. */
function descriptionOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `the token does not have a valid ${error.claim}`;
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the signing method is not supported';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature is invalid';
  if (error instanceof errors.JWKSNoMatchingKey) return 'no key of the issuer has signed the token';
  const isMalformed = error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid;
  return isMalformed || error instanceof TypeError ? 'the token is malformed' : 'the keys of the issuer cannot be read';
}
