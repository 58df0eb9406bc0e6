/**
 * Is this access token good here and now? Signature, claims, and whether the client it was issued to may still have it.
 */

import { compactVerify } from 'jose';
import { wireNames } from '../core/algorithms.ts';
import type { AuditFacts, Decided } from '../core/audit.ts';
import { accept, type Result, refuse } from '../core/errors.ts';
import { type KeyRing, publishedKeys, type SigningKey } from '../core/key-ring.ts';
import type { PartnerWithGrants } from '../core/partner.ts';
import { parseScope } from '../core/scope.ts';
import { type AccessTokenClaims, checkTokenClaims, type ParsedToken, parseToken } from '../core/token.ts';
import type { Clock, Freshness, PartnerReader, RealmReader, RingReader } from '../ports.ts';

export interface CheckTokenPorts {
  readonly partners: PartnerReader;
  readonly rings: RingReader;
  readonly realms: RealmReader;
  readonly clock: Clock;
}

export interface CheckTokenSettings {
  readonly realm: string;
  readonly issuer: string;
  readonly audience: string;
  readonly clockToleranceSeconds: number;
}

export type CheckToken = (token: string | undefined) => Promise<Decided<AccessTokenClaims>>;

/** @throws Outage when DynamoDB did not answer: an unread registry never makes a token good or bad. */
export const checkToken =
  (ports: CheckTokenPorts, settings: CheckTokenSettings): CheckToken =>
  async (jws) => {
    if (jws === undefined) return { result: refuse({ reason: 'token_missing' }), facts: { realm: settings.realm } };
    const parsed = parseToken(jws);
    if (!parsed.ok) return { result: parsed, facts: { realm: settings.realm } };
    const facts = factsOf(settings.realm, parsed.value);
    return { result: await check(ports, settings, parsed.value), facts };
  };

const check = async (
  { partners, rings, realms, clock }: CheckTokenPorts,
  settings: CheckTokenSettings,
  token: ParsedToken,
): Promise<Result<AccessTokenClaims>> => {
  // The rings first, which are nearly always cached: a token that no key of ours has signed makes us read nothing else.
  const published = await rings.list(settings.realm);
  const signer = findSigner(published, token.kid);
  if (signer === undefined) return refuse({ reason: 'token_key_unknown', kid: token.kid.slice(0, 64) });
  if (!(await isSignedBy(signer, token))) return refuse({ reason: 'token_signature' });
  const rules = {
    issuer: settings.issuer,
    audience: settings.audience,
    // Fixed before the key signed: a forger who chose `exp` freely would be caught by it.
    maxSeconds: signer.key.maxTokenSeconds ?? 0,
    toleranceSeconds: settings.clockToleranceSeconds,
  };
  const claims = checkTokenClaims(token.claims, rules, clock.now());
  if (!claims.ok) return claims;
  const look = async (freshness: Freshness): Promise<Result<AccessTokenClaims>> => {
    const [realm, client] = await Promise.all([
      realms.find(settings.realm, freshness),
      partners.find(settings.realm, claims.value.client_id, freshness),
    ]);
    if (realm?.enabled !== true) return refuse({ reason: 'realm_disabled', realm: settings.realm });
    return stillGranted(client, claims.value);
  };
  const granted = await look({});
  // The cache may be the reason: what an operator has just enabled must not be refused for half a minute.
  return granted.ok ? granted : look({ maxAgeSeconds: 0 });
};

const findSigner = (rings: readonly KeyRing[], kid: string): { ring: KeyRing; key: SigningKey } | undefined => {
  for (const ring of rings) {
    const key = publishedKeys(ring).find((each) => each.kid === kid);
    if (key !== undefined) return { ring, key };
  }
  return undefined;
};

const isSignedBy = async (
  { ring, key }: { ring: KeyRing; key: SigningKey },
  { jws }: ParsedToken,
): Promise<boolean> => {
  try {
    await compactVerify(jws, key.jwk, { algorithms: [...wireNames(ring.algorithm)] });
    return true;
  } catch {
    return false;
  }
};

/** A token outlives neither its client's place in the realm nor the grant it was issued for. */
const stillGranted = (found: PartnerWithGrants | undefined, claims: AccessTokenClaims): Result<AccessTokenClaims> => {
  if (found === undefined) return refuse({ reason: 'client_unknown', clientId: claims.client_id });
  if (!found.partner.enabled) return refuse({ reason: 'client_disabled', clientId: claims.client_id });
  const grant = found.grants.find((each) => each.audience === claims.aud);
  if (grant === undefined) return refuse({ reason: 'grant_missing', resource: claims.aud });
  const scopes = parseScope(claims.scope);
  if (scopes === undefined) return refuse({ reason: 'token_malformed', detail: 'scope' });
  return scopes.every((scope) => grant.scopes.includes(scope))
    ? accept(claims)
    : refuse({ reason: 'scope_not_granted', asked: scopes, granted: grant.scopes });
};

const factsOf = (realm: string, { kid, claims }: ParsedToken): AuditFacts => ({
  realm,
  client: claims.client_id.slice(0, 128),
  audience: claims.aud.slice(0, 512),
  kid: kid.slice(0, 64),
  tokenId: claims.jti.slice(0, 64),
  expiresAt: claims.exp,
});
