/** A token request that an actor token of the Microsoft profile proves: who asks, whom the token is to be about, and what bounds it. */

import type { MicrosoftProof } from '../core/client-proof.ts';
import { accept, type Result, refuse } from '../core/errors.ts';
import { SKEW_SECONDS } from '../core/microsoft-lifetime.ts';
import { isMadeFor } from '../core/microsoft-resource.ts';
import { actorTokenId } from '../core/microsoft-token.ts';
import { type Grant, loggableId, type Partner } from '../core/partner.ts';
import type { SingleUse } from '../ports.ts';
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

/**
 * Whom the token is to be about. An actor token for a resource is shown there as long as it lives, and so it is here, for a token for that
 * resource and no longer; one for the token endpoint is an assertion, and used once for each user.
 */
export const subjectOfActorToken = (
  partner: Partner,
  token: VerifiedActorToken,
  grants: readonly Grant[],
  resource: string,
): Result<VerifiedSubject> => {
  const { subject, target, expiresAt, isForTokenEndpoint } = token;
  if (isForTokenEndpoint) return accept({ subject, uses: [useOf(partner, token)] });
  const called = isMadeFor(target, resource);
  if (!called.ok) return called;
  const scopes = grants.find(({ audience }) => audience === resource)?.scopes ?? [];
  const origin = { audience: resource, scopes, details: [], expiresAt: expiresAt + SKEW_SECONDS, goesOn: false };
  return accept({ subject, origin, uses: [] });
};

const useOf = ({ id }: Partner, { jws, subject, expiresAt }: VerifiedActorToken): SingleUse => ({
  kind: 'assertion',
  maker: id,
  jti: actorTokenId(jws, subject.sub),
  forgetAfter: expiresAt + SKEW_SECONDS + 1,
});
