/**
 * Whom the token is to be about: the client itself, or somebody whom an assertion (RFC 7523 2.1) or a token handed in for exchange
 * (RFC 8693 2.1) speaks of. What is handed in is verified as strictly as what is handed out.
 */

import { parseAssertion } from '../core/assertion.ts';
import { FEDERATED_SECONDS } from '../core/chosen-identity.ts';
import { verifyAssertion } from '../core/client-auth.ts';
import { accept, type Refusal, type Result, refuse } from '../core/errors.ts';
import { type ForeignJwt, parseForeignJwt, verifyForeignJwt } from '../core/federated-assertion.ts';
import { CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE } from '../core/grant-type.ts';
import type { KeyRing } from '../core/key-ring.ts';
import type { PartnerWithGrants } from '../core/partner.ts';
import type { ProvenSubject } from '../core/policy.ts';
import { actorsFrom, isSubjectIdentifier, itself, parseActor, parseMayAct, type Subject } from '../core/subject.ts';
import type { Confirmation } from '../core/token.ts';
import { type GrantRequest, JWT_TYPE_URN } from '../core/token-request.ts';
import type { PartnerReader, SingleUse } from '../ports.ts';
import { foreignUse, namesOf, ownAssertionRules, type ProofContext, usesOf, verifyFederated } from './prove-client.ts';
import { verifyOwnToken } from './verify-own-token.ts';

export interface SubjectContext extends ProofContext {
  readonly partners: PartnerReader;
  readonly rings: readonly KeyRing[];
}

export interface VerifiedSubject extends ProvenSubject {
  /** What the assertion uses up. */
  readonly uses: readonly SingleUse[];
  /** What the token is bound to that is handed in, where that is the client's own or of another issuer. */
  readonly confirmation?: Confirmation;
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
      return because(badAssertion, await subjectOfAssertion(context, client, grant.assertion));
    case TOKEN_EXCHANGE:
      return verifyExchange(context, client, grant);
  }
};

const because = <Value>(wrap: (because: Refusal) => Refusal, result: Result<Value>): Result<Value> =>
  result.ok ? result : refuse(wrap(result.refusal));

const badAssertion = (because: Refusal): Refusal => ({ reason: 'grant_assertion_refused', because });
const badSubject = (because: Refusal): Refusal => ({ reason: 'subject_token_refused', because });
const badActor = (because: Refusal): Refusal => ({ reason: 'actor_token_refused', because });

const subjectOfAssertion = async (
  context: SubjectContext,
  { partner }: PartnerWithGrants,
  jws: string,
): Promise<Result<VerifiedSubject>> => {
  const jwt = parseForeignJwt(jws);
  const assertion = parseAssertion(jws);
  const names = namesOf(partner);
  if (jwt.ok && !names.includes(jwt.value.claims.iss ?? '')) return subjectOfForeign(context, { partner }, jwt.value);
  if (!assertion.ok) return assertion;
  if (!jwt.ok && !names.includes(assertion.value.claims.iss)) return jwt;
  const rules = ownAssertionRules(context, partner, { issuers: names, aboutItself: false });
  const verified = await verifyAssertion(partner, assertion.value, rules, context.now);
  if (!verified.ok) return verified;
  const { iss, sub, mayAct } = assertion.value.claims;
  const subject = names.includes(sub)
    ? accept(itself(partner.id))
    : userOf(context, { iss, sub, mayAct, knownTo: context.realm.issuer });
  return subject.ok ? accept({ subject: subject.value, uses: usesOf(context, partner, assertion.value) }) : subject;
};

/** What another issuer says of somebody: of the client itself, if its federation says so; else of a user, if that issuer may. */
const subjectOfForeign = async (
  context: SubjectContext,
  { partner }: Pick<PartnerWithGrants, 'partner'>,
  jwt: ForeignJwt,
): Promise<Result<VerifiedSubject>> => {
  const federated = await verifyFederated(context, partner, jwt);
  if (federated.ok) {
    const { uses, confirmation } = federated.value;
    return accept({ subject: itself(partner.id), uses, ...(confirmation === undefined ? {} : { confirmation }) });
  }
  if (federated.refusal.reason !== 'federation_missing' && federated.refusal.reason !== 'federation_claims') {
    return federated;
  }
  // An application that is not the client is nobody for whom the client could have a token in this way.
  return isAboutApplication(jwt) ? federated : userOfForeign(context, jwt);
};

/** RFC 9068 2.2: where no user is involved, the subject is the client. */
const isAboutApplication = ({ payload, claims: { sub } }: ForeignJwt): boolean =>
  payload.client_id === sub || payload.azp === sub || payload.idtyp === 'app';

const userOfForeign = async (context: SubjectContext, jwt: ForeignJwt): Promise<Result<VerifiedSubject>> => {
  const { realm, issuers, toleranceSeconds, freshness, now } = context;
  const { iss = '', sub } = jwt.claims;
  const found = await issuers.findByIssuer(realm.name, iss, freshness);
  const issuer = found?.partner;
  const rules = { audiences: [realm.issuer], maxSeconds: FEDERATED_SECONDS, requireJti: true, toleranceSeconds };
  const verified = await verifyForeignJwt({ jwt, issuer, ...rules }, now);
  if (!verified.ok || issuer === undefined)
    return verified.ok ? refuse({ reason: 'issuer_unknown', issuer: iss }) : verified;
  if (issuer.trustLevel === 'application') {
    return refuse({ reason: 'trust_level_insufficient', trustLevel: issuer.trustLevel });
  }
  const subject = userOf(context, { iss, sub, mayAct: jwt.payload.may_act, act: jwt.payload.act, knownTo: iss });
  if (!subject.ok) return subject;
  const { cnf } = jwt.claims;
  const uses = [foreignUse(jwt, iss, toleranceSeconds)];
  return accept({ subject: subject.value, uses, ...(cnf === undefined ? {} : { confirmation: cnf }) });
};

interface UserClaims {
  readonly iss: string;
  readonly sub: string;
  readonly mayAct?: unknown;
  readonly act?: unknown;
  /** The issuer that knows whoever is named without one. */
  readonly knownTo: string;
}

const malformed = (detail: string): Result<never> => refuse({ reason: 'assertion_malformed', detail });

const userOf = ({ realm }: SubjectContext, { iss, sub, mayAct, act, knownTo }: UserClaims): Result<Subject> => {
  const party = mayAct === undefined ? undefined : parseMayAct(mayAct);
  if (mayAct !== undefined && party === undefined) return malformed('may_act');
  const actor = act === undefined ? undefined : parseActor(act);
  if (act !== undefined && actor === undefined) return malformed('act');
  const partyIssuer = party?.iss ?? knownTo;
  // Of whoever asserts it now, whatever that one says about others: nobody speaks for the users of somebody else.
  const subId = { format: 'iss_sub', iss, sub };
  // Other issuers may have longer names than a token of ours can say.
  if (!isSubjectIdentifier(subId)) return malformed('sub');
  return accept({
    kind: 'user',
    sub,
    subId,
    ...(actor === undefined ? {} : { act: actorsFrom(actor, knownTo) }),
    ...(party === undefined
      ? {}
      : { mayAct: { sub: party.sub, ...(partyIssuer === realm.issuer ? {} : { iss: partyIssuer }) } }),
  });
};

type Exchange = Extract<GrantRequest, { readonly type: typeof TOKEN_EXCHANGE }>;

const verifyExchange = async (
  context: SubjectContext,
  client: PartnerWithGrants,
  { subject, actor }: Exchange,
): Promise<Result<VerifiedSubject>> => {
  if (actor !== undefined) {
    const acting = because(badActor, await verifyActor(context, client, actor.token));
    if (!acting.ok) return acting;
  }
  const own = await verifyOwnToken(context, subject.token);
  if (!own.ok && subject.type === JWT_TYPE_URN && isOfAnother(own.refusal)) {
    return because(badSubject, await subjectOfAssertion(context, client, subject.token));
  }
  if (!own.ok) return because(badSubject, own);
  const claims = own.value;
  const isOwn = claims.client_id === client.partner.id;
  // A token is for its audience to use, and for the client that asked for it; whoever else has got hold of it has no part in it.
  if (!isOwn && !client.audiences.includes(claims.aud))
    return refuse({ reason: 'subject_not_shared', audience: claims.aud });
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
