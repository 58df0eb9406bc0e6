/**
 * One revocation (RFC 7009): by the client that a token was issued to, or by the owner of the resource that it is for. Whatever else is
 * sent here changes nothing, and its sender is not told so: whether there is such a token is no business of others.
 */

import type { AuditFacts, Decided } from '../core/audit.ts';
import { accept } from '../core/errors.ts';
import { revocationEndpoint } from '../core/metadata.ts';
import type { RawTokenRequest } from '../core/request-form.ts';
import { parseToken } from '../core/token.ts';
import type { Answered } from '../core/token-form.ts';
import { verifyToken } from '../core/verify-token.ts';
import type { RingReader, TokenRevocations } from '../ports.ts';
import { type AnswerAboutTokenPorts, answerAboutToken, type TokenQuestion } from './answer-about-token.ts';
import type { AuthenticateClientSettings } from './authenticate-client.ts';
import { owns } from './resource-rights.ts';

export interface RevokeTokenPorts extends AnswerAboutTokenPorts {
  readonly rings: RingReader;
  readonly revocations: Pick<TokenRevocations, 'revoke'>;
}

/** @param realm as the path names it: the realm's name or an alias. */
export type RevokeToken = (
  realm: string,
  request: RawTokenRequest,
  requestId: string,
) => Promise<Decided<Answered<void>>>;

/** @throws Outage when DynamoDB did not answer: the token may be good still, and the request may be tried again. */
export const revokeToken =
  (ports: RevokeTokenPorts, settings: AuthenticateClientSettings): RevokeToken =>
  (realm, raw, requestId) => {
    const request = { realm, endpoint: revocationEndpoint, raw, requestId };
    return answerAboutToken(ports, settings, request, async (question) => {
      question.learn(await revoke(ports, settings, question));
      return accept(undefined);
    });
  };

/** @returns what became of it, for the record. */
const revoke = async (
  ports: RevokeTokenPorts,
  { clockToleranceSeconds: toleranceSeconds }: AuthenticateClientSettings,
  { client: { realm, caller }, token, now }: TokenQuestion,
): Promise<AuditFacts> => {
  const parsed = parseToken(token);
  if (!parsed.ok) return { tokenState: 'unchanged', tokenFault: parsed.refusal.reason };
  const rings = await ports.rings.list(realm.name);
  const claims = await verifyToken(rings, parsed.value, { issuer: realm.issuer, toleranceSeconds }, now);
  if (!claims.ok) return { tokenState: 'unchanged', tokenFault: claims.refusal.reason };
  const { aud: audience, client_id: client, jti: tokenId, exp: expiresAt } = claims.value;
  const facts = { audience, tokenId, expiresAt, kid: parsed.value.kid };
  if (client !== caller.partner.id && !(await owns(ports, realm.name, caller, audience))) {
    return { ...facts, tokenState: 'unchanged', tokenFault: 'token_foreign' };
  }
  await ports.revocations.revoke(realm.name, tokenId, expiresAt + toleranceSeconds);
  return { ...facts, tokenState: 'revoked' };
};
