/**
 * Whom the token is to be about: the client itself, or somebody whom an assertion (RFC 7523 2.1) or a token handed in for exchange
 * (RFC 8693 2.1) speaks of. What is handed in is verified as strictly as what is handed out.
 */

import { accept, type Refusal, type Result, refuse } from '../core/errors.ts';
import { CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE } from '../core/grant-type.ts';
import type { KeyRing } from '../core/key-ring.ts';
import type { PartnerWithGrants } from '../core/partner.ts';
import { itself } from '../core/subject.ts';
import { type GrantRequest, JWT_TYPE_URN } from '../core/token-request.ts';
import type { TokenRevocations } from '../ports.ts';
import { type AssertionContext, subjectOfAssertion, type VerifiedSubject } from './subject-of-assertion.ts';
import { verifyOwnToken } from './verify-own-token.ts';

export interface SubjectContext extends AssertionContext {
  readonly rings: readonly KeyRing[];
  readonly revocations: Pick<TokenRevocations, 'isRevoked'>;
}

export const verifySubject = async (
  context: SubjectContext,
  client: PartnerWithGrants,
  grant: GrantRequest,
): Promise<Result<VerifiedSubject>> => {
  switch (grant.type) {
    case CLIENT_CREDENTIALS:
      return accept({ subject: itself(client.partner.id), uses: [] });
    case JWT_BEARER:
      return because(badAssertion, await subjectOfAssertion(context, client.partner, grant.assertion));
    case TOKEN_EXCHANGE:
      return verifyExchange(context, client, grant);
  }
};

const because = <Value>(wrap: (because: Refusal) => Refusal, result: Result<Value>): Result<Value> =>
  result.ok ? result : refuse(wrap(result.refusal));

const badAssertion = (because: Refusal): Refusal => ({ reason: 'grant_assertion_refused', because });
const badSubject = (because: Refusal): Refusal => ({ reason: 'subject_token_refused', because });
const badActor = (because: Refusal): Refusal => ({ reason: 'actor_token_refused', because });

type Exchange = Extract<GrantRequest, { readonly type: typeof TOKEN_EXCHANGE }>;

const verifyExchange = async (
  context: SubjectContext,
  client: PartnerWithGrants,
  { subject, actor }: Exchange,
): Promise<Result<VerifiedSubject>> => {
  const [acting, own] = await Promise.all([
    actor === undefined ? accept(undefined) : verifyActor(context, client, actor.token),
    verifyOwnToken(context, subject.token),
  ]);
  if (!acting.ok) return because(badActor, acting);
  if (!own.ok && subject.type === JWT_TYPE_URN && isOfAnother(own.refusal)) {
    return because(badSubject, await subjectOfAssertion(context, client.partner, subject.token));
  }
  if (!own.ok) return because(badSubject, own);
  const claims = own.value;
  const isOwn = claims.client_id === client.partner.id;
  // A token is for its audience to use, and for the client that asked for it; whoever else has got hold of it has no part in it.
  const isShared = client.audiences.includes(claims.aud);
  if (!isOwn && !isShared) return refuse({ reason: 'subject_not_shared', audience: claims.aud });
  return accept({
    subject: {
      kind: claims.sub_id === undefined ? 'application' : 'user',
      sub: claims.sub,
      ...(claims.sub_id === undefined ? {} : { subId: claims.sub_id }),
      ...(claims.act === undefined ? {} : { act: claims.act }),
      ...(claims.may_act === undefined ? {} : { mayAct: claims.may_act }),
    },
    origin: {
      audience: claims.aud,
      scopes: claims.scope.split(' '),
      details: claims.authorization_details ?? [],
      expiresAt: claims.exp,
      // What a client has got for itself it can make narrower. To go on to somewhere else takes having been called.
      goesOn: isShared,
    },
    uses: [],
    ...(isOwn && claims.cnf !== undefined ? { confirmation: claims.cnf } : {}),
  });
};

/** What says why a JWT is none of our tokens at all, as against one that is not good any more. */
const isOfAnother = ({ reason }: Refusal): boolean =>
  reason === 'token_typ' || reason === 'token_key_unknown' || reason === 'token_malformed';

/** RFC 8693 1.1: the actor is the party to whom authority is delegated, and that is the client that asks for it. */
const verifyActor = async (
  context: SubjectContext,
  { partner }: PartnerWithGrants,
  token: string,
): Promise<Result<undefined>> => {
  const own = await verifyOwnToken(context, token);
  if (!own.ok) return own;
  const { sub, client_id: client, act } = own.value;
  return sub === partner.id && client === partner.id && act === undefined
    ? accept(undefined)
    : refuse({ reason: 'client_id_mismatch', clientId: partner.id, subject: sub });
};
