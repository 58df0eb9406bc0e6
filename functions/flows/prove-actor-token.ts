/** A token request that an actor token of the Microsoft profile proves: who asks, whom the token is to be about, and what bounds it. */

import type { MicrosoftProof } from '../core/client-proof.ts';
import { accept, type Refusal, type Result, refuse } from '../core/errors.ts';
import { SKEW_SECONDS } from '../core/microsoft-lifetime.ts';
import { isMadeFor } from '../core/microsoft-resource.ts';
import { actorTokenId } from '../core/microsoft-token.ts';
import { type EpochSeconds, loggableId, type Partner, type PartnerWithGrants } from '../core/partner.ts';
import type { RealmTerms } from '../core/realm.ts';
import { youngEnough } from '../core/verify-token.ts';
import type { Freshness, SingleUse, TokenRevocations } from '../ports.ts';
import type { ProvenClient } from './prove-client.ts';
import type { VerifiedSubject } from './subject-of-assertion.ts';
import { type ActorTokenContext, type VerifiedActorToken, verifyActorToken } from './verify-actor-token.ts';

export const proveByActorToken = async (
  context: ActorTokenContext,
  { clientId, token: parsed }: MicrosoftProof,
): Promise<Result<ProvenClient>> => {
  const verified = await verifyActorToken(context, parsed);
  if (!verified.ok) return verified;
  const token = verified.value;
  const { partner, signer, credential, actor } = token;
  if (clientId !== undefined && clientId !== partner.id && clientId !== actor)
    return refuse({ reason: 'client_id_mismatch', clientId: loggableId(clientId), subject: partner.id });
  // What another has vouched for is not a key of the partner's own.
  const used = signer.id === partner.id ? credential.thumbprint : `federation:${signer.issuer}`;
  return accept({ partner, method: 'actor_token', credential: used, key: credential.kid, uses: [], actorToken: token });
};

interface RevocationContext {
  readonly revocations: Pick<TokenRevocations, 'isRevoked'>;
  readonly realm: Pick<RealmTerms, 'name'>;
  readonly freshness: Freshness;
  readonly now: EpochSeconds;
}

/**
 * Whom the token is to be about. An actor token for a resource is shown there as long as it lives, and so it is here, for a token for that
 * resource and no longer; one for the token endpoint is an assertion, and used once for each user.
 */
export const subjectOfActorToken = async (
  context: RevocationContext,
  { partner, grants }: Pick<PartnerWithGrants, 'partner' | 'grants'>,
  token: VerifiedActorToken,
  resource: string,
): Promise<Result<VerifiedSubject>> => {
  const grant = grants.find(({ audience }) => audience === resource);
  const because = await revocationOf(context, [partner, grant ?? {}], token);
  if (because !== undefined) return refuse({ reason: 'grant_assertion_refused', because });
  const { subject, target, expiresAt, isForTokenEndpoint } = token;
  if (isForTokenEndpoint) return accept({ subject, uses: [useOf(partner, token)] });
  const called = isMadeFor(target, resource);
  if (!called.ok) return called;
  const origin = {
    audience: resource,
    scopes: grant?.scopes ?? [],
    details: [],
    expiresAt: expiresAt + SKEW_SECONDS,
    goesOn: false,
  };
  return accept({ subject, origin, uses: [] });
};

/** What is refused at the resource must not come back by way of a token of ours. */
const revocationOf = async (
  { revocations, realm, freshness, now }: RevocationContext,
  marks: readonly Parameters<typeof youngEnough>[0][],
  { jws, subject, notBefore }: VerifiedActorToken,
): Promise<Refusal | undefined> => {
  for (const mark of marks) {
    const young = youngEnough(mark, { iat: Math.min(notBefore, now) });
    if (!young.ok) return young.refusal;
  }
  const tokenId = actorTokenId(jws, subject.sub);
  const isRevoked = await revocations.isRevoked(realm.name, tokenId, now, freshness);
  return isRevoked ? { reason: 'token_revoked', tokenId } : undefined;
};

/** Remembered for as long as what is signed lives: the end that the unsigned part states is its bearer's to choose. */
const useOf = ({ id }: Partner, { jws, subject, actorExpiresAt }: VerifiedActorToken): SingleUse => ({
  kind: 'assertion',
  maker: id,
  jti: actorTokenId(jws, subject.sub),
  forgetAfter: actorExpiresAt + SKEW_SECONDS + 1,
});
