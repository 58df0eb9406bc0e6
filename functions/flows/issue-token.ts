/**
 * One token request, in order: parse, verify the client, decide what it may have, build and sign the token. What may be used once is
 * claimed and the token signed at the same time; only if both succeed does the token leave.
 */

import type { AuditFacts, Decided } from '../core/audit.ts';
import { readRequestProof } from '../core/client-proof.ts';
import { accept, type Refusal, type Result, refuse } from '../core/errors.ts';
import { JWT_BEARER } from '../core/grant-type.ts';
import type { KeyRing } from '../core/key-ring.ts';
import { type EpochSeconds, isPartnerId } from '../core/partner.ts';
import { type Quota, type QuotaUse, quotaWait, type RateLimit, rateLimits } from '../core/quota.ts';
import { isRealmName } from '../core/realm.ts';
import type { RawTokenRequest } from '../core/request-form.ts';
import { actorsOf } from '../core/subject.ts';
import { answerTo, type LegacyTokenAnswer, type SignedToken, type TokenAnswer } from '../core/token-answer.ts';
import { type GrantRequest, parseTokenRequest, type TokenRequest } from '../core/token-request.ts';
import { refusalToWire } from '../core/wire-error.ts';
import type { Clock, Ids, QuotaCounter, ReplayClaim, ReplayGuard, Signer } from '../ports.ts';
import { type EntitleClientPorts, type EntitleClientSettings, type Entitled, entitleClient } from './entitle-client.ts';
import type { Asked } from './look-up-client.ts';
import { replayed } from './prove-client.ts';
import { type ActorTokenOrder, signActorToken } from './sign-actor-token.ts';
import { checkSize, signToken, type TokenOrder } from './sign-token.ts';

export interface IssueTokenPorts extends EntitleClientPorts {
  readonly replay: ReplayGuard;
  readonly quotas: QuotaCounter;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly ids: Ids;
}

export type IssueTokenSettings = EntitleClientSettings;

export interface IssuedToken {
  readonly answer: TokenAnswer | LegacyTokenAnswer;
  /** What is left of the client's quota, if it has one. */
  readonly limits: readonly RateLimit[];
  /** For the client's next DPoP proof. */
  readonly dpopNonce?: string;
}

/** @param realm as the path names it: the realm's name or an alias. */
export type IssueToken = (realm: string, request: RawTokenRequest, requestId: string) => Promise<Decided<IssuedToken>>;

/** @throws Outage when DynamoDB or KMS did not answer; no token leaves then. */
export const issueToken =
  (ports: IssueTokenPorts, settings: IssueTokenSettings): IssueToken =>
  async (realm, raw, requestId) => {
    let facts: AuditFacts = {};
    const learn = (more: AuditFacts): void => {
      facts = { ...facts, ...more };
    };
    const result = await decide(ports, settings, { realm, raw, requestId }, learn);
    return { result, facts };
  };

interface IncomingRequest {
  readonly realm: string;
  readonly raw: RawTokenRequest;
  readonly requestId: string;
}

const decide = async (
  ports: IssueTokenPorts,
  settings: IssueTokenSettings,
  { realm, raw, requestId }: IncomingRequest,
  learn: (facts: AuditFacts) => void,
): Promise<Result<IssuedToken>> => {
  // A name that is none is not looked for: it may be longer than DynamoDB takes, and is whatever a caller likes.
  if (!isRealmName(realm)) return refuse({ reason: 'realm_unknown' });
  learn({ realm });
  const request = parseTokenRequest(raw);
  if (!request.ok) return request;
  learn(askedFor(request.value));
  const issued = await issue(ports, settings, { realm, raw, requestId, request: request.value }, learn);
  return issued.ok ? issued : refuse(refusalOf(request.value, issued.refusal));
};

/** RFC 7521 4.1.1: what is wrong with the assertion of a grant is wrong with the grant, also where nothing else proves the client. */
const refusalOf = ({ client, grant }: TokenRequest, because: Refusal): Refusal =>
  client.method === 'none' && grant.type === JWT_BEARER && refusalToWire(because).error === 'invalid_client'
    ? { reason: 'grant_assertion_refused', because }
    : because;

/** Likewise an assertion that was used before, beside another one that proves the client. */
const ofSubject = ({ type }: GrantRequest, { subjectUses }: Entitled, because: Refusal): Refusal =>
  because.reason === 'assertion_replayed' && subjectUses.some(({ jti }) => jti === because.jti)
    ? { reason: type === JWT_BEARER ? 'grant_assertion_refused' : 'subject_token_refused', because }
    : because;

const issue = async (
  ports: IssueTokenPorts,
  settings: IssueTokenSettings,
  { realm, raw, requestId, request }: IncomingRequest & { readonly request: TokenRequest },
  learn: (facts: AuditFacts) => void,
): Promise<Result<IssuedToken>> => {
  const proof = readRequestProof(request);
  if (!proof.ok) return proof;
  learn(claimedBy(proof.value));

  const now = ports.clock.now();
  const client = { realm, request, proof: proof.value, held: raw };
  const entitled = await entitleClient(ports, settings, client, now, learn);
  if (!entitled.ok) return entitled;

  const order = tokenOrder(entitled.value, ports.ids.next(), now);
  learn(factsOf(order, entitled.value));
  // What stands in a token for an old server are names that were bounded when they were registered.
  const size = entitled.value.actorToken === undefined ? checkSize(order, entitled.value.rings) : accept(undefined);
  if (!size.ok) return size;
  const claim = replayClaim(entitled.value, requestId);
  const made = await claimCountAndSign(ports, claim, order, entitled.value);
  if (!made.ok) return refuse(ofSubject(request.grant, entitled.value, made.refusal));
  const { kid, expiresAt, limits, isOverQuota } = made.value;
  learn({ kid, expiresAt, ...(isOverQuota ? { overQuota: true } : {}) });
  const { nonce } = entitled.value;
  return accept({
    answer: answerTo(request, entitled.value, made.value),
    limits,
    ...(nonce === undefined ? {} : { dpopNonce: nonce }),
  });
};

const askedFor = ({ grant, resource, scopes }: TokenRequest): AuditFacts => ({
  grantType: grant.type,
  ...(resource === undefined ? {} : { audience: resource }),
  ...(scopes === undefined ? {} : { scopes }),
});

/** What a refused request claimed to be from: an id, or nothing, since a client that mixes up its parameters sends a secret there. */
const claimedBy = (proof: Asked['proof']): AuditFacts => {
  const { clientId } = proof;
  const jti = proof.type === 'private_key_jwt' ? proof.assertion.claims.jti : undefined;
  return {
    ...(clientId === undefined || !isPartnerId(clientId) ? {} : { client: clientId }),
    ...(jti === undefined ? {} : { assertionId: jti }),
  };
};

const tokenOrder = (
  { realm, partner, entitlement, confirmation }: Entitled,
  jti: string,
  now: EpochSeconds,
): TokenOrder => ({
  grant: {
    ...entitlement,
    issuer: realm.issuer,
    client: partner.id,
    ...(confirmation === undefined ? {} : { confirmation }),
  },
  algorithm: entitlement.algorithm,
  jti,
  now,
});

const factsOf = ({ grant, jti }: TokenOrder, { entitlement, actorToken }: Entitled): AuditFacts => {
  const { audience, scopes, subject, confirmation } = grant;
  const boundBy = [
    ...(confirmation?.jkt === undefined ? [] : (['dpop'] as const)),
    ...(confirmation?.['x5t#S256'] === undefined ? [] : (['mtls'] as const)),
  ];
  return {
    audience,
    scopes,
    ...(actorToken === undefined ? { tokenId: jti } : { profile: entitlement.profile }),
    subject: subject.sub,
    ...(subject.act === undefined ? {} : { actors: actorsOf(subject.act).map(({ sub }) => sub) }),
    ...(boundBy.length === 0 ? {} : { boundBy }),
  };
};

/** An assertion that proves the client and asks for the grant at once is used once. */
const replayClaim = ({ realm, partner, credential, uses }: Entitled, requestId: string): ReplayClaim => ({
  realm: realm.name,
  uses: [...new Map(uses.map((use) => [JSON.stringify([use.kind, use.maker, use.jti]), use])).values()],
  credential: { client: partner.id, id: credential },
  claimedBy: requestId,
});

interface MadeToken extends SignedToken, QuotaState {}

interface QuotaState {
  readonly limits: readonly RateLimit[];
  /** Of a quota that only observes. */
  readonly isOverQuota: boolean;
}

const NO_QUOTA: QuotaState = { limits: [], isOverQuota: false };

/**
 * All calls side by side. A replay or a full quota throws the signature away; whatever keeps the token from leaving gives the
 * assertion back, so that the client may send it again later.
 */
const claimCountAndSign = async (
  { replay, quotas, signer, catalogue }: IssueTokenPorts,
  claim: ReplayClaim,
  order: TokenOrder,
  { rings, partner: { id: client, quota }, actorToken }: Entitled,
): Promise<Result<MadeToken>> => {
  // A client that is known to be over its quota costs no call at all.
  const seen = quota === undefined ? undefined : quotas.lastSeen(claim.realm, client, order.now);
  const known = underQuota(quota, seen && { minute: seen.minute + 1, day: seen.day + 1 }, order.now);
  if (!known.ok) return known;
  const readRings = async () => (await catalogue.read(claim.realm, order.grant.audience, { maxAgeSeconds: 0 })).rings;
  const [claimed, counted, signed] = await Promise.allSettled([
    replay.claim(claim, order.now),
    quota === undefined ? undefined : quotas.count(claim.realm, client, order.now),
    sign(signer, order, actorToken, rings, readRings),
  ]);
  const takeBack = async (): Promise<void> => {
    if (quota !== undefined && counted.status === 'fulfilled') await quotas.takeBack(claim.realm, client, order.now);
  };
  if (claimed.status === 'fulfilled' && claimed.value !== undefined) {
    // Who has got hold of an assertion must not use up its client's quota with it.
    await takeBack();
    return refuse(replayed(claimed.value));
  }
  if (claimed.status === 'fulfilled' && counted.status === 'fulfilled' && signed.status === 'fulfilled') {
    const state = underQuota(quota, counted.value, order.now);
    if (state.ok) return accept({ ...signed.value, ...state.value });
    await Promise.all([replay.release(claim), takeBack()]);
    return state;
  }
  await Promise.all([replay.release(claim), takeBack()]);
  throw firstFailure(claimed, counted, signed);
};

const sign = async (
  signer: Signer,
  order: TokenOrder,
  actorToken: ActorTokenOrder | undefined,
  rings: readonly KeyRing[],
  readRings: () => Promise<readonly KeyRing[]>,
): Promise<SignedToken> => {
  if (actorToken !== undefined) return signActorToken(signer, actorToken, order.now, rings, readRings);
  const { token, kid, claims } = await signToken(signer, order, rings, readRings);
  return { token, kid, issuedAt: claims.iat, expiresAt: claims.exp };
};

/** What is left, or the refusal that says when there will be something again. */
const underQuota = (quota: Quota | undefined, use: QuotaUse | undefined, now: EpochSeconds): Result<QuotaState> => {
  if (quota === undefined || use === undefined) return accept(NO_QUOTA);
  const limits = rateLimits(quota, use, now);
  const retryAfterSeconds = quotaWait(quota, use, now);
  if (retryAfterSeconds === undefined) return accept({ limits, isOverQuota: false });
  return quota.mode === 'observe'
    ? accept({ limits, isOverQuota: true })
    : refuse({ reason: 'quota_exceeded', retryAfterSeconds, limits });
};

const firstFailure = (...settled: readonly PromiseSettledResult<unknown>[]): unknown =>
  settled.find((each): each is PromiseRejectedResult => each.status === 'rejected')?.reason;
