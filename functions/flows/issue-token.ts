/**
 * One token request, in order: parse, verify the client, decide what it may have, build and sign the token. The assertion is
 * claimed and the token signed at the same time; only if both succeed does the token leave.
 */

import { assertionId, type ParsedAssertion, parseAssertion } from '../core/assertion.ts';
import type { AuditFacts, Decided } from '../core/audit.ts';
import { ASSERTION_ALLOWANCES } from '../core/compatibility.ts';
import { accept, type Refusal, type Result, refuse } from '../core/errors.ts';
import { type EpochSeconds, isPartnerId } from '../core/partner.ts';
import { type Quota, type QuotaUse, quotaWait, type RateLimit, rateLimits } from '../core/quota.ts';
import { isRealmName } from '../core/realm.ts';
import type { AccessTokenClaims } from '../core/token.ts';
import { parseTokenRequest, type RawTokenRequest, type TokenRequest } from '../core/token-request.ts';
import type { AssertionUse, Clock, Ids, QuotaCounter, ReplayGuard, Signer } from '../ports.ts';
import { type EntitleClientPorts, type EntitleClientSettings, type Entitled, entitleClient } from './entitle-client.ts';
import { type SignedToken, signingKey, signToken, type TokenOrder } from './sign-token.ts';

export interface IssueTokenPorts extends EntitleClientPorts {
  readonly replay: ReplayGuard;
  readonly quotas: QuotaCounter;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly ids: Ids;
}

export type IssueTokenSettings = EntitleClientSettings;

/** RFC 6749 5.1 */
interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly scope: string;
}

export interface IssuedToken {
  readonly answer: TokenAnswer;
  /** What is left of the client's quota, if it has one. */
  readonly limits: readonly RateLimit[];
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
  const assertion = parseAssertion(request.value.clientAssertion);
  if (!assertion.ok) return assertion;
  learn(askedFor(request.value, assertion.value));
  const mismatch = clientIdMismatch(request.value, assertion.value);
  if (mismatch !== undefined) return refuse(mismatch);

  const now = ports.clock.now();
  const client = { realm, request: request.value, assertion: assertion.value };
  const entitled = await entitleClient(ports, settings, client, now, learn);
  if (!entitled.ok) return entitled;

  const order = tokenOrder(entitled.value, ports.ids.next(), now);
  learn({ audience: order.grant.audience, scopes: order.grant.scopes, tokenId: order.jti });
  const use = assertionUse(settings, assertion.value, entitled.value, requestId);
  const made = await claimCountAndSign(ports, use, order, entitled.value);
  if (!made.ok) return made;
  const { token, claims, kid, limits, isOverQuota } = made.value;
  learn({ kid, expiresAt: claims.exp, ...(isOverQuota ? { overQuota: true } : {}) });
  return accept({ answer: answer(token, claims), limits });
};

const askedFor = (request: TokenRequest, assertion: ParsedAssertion): AuditFacts => ({
  client: assertion.claims.sub,
  ...(assertion.claims.jti === undefined ? {} : { assertionId: assertion.claims.jti }),
  ...(request.resource === undefined ? {} : { audience: request.resource }),
  ...(request.scopes === undefined ? {} : { scopes: request.scopes }),
});

/**
 * RFC 7521 4.2: `client_id` is not needed beside an assertion, but must name the same client. What is no id is not repeated in
 * the log: a client that mixes up its parameters sends an assertion or a secret there.
 */
const clientIdMismatch = ({ clientId }: TokenRequest, { claims }: ParsedAssertion): Refusal | undefined =>
  clientId === undefined || clientId === claims.sub
    ? undefined
    : { reason: 'client_id_mismatch', clientId: isPartnerId(clientId) ? clientId : 'other', subject: claims.sub };

const tokenOrder = ({ realm, partner, entitlement }: Entitled, jti: string, now: EpochSeconds): TokenOrder => ({
  grant: { ...entitlement, issuer: realm.issuer, client: partner.id },
  algorithm: entitlement.algorithm,
  jti,
  now,
});

const assertionUse = (
  settings: IssueTokenSettings,
  assertion: ParsedAssertion,
  { realm, partner, credential }: Entitled,
  requestId: string,
): AssertionUse => ({
  realm: realm.name,
  client: partner.id,
  jti: assertionId(assertion),
  reusable: ASSERTION_ALLOWANCES[partner.compatibility].reusable,
  thumbprint: credential,
  forgetAfter: Math.ceil(assertion.claims.exp) + settings.clockToleranceSeconds + 1,
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
  use: AssertionUse,
  order: TokenOrder,
  { rings, partner: { quota } }: Entitled,
): Promise<Result<MadeToken>> => {
  // A client that is known to be over its quota costs no call at all.
  const seen = quota === undefined ? undefined : quotas.lastSeen(use.realm, use.client, order.now);
  const known = underQuota(quota, seen && { minute: seen.minute + 1, day: seen.day + 1 }, order.now);
  if (!known.ok) return known;
  // A realm that cannot sign at all claims nothing.
  signingKey(rings, order.algorithm);
  const readRings = async () => (await catalogue.read(use.realm, order.grant.audience, { maxAgeSeconds: 0 })).rings;
  const [claim, counted, signed] = await Promise.allSettled([
    replay.claim(use, order.now),
    quota === undefined ? undefined : quotas.count(use.realm, use.client, order.now),
    signToken(signer, order, rings, readRings),
  ]);
  const takeBack = async (): Promise<void> => {
    if (quota !== undefined && counted.status === 'fulfilled') await quotas.takeBack(use.realm, use.client, order.now);
  };
  if (claim.status === 'fulfilled' && claim.value === 'replayed') {
    // Who has got hold of an assertion must not use up its client's quota with it.
    await takeBack();
    return refuse({ reason: 'assertion_replayed', jti: use.jti });
  }
  if (claim.status === 'fulfilled' && counted.status === 'fulfilled' && signed.status === 'fulfilled') {
    const state = underQuota(quota, counted.value, order.now);
    if (state.ok) return accept({ ...signed.value, ...state.value });
    await Promise.all([replay.release(use), takeBack()]);
    return state;
  }
  await Promise.all([replay.release(use), takeBack()]);
  throw firstFailure(claim, counted, signed);
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

const answer = (token: string, claims: AccessTokenClaims): TokenAnswer => ({
  access_token: token,
  token_type: 'Bearer',
  expires_in: claims.exp - claims.iat,
  scope: claims.scope,
});
