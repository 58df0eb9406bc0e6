/**
 * One introspection (RFC 7662), in order: who is asking, is the token ours, is it for a resource of the caller, is it still good. What was
 * not asked for by the owner of the resource is not looked into, so that nothing can be learned of it.
 */

import { algorithmFacts } from '../core/algorithms.ts';
import type { AuditFacts, Decided } from '../core/audit.ts';
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
import type { KeyRing } from '../core/key-ring.ts';
import type { EpochSeconds } from '../core/partner.ts';
import type { RawTokenRequest } from '../core/request-form.ts';
import { type AccessTokenClaims, parseToken } from '../core/token.ts';
import { parseTokenForm } from '../core/token-form.ts';
import { stillGranted, verifyToken } from '../core/verify-token.ts';
import type { Clock, RingReader, Signer, TokenRevocations } from '../ports.ts';
import {
  type AuthenticateClientPorts,
  type AuthenticateClientSettings,
  type AuthenticatedClient,
  asClient,
} from './authenticate-client.ts';
import { MAX_RAW_MESSAGE_BYTES, signingKey } from './sign-token.ts';
import { checkParties } from './token-parties.ts';

export interface IntrospectTokenPorts extends AuthenticateClientPorts {
  readonly rings: RingReader;
  readonly revocations: Pick<TokenRevocations, 'isRevoked'>;
  readonly signer: Signer;
  readonly clock: Clock;
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
) => Promise<Decided<IntrospectionAnswer>>;

/** Whoever asks here wants to know how things are now. */
const NOW = { maxAgeSeconds: 0 } as const;

/** @throws Outage when DynamoDB or KMS did not answer: an unread registry makes no token inactive. */
export const introspectToken =
  (ports: IntrospectTokenPorts, settings: AuthenticateClientSettings): IntrospectToken =>
  async (realm, raw, form, requestId) => {
    let facts: AuditFacts = {};
    const learn = (more: AuditFacts): void => {
      facts = { ...facts, ...more };
    };
    const request = parseTokenForm(raw);
    if (!request.ok) return { result: request, facts };
    const { client, token } = request.value;
    const now = ports.clock.now();
    const result = await asClient(
      ports,
      settings,
      { realm, client, held: raw, requestId },
      now,
      learn,
      async (known) => {
        const rings = await ports.rings.list(known.realm.name, NOW);
        const claims = await introspect(ports, settings, known, rings, token, now, learn);
        learn(claims.ok ? { tokenState: 'active' } : { tokenState: 'inactive', tokenFault: claims.refusal.reason });
        const introspection = claims.ok ? introspectionOf(claims.value) : INACTIVE;
        return form === 'json'
          ? accept({ type: form, introspection })
          : signAnswer(ports.signer, known, rings, introspection, now);
      },
    );
    return { result, facts };
  };

type Fault = Refusal | { readonly reason: 'token_foreign' };

const introspect = async (
  ports: IntrospectTokenPorts,
  { clockToleranceSeconds: toleranceSeconds }: AuthenticateClientSettings,
  { realm, caller }: AuthenticatedClient,
  rings: readonly KeyRing[],
  jws: string,
  now: EpochSeconds,
  learn: (facts: AuditFacts) => void,
): Promise<Result<AccessTokenClaims, Fault>> => {
  const parsed = parseToken(jws);
  if (!parsed.ok) return parsed;
  const claims = await verifyToken(rings, parsed.value, { issuer: realm.issuer, toleranceSeconds }, now);
  if (!claims.ok) return claims;
  const { aud: audience, jti: tokenId, exp: expiresAt, client_id: client } = claims.value;
  learn({ audience, tokenId, expiresAt, kid: parsed.value.kid });
  if (!(await owns(ports, realm.name, caller, audience))) return refuse({ reason: 'token_foreign' });
  const [current, found, parties, isRevoked] = await Promise.all([
    ports.realms.find(realm.name, NOW),
    ports.partners.find(realm.name, client, NOW),
    checkParties(ports.partners, realm.name, claims.value, NOW),
    ports.revocations.isRevoked(realm.name, tokenId, now, NOW),
  ]);
  if (current?.enabled !== true) return refuse({ reason: 'realm_disabled', realm: realm.name });
  if (!parties.ok) return parties;
  const granted = stillGranted(found, claims.value);
  return granted.ok && isRevoked ? refuse({ reason: 'token_revoked', tokenId }) : granted;
};

/** Whether the resource is the caller's; the cache may not know of one that was just declared. */
export const owns = async (
  { partners }: Pick<AuthenticateClientPorts, 'partners'>,
  realm: string,
  { partner, audiences }: AuthenticatedClient['caller'],
  audience: string,
): Promise<boolean> =>
  audiences.includes(audience) || (await partners.find(realm, partner.id, NOW))?.audiences.includes(audience) === true;

/** RFC 9701 5, signed as the realm signs its tokens. */
const signAnswer = async (
  signer: Signer,
  { realm, caller }: AuthenticatedClient,
  rings: readonly KeyRing[],
  introspection: Introspection,
  now: EpochSeconds,
): Promise<Result<IntrospectionAnswer>> => {
  const algorithm = defaultAlgorithm(realm, rings);
  const key = signingKey(rings, algorithm);
  const claims = introspectionClaims(realm.issuer, caller.partner.id, introspection, now);
  const input = signingInput({ alg: algorithm, typ: INTROSPECTION_JWT_TYPE, kid: key.kid }, claims);
  if (algorithmFacts(algorithm).kms.message.type === 'RAW' && input.length > MAX_RAW_MESSAGE_BYTES) {
    return refuse({ reason: 'token_too_large', characters: input.length, maxCharacters: MAX_RAW_MESSAGE_BYTES });
  }
  return accept({ type: 'jwt', jwt: compact(input, await signer.sign(key, algorithm, input)) });
};
