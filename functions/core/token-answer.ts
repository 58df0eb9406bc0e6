/** What a client is answered with its token: as RFC 6749 5.1 says, or as those expect it who ask by the old name of a grant. */

import type { AuthorizationDetail } from './authorization-details.ts';
import { JWT_BEARER, TOKEN_EXCHANGE } from './grant-type.ts';
import type { EpochSeconds } from './partner.ts';
import type { Entitlement } from './policy.ts';
import { formatScope } from './scope.ts';
import type { Confirmation } from './token.ts';
import type { TokenRequest } from './token-request.ts';

/** RFC 6749 5.1 */
export interface TokenAnswer {
  readonly access_token: string;
  /** RFC 8693 2.2.1; there after an exchange. */
  readonly issued_token_type?: string;
  /** `DPoP` when it is bound to the key of a proof (RFC 9449 5). */
  readonly token_type: 'Bearer' | 'DPoP';
  readonly expires_in: number;
  readonly scope: string;
  /** RFC 9396 7 */
  readonly authorization_details?: readonly AuthorizationDetail[];
}

/** MS-XOAUTH; the names are those of the products' client library, to which numbers are text. */
export interface LegacyTokenAnswer {
  readonly token_type: TokenAnswer['token_type'];
  readonly expires_in: string;
  readonly not_before: string;
  readonly expires_on: string;
  readonly resource: string;
  readonly access_token: string;
}

export interface SignedToken {
  readonly token: string;
  /** Of the key that has signed it. */
  readonly kid: string;
  readonly issuedAt: EpochSeconds;
  readonly expiresAt: EpochSeconds;
}

interface Given {
  readonly entitlement: Pick<Entitlement, 'audience' | 'scopes' | 'details'>;
  readonly confirmation?: Confirmation;
}

export const answerTo = (
  { grant, resource }: Pick<TokenRequest, 'grant' | 'resource'>,
  { entitlement, confirmation }: Given,
  { token, issuedAt, expiresAt }: SignedToken,
): TokenAnswer | LegacyTokenAnswer => {
  const { audience, scopes, details } = entitlement;
  const type = confirmation?.jkt === undefined ? 'Bearer' : 'DPoP';
  if (grant.type === JWT_BEARER && grant.isLegacy) {
    return {
      token_type: type,
      expires_in: String(expiresAt - issuedAt),
      not_before: String(issuedAt),
      expires_on: String(expiresAt),
      resource: resource ?? audience,
      access_token: token,
    };
  }
  return {
    access_token: token,
    ...(grant.type === TOKEN_EXCHANGE ? { issued_token_type: grant.requestedType } : {}),
    token_type: type,
    expires_in: expiresAt - issuedAt,
    scope: formatScope(scopes),
    ...(details === undefined ? {} : { authorization_details: details }),
  };
};
