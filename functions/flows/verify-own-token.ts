/** Is this a token of this realm whose parties may still have it? For tokens that are handed in at the token endpoint. */

import type { Result } from '../core/errors.ts';
import type { KeyRing } from '../core/key-ring.ts';
import type { EpochSeconds } from '../core/partner.ts';
import type { RealmTerms } from '../core/realm.ts';
import { type AccessTokenClaims, parseToken } from '../core/token.ts';
import { stillGranted, verifyToken } from '../core/verify-token.ts';
import type { Freshness, PartnerReader } from '../ports.ts';
import { checkParties } from './token-parties.ts';

export interface OwnTokenContext {
  readonly partners: PartnerReader;
  readonly rings: readonly KeyRing[];
  readonly realm: Pick<RealmTerms, 'name' | 'issuer'>;
  readonly toleranceSeconds: number;
  readonly freshness: Freshness;
  readonly now: EpochSeconds;
}

export const verifyOwnToken = async (context: OwnTokenContext, jws: string): Promise<Result<AccessTokenClaims>> => {
  const { partners, rings, realm, toleranceSeconds, freshness, now } = context;
  const parsed = parseToken(jws);
  if (!parsed.ok) return parsed;
  const claims = await verifyToken(rings, parsed.value, { issuer: realm.issuer, toleranceSeconds }, now);
  if (!claims.ok) return claims;
  const granted = stillGranted(await partners.find(realm.name, claims.value.client_id, freshness), claims.value);
  if (!granted.ok) return granted;
  const parties = await checkParties(partners, realm.name, claims.value, freshness);
  return parties.ok ? claims : parties;
};
