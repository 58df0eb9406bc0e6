/**
 * One token request, in order: parse, verify the client, decide what it may have, build and sign the token. The assertion is
 * claimed and the token signed at the same time; only if both succeed does the token leave.
 */

import type { JwsAlgorithm } from '../core/algorithms.ts';
import { type AssertionRules, findAssertionKey, type ParsedAssertion, parseAssertion } from '../core/assertion.ts';
import type { AuditFacts, Decided } from '../core/audit.ts';
import { verifyClient } from '../core/client-auth.ts';
import { accept, type Refusal, type RefusalReason, type Result, refuse } from '../core/errors.ts';
import { compact, signingInput } from '../core/jws.ts';
import { activeKey, type KeyRing, type SigningKey } from '../core/key-ring.ts';
import { type EpochSeconds, isPartnerId, type PartnerWithGrants } from '../core/partner.ts';
import { decideEntitlement, type Entitlement, requestedAudience } from '../core/policy.ts';
import { ACCESS_TOKEN_TYPE, type AccessTokenClaims, buildClaims } from '../core/token.ts';
import { parseTokenRequest, type RawTokenRequest, type TokenRequest } from '../core/token-request.ts';
import {
  type AssertionUse,
  type Catalogue,
  type CatalogueReader,
  type Clock,
  type Freshness,
  type Ids,
  Outage,
  type PartnerReader,
  type ReplayGuard,
  type Signer,
} from '../ports.ts';

export interface IssueTokenPorts {
  readonly partners: PartnerReader;
  readonly catalogue: CatalogueReader;
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
  const look = (freshness: Freshness): Promise<Result<Entitled>> =>
    entitle(ports, settings, request.value, assertion.value, now, freshness, learn);
  const cached = await look({});
  const entitled =
    cached.ok || !SECOND_LOOK.includes(cached.refusal.reason) ? cached : await look({ maxAgeSeconds: 0 });
  if (!entitled.ok) return entitled;

  const { entitlement, rings } = entitled.value;
  const { ring, key } = signingKey(rings, entitlement.algorithm ?? settings.defaultAlgorithm);
  const claims = claimsOf(settings, assertion.value.claims.sub, entitlement, ring, ports.ids.next(), now);
  learn({
    audience: claims.aud,
    scopes: entitlement.scopes,
    kid: key.kid,
    tokenId: claims.jti,
    expiresAt: claims.exp,
  });

  const use = assertionUse(settings, assertion.value, requestId);
  const token = await claimAndSign(ports, use, now, ring, key, claims);
  return token.ok ? accept(answer(token.value, claims)) : token;
};

/**
 * Refusals of a proven client that the cache may be the reason for: what an operator has just added must not be refused for
 * half a minute. They are looked into once more, with fresh data.
 */
const SECOND_LOOK: readonly RefusalReason[] = [
  'client_disabled',
  'resource_required',
  'resource_unknown',
  'resource_disabled',
  'grant_missing',
  'scope_not_granted',
];

/**
 * The same for a key that the partner does not have. Nobody has proved anything then, so a caller can make us read no more
 * than once in this many seconds.
 */
const UNKNOWN_KEY_MAX_AGE_SECONDS = 5;

interface Entitled {
  readonly entitlement: Entitlement;
  readonly rings: readonly KeyRing[];
}

/** Who is asking, proved, and what it may have. */
const entitle = async (
  ports: IssueTokenPorts,
  settings: IssueTokenSettings,
  request: TokenRequest,
  assertion: ParsedAssertion,
  now: EpochSeconds,
  freshness: Freshness,
  learn: (facts: AuditFacts) => void,
): Promise<Result<Entitled>> => {
  const { found, catalogue } = await lookUp(ports, settings.realm, assertion, request.resource, freshness);
  const verified = await verifyClient(found?.partner, assertion, assertionRules(settings), now);
  if (!verified.ok) return verified;
  learn({ clientKey: verified.value.key.kid });
  const grants = found?.grants ?? [];
  const resource = requestedAudience(request.resource, grants);
  if (!resource.ok) return resource;
  const entitlement = decideEntitlement({ grants }, resource.value, catalogue?.audience, request.scopes);
  if (!entitlement.ok) return entitlement;
  return accept({ entitlement: entitlement.value, rings: catalogue?.rings ?? [] });
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

/** Both reads at once where the request names its resource; where it does not, the partner's only grant tells it. */
const lookUp = async (
  { partners, catalogue }: IssueTokenPorts,
  realm: string,
  assertion: ParsedAssertion,
  resource: string | undefined,
  freshness: Freshness,
): Promise<{ found: PartnerWithGrants | undefined; catalogue: Catalogue | undefined }> => {
  const find = () => findClient(partners, realm, assertion, freshness);
  if (resource !== undefined) {
    const [found, read] = await Promise.all([find(), catalogue.read(realm, resource, freshness)]);
    return { found, catalogue: read };
  }
  const found = await find();
  const only = requestedAudience(resource, found?.grants ?? []);
  return { found, catalogue: only.ok ? await catalogue.read(realm, only.value, freshness) : undefined };
};

/** The partner that the assertion names, with the key that it names if the partner has it. */
const findClient = async (
  partners: PartnerReader,
  realm: string,
  assertion: ParsedAssertion,
  freshness: Freshness,
): Promise<PartnerWithGrants | undefined> => {
  const { sub: client } = assertion.claims;
  // A client id comes from an assertion that nobody has verified yet; what cannot be one is not looked for.
  if (!isPartnerId(client)) return undefined;
  const found = await partners.find(realm, client, freshness);
  const key = found === undefined ? undefined : findAssertionKey(found.partner.keys, assertion);
  if (key === undefined || key.ok || key.refusal.reason !== 'assertion_key_unknown') return found;
  // Looked for before any signature is checked: an unknown key must cost one check, as every other refusal does.
  return partners.find(realm, client, { maxAgeSeconds: UNKNOWN_KEY_MAX_AGE_SECONDS, ...freshness });
};

const assertionRules = (settings: IssueTokenSettings): AssertionRules => ({
  audience: settings.issuer,
  maxSeconds: settings.assertionSeconds,
  toleranceSeconds: settings.clockToleranceSeconds,
});

/** A ring without an active key is a deployment whose first keys are not made yet: not the client's fault. */
const signingKey = (rings: readonly KeyRing[], algorithm: JwsAlgorithm): { ring: KeyRing; key: SigningKey } => {
  const ring = rings.find((each) => each.algorithm === algorithm);
  const key = ring === undefined ? undefined : activeKey(ring);
  if (ring === undefined || key === undefined) {
    throw new Outage('key-ring', new Error(`the ${algorithm} ring has no active key`));
  }
  return { ring, key };
};

const claimsOf = (
  settings: IssueTokenSettings,
  client: string,
  { audience, scopes }: Entitlement,
  ring: KeyRing,
  jti: string,
  now: EpochSeconds,
): AccessTokenClaims => {
  const seconds = Math.min(settings.accessTokenSeconds, ring.maxTokenSeconds);
  return buildClaims({ issuer: settings.issuer, client, audience, scopes, seconds }, jti, now);
};

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
  { replay, signer }: IssueTokenPorts,
  use: AssertionUse,
  now: EpochSeconds,
  ring: KeyRing,
  key: SigningKey,
  claims: AccessTokenClaims,
): Promise<Result<string>> => {
  const input = signingInput({ alg: ring.algorithm, typ: ACCESS_TOKEN_TYPE, kid: key.kid }, claims);
  const [claim, signature] = await Promise.allSettled([
    replay.claim(use, now),
    signer.sign(key, ring.algorithm, input),
  ]);
  if (claim.status === 'fulfilled' && claim.value === 'replayed') {
    return refuse({ reason: 'assertion_replayed', jti: use.jti });
  }
  if (claim.status === 'fulfilled' && signature.status === 'fulfilled') return accept(compact(input, signature.value));
  await replay.release(use);
  throw claim.status === 'rejected' ? claim.reason : (signature as PromiseRejectedResult).reason;
};

const answer = (token: string, claims: AccessTokenClaims): TokenAnswer => ({
  access_token: token,
  token_type: 'Bearer',
  expires_in: claims.exp - claims.iat,
  scope: claims.scope,
});
