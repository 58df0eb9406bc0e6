/**
 * One introspection (RFC 7662), in order: who is asking, is the token ours, may the caller ask about tokens of its resource, is it still
 * good. What was not asked for by the owner of the resource, or by whom it names, is not looked into, so that nothing can be learned of it.
 */

import { algorithmFacts } from '../core/algorithms.ts';
import type { Decided } from '../core/audit.ts';
import { defaultAlgorithm } from '../core/default-algorithm.ts';
import { accept, type Refusal, type Result, refuse } from '../core/errors.ts';
import {
  INACTIVE,
  INTROSPECTION_JWT_TYPE,
  type Introspection,
  type IntrospectionAnswer,
  introspectionClaims,
  introspectionOf,
} from '../core/introspection.ts';
import { compact, signingInput } from '../core/jws.ts';
import type { KeyRing, SigningKey } from '../core/key-ring.ts';
import { introspectionEndpoint } from '../core/metadata.ts';
import type { EpochSeconds } from '../core/partner.ts';
import type { RawTokenRequest } from '../core/request-form.ts';
import { type AccessTokenClaims, parseToken } from '../core/token.ts';
import type { Answered } from '../core/token-form.ts';
import { stillAccepted, verifyToken } from '../core/verify-token.ts';
import type { AudienceReader, RingReader, Signer, TokenRevocations } from '../ports.ts';
import { type AnswerAboutTokenPorts, answerAboutToken, type TokenQuestion } from './answer-about-token.ts';
import type { AuthenticateClientSettings, AuthenticatedClient } from './authenticate-client.ts';
import { mayIntrospect } from './resource-rights.ts';
import { MAX_RAW_MESSAGE_BYTES, signingKey, withActiveKey } from './sign-token.ts';
import { checkParties } from './token-parties.ts';

export interface IntrospectTokenPorts extends AnswerAboutTokenPorts {
  readonly rings: RingReader;
  readonly audiences: AudienceReader;
  readonly revocations: Pick<TokenRevocations, 'isRevoked'>;
  readonly signer: Signer;
}

/**
 * @param realm as the path names it: the realm's name or an alias.
 * @param form `jwt`: signed (RFC 9701).
 */
export type IntrospectToken = (
  realm: string,
  request: RawTokenRequest,
  form: IntrospectionAnswer['type'],
  requestId: string,
) => Promise<Decided<Answered<IntrospectionAnswer>>>;

/** Whoever asks here wants to know how things are now. */
const NOW = { maxAgeSeconds: 0 } as const;

/** @throws Outage when DynamoDB or KMS did not answer: an unread registry makes no token inactive. */
export const introspectToken =
  (ports: IntrospectTokenPorts, settings: AuthenticateClientSettings): IntrospectToken =>
  (realm, raw, form, requestId) => {
    const request = { realm, endpoint: introspectionEndpoint, raw, requestId };
    return answerAboutToken(ports, settings, request, async (question) => {
      const { client, now, learn } = question;
      const rings = await ports.rings.list(client.realm.name, NOW);
      const claims = await introspect(ports, settings, question, rings);
      learn(claims.ok ? { tokenState: 'active' } : { tokenState: 'inactive', tokenFault: claims.refusal.reason });
      const introspection = claims.ok ? introspectionOf(claims.value) : INACTIVE;
      return form === 'json'
        ? accept({ type: form, introspection })
        : signAnswer(ports, client, rings, introspection, now);
    });
  };

type Fault = Refusal | { readonly reason: 'token_foreign' };

const introspect = async (
  ports: IntrospectTokenPorts,
  { clockToleranceSeconds: toleranceSeconds }: AuthenticateClientSettings,
  { client: { realm, caller }, token, now, learn }: TokenQuestion,
  rings: readonly KeyRing[],
): Promise<Result<AccessTokenClaims, Fault>> => {
  const parsed = parseToken(token);
  if (!parsed.ok) return parsed;
  const claims = await verifyToken(rings, parsed.value, { issuer: realm.issuer, toleranceSeconds }, now);
  if (!claims.ok) return claims;
  const { aud: audience, jti: tokenId, exp: expiresAt, client_id: client } = claims.value;
  learn({ audience, tokenId, expiresAt, kid: parsed.value.kid });
  if (!(await mayIntrospect(ports, realm.name, caller, audience))) return refuse({ reason: 'token_foreign' });
  const [current, found, resource, parties, isRevoked] = await Promise.all([
    ports.realms.find(realm.name, NOW),
    ports.partners.find(realm.name, client, NOW),
    ports.audiences.find(realm.name, audience, NOW),
    checkParties(ports.partners, realm.name, claims.value, NOW),
    ports.revocations.isRevoked(realm.name, tokenId, now, NOW),
  ]);
  if (current?.enabled !== true) return refuse({ reason: 'realm_disabled', realm: realm.name });
  if (!parties.ok) return parties;
  const granted = stillAccepted(found, resource, claims.value);
  return granted.ok && isRevoked ? refuse({ reason: 'token_revoked', tokenId }) : granted;
};

/** RFC 9701 5, signed as the realm signs its tokens. */
const signAnswer = async (
  { rings: reader, signer }: Pick<IntrospectTokenPorts, 'rings' | 'signer'>,
  { realm, caller }: AuthenticatedClient,
  rings: readonly KeyRing[],
  introspection: Introspection,
  now: EpochSeconds,
): Promise<Result<IntrospectionAnswer>> => {
  const algorithm = defaultAlgorithm(realm, rings);
  const claims = introspectionClaims(realm.issuer, caller.partner.id, introspection, now);
  const inputBy = ({ kid }: Pick<SigningKey, 'kid'>): string =>
    signingInput({ alg: algorithm, typ: INTROSPECTION_JWT_TYPE, kid }, claims);
  const { length } = inputBy(signingKey(rings, algorithm));
  if (algorithmFacts(algorithm).kms.message.type === 'RAW' && length > MAX_RAW_MESSAGE_BYTES) {
    return refuse({ reason: 'token_too_large', characters: length, maxCharacters: MAX_RAW_MESSAGE_BYTES });
  }
  const readAnew = () => reader.list(realm.name, NOW);
  const jwt = await withActiveKey(rings, readAnew, algorithm, async (key) => {
    const input = inputBy(key);
    return compact(input, await signer.sign(key, algorithm, input));
  });
  return accept({ type: 'jwt', jwt });
};
