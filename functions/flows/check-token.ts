/**
 * Is this access token good here and now? Signature, claims, and whether the client it was issued to may still have it,
 * and whether it was revoked.
 */

import type { AuditFacts, Decided } from '../core/audit.ts';
import { type Result, refuse } from '../core/errors.ts';
import type { EpochSeconds } from '../core/partner.ts';
import { bindingsOf } from '../core/proof-of-possession.ts';
import { holdsScopes, outlastsDecision } from '../core/resource-entitlement.ts';
import type { ResourceRequest } from '../core/resource-request.ts';
import { type AccessTokenClaims, type ParsedToken, parseToken } from '../core/token.ts';
import { stillAccepted, verifyToken } from '../core/verify-token.ts';
import type {
  AudienceReader,
  Clock,
  Freshness,
  PartnerReader,
  RealmReader,
  ReplayGuard,
  RingReader,
  TokenRevocations,
} from '../ports.ts';
import { checkParties } from './token-parties.ts';
import { useUp, verifyPossession } from './verify-possession.ts';

export interface CheckTokenPorts {
  readonly partners: Pick<PartnerReader, 'find'>;
  readonly audiences: AudienceReader;
  readonly rings: RingReader;
  readonly realms: RealmReader;
  readonly replay: Pick<ReplayGuard, 'claim'>;
  readonly revocations: Pick<TokenRevocations, 'isRevoked'>;
  readonly clock: Clock;
}

export interface CheckTokenSettings {
  readonly realm: string;
  readonly issuer: string;
  readonly audience: string;
  /** What the token has to have, every one. @default none */
  readonly scopes?: readonly string[];
  /** Base URL that the resource is also called by, beside the domain name that API Gateway tells. @default none */
  readonly resourceUrl?: string;
  readonly clockToleranceSeconds: number;
  /** How long API Gateway keeps a decision, by the `Authorization` header alone. */
  readonly authorizerCacheSeconds: number;
}

export type CheckToken = (request: ResourceRequest) => Promise<Decided<AccessTokenClaims>>;

/** @throws Outage when DynamoDB did not answer: an unread registry never makes a token good or bad. */
export const checkToken =
  (ports: CheckTokenPorts, settings: CheckTokenSettings): CheckToken =>
  async (request) => {
    const { realm } = settings;
    const { token: presented } = request;
    if (presented === undefined) return { result: refuse({ reason: 'token_missing' }), facts: { realm } };
    const parsed = parseToken(presented.jws);
    if (!parsed.ok) return { result: parsed, facts: { realm } };
    const facts = factsOf(realm, parsed.value);
    const now = ports.clock.now();
    const claims = await verified(ports, settings, parsed.value, now);
    if (!claims.ok) return { result: claims, facts };
    const { resourceUrl, clockToleranceSeconds: toleranceSeconds, authorizerCacheSeconds: cacheSeconds } = settings;
    const lasting = outlastsDecision(claims.value, cacheSeconds, now);
    if (!lasting.ok) return { result: lasting, facts };
    const rules = { ...(resourceUrl === undefined ? {} : { resourceUrl }), toleranceSeconds, cacheSeconds };
    const possession = await verifyPossession(claims.value.cnf, presented, request, rules, now);
    if (!possession.ok) return { result: possession, facts };
    const { proof } = possession.value;
    const boundBy = bindingsOf(claims.value.cnf) ?? [];
    const proved = boundBy.length === 0 ? facts : { ...facts, boundBy };
    const good = await stillGood(ports, realm, claims.value, now);
    const granted = good.ok ? holdsScopes(good.value, settings.scopes ?? []) : good;
    if (!granted.ok || proof === undefined) return { result: granted, facts: proved };
    // Last of all: what is refused for another reason costs no call.
    const used = await useUp(ports.replay, { realm, requestId: request.requestId }, proof, now);
    return { result: used.ok ? granted : used, facts: proved };
  };

const verified = async (
  { rings }: CheckTokenPorts,
  { realm, issuer, audience, clockToleranceSeconds: toleranceSeconds }: CheckTokenSettings,
  token: ParsedToken,
  now: number,
): Promise<Result<AccessTokenClaims>> =>
  // The rings first, which are nearly always cached: a token that no key of ours has signed makes us read nothing else.
  verifyToken(await rings.list(realm), token, { issuer, audience, toleranceSeconds }, now);

const stillGood = async (
  { partners, audiences, realms, revocations }: CheckTokenPorts,
  name: string,
  claims: AccessTokenClaims,
  now: EpochSeconds,
): Promise<Result<AccessTokenClaims>> => {
  const look = async (freshness: Freshness): Promise<Result<AccessTokenClaims>> => {
    const [realm, client, audience, parties] = await Promise.all([
      realms.find(name, freshness),
      partners.find(name, claims.client_id, freshness),
      audiences.find(name, claims.aud, freshness),
      checkParties(partners, name, claims, freshness),
    ]);
    if (realm?.enabled !== true) return refuse({ reason: 'realm_disabled', realm: name });
    return parties.ok ? stillAccepted(client, audience, claims) : parties;
  };
  const [cached, isRevoked] = await Promise.all([look({}), revocations.isRevoked(name, claims.jti, now)]);
  // The cache may be the reason: what an operator has just enabled must not be refused for half a minute.
  const granted = cached.ok ? cached : await look({ maxAgeSeconds: 0 });
  return granted.ok && isRevoked ? refuse({ reason: 'token_revoked', tokenId: claims.jti }) : granted;
};

const factsOf = (realm: string, { kid, claims }: ParsedToken): AuditFacts => ({
  realm,
  client: claims.client_id.slice(0, 128),
  audience: claims.aud.slice(0, 512),
  kid: kid.slice(0, 64),
  tokenId: claims.jti.slice(0, 64),
  expiresAt: claims.exp,
});
