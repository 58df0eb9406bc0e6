/**
 * One token request, in order: parse, verify the client, decide what it may have, build and sign the token. The assertion is
 * claimed and the token signed at the same time; only if both succeed does the token leave.
 */

import type { JwsAlgorithm } from '../core/algorithms.ts';
import { type ParsedAssertion, parseAssertion } from '../core/assertion.ts';
import type { AuditFacts, Decided } from '../core/audit.ts';
import { accept, type Refusal, type Result, refuse } from '../core/errors.ts';
import { isPartnerId } from '../core/partner.ts';
import type { AccessTokenClaims } from '../core/token.ts';
import { parseTokenRequest, type RawTokenRequest, type TokenRequest } from '../core/token-request.ts';
import type { AssertionUse, Clock, Ids, ReplayGuard, Signer } from '../ports.ts';
import { type EntitleClientPorts, type Entitled, entitleClient } from './entitle-client.ts';
import { type SignedToken, signingKey, signToken, type TokenOrder } from './sign-token.ts';

export interface IssueTokenPorts extends EntitleClientPorts {
  readonly replay: ReplayGuard;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly ids: Ids;
}

export interface IssueTokenSettings {
  readonly realm: string;
  readonly issuer: string;
  readonly defaultAlgorithm: JwsAlgorithm;
  readonly accessTokenSeconds: number;
  readonly assertionSeconds: number;
  readonly clockToleranceSeconds: number;
}

/** RFC 6749 5.1 */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly scope: string;
}

export type IssueToken = (request: RawTokenRequest, requestId: string) => Promise<Decided<TokenAnswer>>;

/** @throws Outage when DynamoDB or KMS did not answer; no token leaves then. */
export const issueToken =
  (ports: IssueTokenPorts, settings: IssueTokenSettings): IssueToken =>
  async (raw, requestId) => {
    let facts: AuditFacts = { realm: settings.realm };
    const learn = (more: AuditFacts): void => {
      facts = { ...facts, ...more };
    };
    const result = await decide(ports, settings, raw, requestId, learn);
    return { result, facts };
  };

const decide = async (
  ports: IssueTokenPorts,
  settings: IssueTokenSettings,
  raw: RawTokenRequest,
  requestId: string,
  learn: (facts: AuditFacts) => void,
): Promise<Result<TokenAnswer>> => {
  const request = parseTokenRequest(raw);
  if (!request.ok) return request;
  const assertion = parseAssertion(request.value.clientAssertion);
  if (!assertion.ok) return assertion;
  learn(askedFor(request.value, assertion.value));
  const mismatch = clientIdMismatch(request.value, assertion.value);
  if (mismatch !== undefined) return refuse(mismatch);

  const now = ports.clock.now();
  const entitled = await entitleClient(ports, settings, request.value, assertion.value, now, learn);
  if (!entitled.ok) return entitled;

  const order = tokenOrder(settings, assertion.value, entitled.value, ports.ids.next(), now);
  learn({
    audience: order.grant.audience,
    scopes: order.grant.scopes,
    tokenId: order.jti,
  });
  const use = assertionUse(settings, assertion.value, requestId);
  const signed = await claimAndSign(ports, use, order, entitled.value);
  if (!signed.ok) return signed;
  const { token, claims, kid } = signed.value;
  learn({ kid, expiresAt: claims.exp });
  return accept(answer(token, claims));
};

const askedFor = (request: TokenRequest, assertion: ParsedAssertion): AuditFacts => ({
  client: assertion.claims.sub,
  assertionId: assertion.claims.jti,
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

const tokenOrder = (
  settings: IssueTokenSettings,
  { claims }: ParsedAssertion,
  { entitlement: { audience, scopes, algorithm = settings.defaultAlgorithm } }: Entitled,
  jti: string,
  now: number,
): TokenOrder => ({
  grant: { issuer: settings.issuer, client: claims.sub, audience, scopes, seconds: settings.accessTokenSeconds },
  algorithm,
  jti,
  now,
});

const assertionUse = (settings: IssueTokenSettings, { claims }: ParsedAssertion, requestId: string): AssertionUse => ({
  realm: settings.realm,
  client: claims.sub,
  jti: claims.jti,
  forgetAfter: Math.ceil(claims.exp) + settings.clockToleranceSeconds + 1,
  claimedBy: requestId,
});

/**
 * Two calls, side by side. A replay throws the signature away; a failed signature gives the assertion back, so that the
 * client may send it again once KMS answers.
 */
const claimAndSign = async (
  { replay, signer, catalogue }: IssueTokenPorts,
  use: AssertionUse,
  order: TokenOrder,
  { rings }: Entitled,
): Promise<Result<SignedToken>> => {
  // A realm that cannot sign at all claims nothing.
  signingKey(rings, order.algorithm);
  const readRings = async () => (await catalogue.read(use.realm, order.grant.audience, { maxAgeSeconds: 0 })).rings;
  const [claim, signed] = await Promise.allSettled([
    replay.claim(use, order.now),
    signToken(signer, order, rings, readRings),
  ]);
  if (claim.status === 'fulfilled' && claim.value === 'replayed') {
    return refuse({ reason: 'assertion_replayed', jti: use.jti });
  }
  if (claim.status === 'fulfilled' && signed.status === 'fulfilled') return accept(signed.value);
  await replay.release(use);
  throw claim.status === 'rejected' ? claim.reason : (signed as PromiseRejectedResult).reason;
};

const answer = (token: string, claims: AccessTokenClaims): TokenAnswer => ({
  access_token: token,
  token_type: 'Bearer',
  expires_in: claims.exp - claims.iat,
  scope: claims.scope,
});
