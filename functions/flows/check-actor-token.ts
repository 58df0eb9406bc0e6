/**
 * Is this actor token good at the resource it was made for? Exchange, SharePoint and Skype for Business show one that they have made
 * themselves, or had from an authorization server, where others show a token of ours (MS-XOAUTH 3.2.5). What is behind sees no difference.
 */

import type { AuditFacts } from '../core/audit.ts';
import { accept, type Refusal, type Result, refuse } from '../core/errors.ts';
import { SKEW_SECONDS } from '../core/microsoft-lifetime.ts';
import { isMadeFor } from '../core/microsoft-resource.ts';
import { actorTokenId, isMicrosoftToken, type MicrosoftToken, parseMicrosoftToken } from '../core/microsoft-token.ts';
import type { EpochSeconds, PartnerWithGrants } from '../core/partner.ts';
import { decideEntitlement } from '../core/policy.ts';
import { type RealmDefaults, realmTerms } from '../core/realm.ts';
import { holdsScopes, outlastsDecision } from '../core/resource-entitlement.ts';
import { type AccessTokenClaims, buildClaims } from '../core/token.ts';
import { youngEnough } from '../core/verify-token.ts';
import type {
  AudienceReader,
  Clock,
  Freshness,
  IssuerReader,
  PartnerReader,
  RealmReader,
  ThumbprintReader,
  TokenRevocations,
  UserReader,
} from '../ports.ts';
import type { CheckToken } from './check-token.ts';
import { secondLook } from './second-look.ts';
import { type VerifiedActorToken, verifyActorToken } from './verify-actor-token.ts';
import { verifyPossession } from './verify-possession.ts';

export interface CheckActorTokenPorts {
  readonly partners: PartnerReader & IssuerReader;
  readonly certificates: ThumbprintReader;
  readonly users: Pick<UserReader, 'findUsers'>;
  readonly audiences: AudienceReader;
  readonly realms: RealmReader;
  readonly revocations: Pick<TokenRevocations, 'isRevoked'>;
  readonly clock: Clock;
}

export interface CheckActorTokenSettings {
  readonly realm: string;
  readonly defaults: RealmDefaults;
  readonly audience: string;
  /** What the partner's grant on the audience has to have, every one. @default none */
  readonly scopes?: readonly string[];
  readonly clockToleranceSeconds: number;
  /** How long API Gateway keeps a decision, by the `Authorization` header alone. */
  readonly authorizerCacheSeconds: number;
}

/** Each token by the checks of its kind. */
export const checkEitherToken =
  (checkActor: CheckToken, checkOwn: CheckToken): CheckToken =>
  (request) =>
    request.token !== undefined && isMicrosoftToken(request.token.jws) ? checkActor(request) : checkOwn(request);

/** @throws Outage when DynamoDB did not answer: an unread registry never makes a token good or bad. */
export const checkActorToken =
  (ports: CheckActorTokenPorts, settings: CheckActorTokenSettings): CheckToken =>
  async (request) => {
    const { realm, audience, scopes = [], clockToleranceSeconds: toleranceSeconds } = settings;
    const { authorizerCacheSeconds: cacheSeconds } = settings;
    let facts: AuditFacts = { realm, method: 'actor_token', audience };
    const learn: Learn = (more) => {
      facts = { ...facts, ...more };
    };
    const { token } = request;
    if (token === undefined) return { result: refuse({ reason: 'token_missing' }), facts };
    const now = ports.clock.now();
    const parsed = parseMicrosoftToken(token.jws);
    if (!parsed.ok) return { result: refuse({ reason: 'microsoft_token_refused', fault: parsed.refusal }), facts };
    // It is bound to nothing, and so shown in one way only.
    const shown = await verifyPossession(undefined, token, request, { toleranceSeconds, cacheSeconds }, now);
    if (!shown.ok) return { result: shown, facts };
    const look = async (freshness: Freshness): Promise<Result<AccessTokenClaims>> => {
      const claims = await claimsOf(ports, settings, parsed.value, { freshness, now, learn });
      return claims.ok ? holdsScopes(claims.value, scopes) : claims;
    };
    const cached = await look({});
    const freshness = cached.ok ? undefined : freshnessAfter(cached.refusal);
    const granted = freshness === undefined ? cached : await look(freshness);
    if (!granted.ok) return { result: granted, facts };
    const lasting = outlastsDecision(granted.value, cacheSeconds, now);
    if (!lasting.ok) return { result: lasting, facts };
    const { jti: tokenId } = granted.value;
    const isRevoked = await ports.revocations.isRevoked(realm, tokenId, now);
    return { result: isRevoked ? refuse({ reason: 'token_revoked', tokenId }) : granted, facts };
  };

type Learn = (facts: AuditFacts) => void;

interface Look {
  readonly freshness: Freshness;
  readonly now: EpochSeconds;
  readonly learn: Learn;
}

/** The scopes are those of the grant as it is now, and so the cache may be the reason for a lack of them as well. */
const freshnessAfter = (refusal: Refusal): Freshness | undefined =>
  refusal.reason === 'scope_missing' ? { maxAgeSeconds: 0 } : secondLook(refusal);

/** The claims that a token of ours would have, by which the function behind knows every caller. */
const claimsOf = async (
  ports: CheckActorTokenPorts,
  { realm: name, defaults, audience: resource }: CheckActorTokenSettings,
  token: MicrosoftToken,
  { freshness, now, learn }: Look,
): Promise<Result<AccessTokenClaims>> => {
  const { partners, certificates, users } = ports;
  const [realm, audience] = await Promise.all([
    ports.realms.find(name, freshness),
    ports.audiences.find(name, resource, freshness),
  ]);
  if (realm?.enabled !== true) return refuse({ reason: 'realm_disabled', realm: name });
  const terms = realmTerms(realm, defaults);
  const context = { partners, issuers: partners, certificates, users, realm: terms, freshness, now };
  const verified = await verifyActorToken(context, accept(token));
  if (!verified.ok) return verified;
  const { partner, credential, subject, expiresAt, actorExpiresAt, notBefore } = verified.value;
  const jti = actorTokenId(token.actor.jws, subject.sub);
  // Good until the clock of its maker, however late that is, shows the end of it.
  const until = expiresAt + SKEW_SECONDS;
  // By which it can be revoked: for as long as anybody could put another unsigned part around what is signed.
  const end = { tokenId: jti, expiresAt: actorExpiresAt + SKEW_SECONDS };
  learn({ client: partner.id, clientKey: credential.kid, subject: subject.sub, ...end });
  const called = checkTarget(verified.value, resource);
  if (!called.ok) return called;
  const found = await partners.find(name, partner.id, freshness);
  if (found?.partner.enabled !== true) return refuse({ reason: 'client_disabled', clientId: partner.id });
  const wanted = { resource, scopes: undefined, details: undefined };
  const ring = { ...terms, algorithm: terms.algorithms[0] };
  const entitlement = decideEntitlement(found, ring, wanted, audience, { subject }, now);
  if (!entitlement.ok) return entitlement;
  const [binding] = entitlement.value.bindings;
  // Such a server proves no key, and a rule for all tokens is one for its tokens.
  if (binding !== undefined) return refuse({ reason: 'token_unbound', binding });
  const grant = { ...entitlement.value, issuer: terms.issuer, client: partner.id };
  // As old as its maker has signed that it is, and not from the future, whatever clock that was.
  const issuedAt = Math.min(notBefore, now);
  return youngEnoughFor(found, buildClaims({ ...grant, seconds: until - issuedAt }, jti, issuedAt));
};

/** What is an assertion for the token endpoint is used there, once, and nowhere else. */
const checkTarget = ({ target, isForTokenEndpoint }: VerifiedActorToken, audience: string): Result<undefined> =>
  isForTokenEndpoint
    ? refuse({ reason: 'assertion_resource', resource: audience, madeFor: target.host })
    : isMadeFor(target, audience);

const youngEnoughFor = ({ partner, grants }: PartnerWithGrants, claims: AccessTokenClaims) => {
  const grant = grants.find(({ audience }) => audience === claims.aud);
  const ofPartner = youngEnough(partner, claims);
  return ofPartner.ok ? youngEnough(grant ?? {}, claims) : ofPartner;
};
