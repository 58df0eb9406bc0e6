/** What an introspection says of a token (RFC 7662 2.2), plain or as the claims of a signed answer (RFC 9701 5). */

import type { EpochSeconds } from './partner.ts';
import type { AccessTokenClaims } from './token.ts';

/** RFC 9701 5, without the `application/` of its media type (RFC 7515 4.1.9). */
export const INTROSPECTION_JWT_TYPE = 'token-introspection+jwt';

/** Everything that is not active looks the same: expired, revoked, unknown, or none of the caller's business (RFC 7662 2.2). */
export type Introspection =
  | { readonly active: false }
  | (Pick<AccessTokenClaims, (typeof TOLD)[number]> & {
      readonly active: true;
      /** `DPoP` when a proof has to be sent with it (RFC 9449 6.2). */
      readonly token_type: 'Bearer' | 'DPoP';
    });

/** The answer in the form that was asked for. */
export type IntrospectionAnswer =
  | { readonly type: 'json'; readonly introspection: Introspection }
  | { readonly type: 'jwt'; readonly jwt: string };

export const INACTIVE: Introspection = { active: false };

const TOLD = [
  ...(['iss', 'aud', 'sub', 'client_id', 'iat', 'exp', 'jti', 'scope'] as const),
  ...(['act', 'sub_id', 'cnf', 'authorization_details'] as const),
] as const;

/** @param claims of a token that was found to be good. Members that an operator has added stay between client and resource. */
export const introspectionOf = (claims: AccessTokenClaims): Introspection => {
  const { iss, aud, sub, client_id, iat, exp, jti, scope, act, sub_id, cnf, authorization_details: details } = claims;
  return {
    active: true,
    token_type: cnf?.jkt === undefined ? 'Bearer' : 'DPoP',
    ...{ iss, aud, sub, client_id, iat, exp, jti, scope },
    ...(act === undefined ? {} : { act }),
    ...(sub_id === undefined ? {} : { sub_id }),
    ...(cnf === undefined ? {} : { cnf }),
    ...(details === undefined ? {} : { authorization_details: details }),
  };
};

/**
 * RFC 9701 5: about the token only what stands in `token_introspection`, and no `sub` or `exp` of its own, so that nobody takes the
 * answer for an access token.
 */
export const introspectionClaims = (issuer: string, caller: string, answer: Introspection, now: EpochSeconds) => ({
  iss: issuer,
  aud: caller,
  iat: now,
  token_introspection: answer,
});
