/** Is this a token of this realm that its parties may still have, and nobody has revoked? For tokens that are handed in at the token endpoint. */

import { type Result, refuse } from '../core/errors.ts';
import type { KeyRing } from '../core/key-ring.ts';
import type { EpochSeconds } from '../core/partner.ts';
import type { RealmTerms } from '../core/realm.ts';
import { type AccessTokenClaims, parseToken } from '../core/token.ts';
import { stillGranted, verifyToken } from '../core/verify-token.ts';
import type { Freshness, PartnerReader, TokenRevocations } from '../ports.ts';
import { checkParties } from './token-parties.ts';

export interface OwnTokenContext {
  readonly partners: PartnerReader;
  readonly revocations: Pick<TokenRevocations, 'isRevoked'>;
  readonly rings: readonly KeyRing[];
  readonly realm: Pick<RealmTerms, 'name' | 'issuer'>;
  readonly toleranceSeconds: number;
  readonly freshness: Freshness;
  readonly now: EpochSeconds;
}

export const verifyOwnToken = async (context: OwnTokenContext, jws: string): Promise<Result<AccessTokenClaims>> => {
  const { partners, revocations, rings, realm, toleranceSeconds, freshness, now } = context;
  const parsed = parseToken(jws);
  if (!parsed.ok) return parsed;
  const claims = await verifyToken(rings, parsed.value, { issuer: realm.issuer, toleranceSeconds }, now);
  if (!claims.ok) return claims;
  const { client_id: client, jti: tokenId } = claims.value;
  const [found, parties, isRevoked] = await Promise.all([
    partners.find(realm.name, client, freshness),
    checkParties(partners, realm.name, claims.value, freshness),
    revocations.isRevoked(realm.name, tokenId, now, freshness),
  ]);
  const granted = stillGranted(found, claims.value);
  if (!granted.ok) return granted;
  if (!parties.ok) return parties;
  return isRevoked ? refuse({ reason: 'token_revoked', tokenId }) : claims;
};
