/**
 * Whom an assertion speaks of (RFC 7523 2.1): one that the client has made, or a token of an issuer that the realm trusts.
 */

import { isAboutApplication } from '../core/application-token.ts';
import { parseAssertion } from '../core/assertion.ts';
import { FEDERATED_SECONDS } from '../core/chosen-identity.ts';
import { verifyAssertion } from '../core/client-auth.ts';
import { accept, type Result, refuse } from '../core/errors.ts';
import { type ForeignJwt, parseForeignJwt, verifyForeignJwt } from '../core/federated-assertion.ts';
import { isPartnerId, type Partner } from '../core/partner.ts';
import type { ProvenSubject } from '../core/policy.ts';
import { actorsFrom, isSubjectIdentifier, itself, parseActor, parseMayAct, type Subject } from '../core/subject.ts';
import type { Confirmation } from '../core/token.ts';
import type { PartnerReader, SingleUse } from '../ports.ts';
import { namesOf, ownAssertionRules, usesOf } from './prove-client.ts';
import { findIssuer, foreignUse, type ProofContext, verifyFederated } from './prove-federation.ts';

export interface AssertionContext extends ProofContext {
  readonly partners: PartnerReader;
}

export interface VerifiedSubject extends ProvenSubject {
  /** What the assertion uses up. */
  readonly uses: readonly SingleUse[];
  /** What is handed in is bound to, where that is the client's own or of another issuer. */
  readonly confirmation?: Confirmation;
}

export const subjectOfAssertion = async (
  context: AssertionContext,
  partner: Partner,
  jws: string,
): Promise<Result<VerifiedSubject>> => {
  const foreign = parseForeignJwt(jws, 'grant');
  const own = parseAssertion(jws, 'grant');
  const names = namesOf(partner);
  if (foreign.ok && !names.includes(foreign.value.claims.iss ?? '')) {
    return subjectOfForeign(context, partner, foreign.value);
  }
  if (!own.ok) return own;
  if (!foreign.ok && !names.includes(own.value.claims.iss)) return foreign;
  const rules = ownAssertionRules(context, partner, { issuers: names, aboutItself: false });
  const verified = await verifyAssertion(partner, own.value, rules, context.now);
  if (!verified.ok) return verified;
  const { iss, sub, mayAct, act } = own.value.claims;
  // Who has acted before is for the token to say that it was called with; the client's own word on it proves nothing.
  if (act !== undefined) return malformed('act');
  const said = { iss, sub, mayAct, knownTo: context.realm.issuer };
  const subject = names.includes(sub) ? accept(itself(partner.id)) : await userOf(context, said);
  return subject.ok ? accept({ subject: subject.value, uses: usesOf(context, partner, own.value) }) : subject;
};

/** What another issuer says of somebody: of the client itself, if its federation says so; else of a user, if that issuer may. */
const subjectOfForeign = async (
  context: AssertionContext,
  partner: Partner,
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

const userOfForeign = async (context: AssertionContext, jwt: ForeignJwt): Promise<Result<VerifiedSubject>> => {
  const { realm, toleranceSeconds, now } = context;
  const { iss = '', sub, aud, cnf } = jwt.claims;
  const issuer = await findIssuer(context, iss, jwt);
  const rules = { audiences: [realm.issuer], maxSeconds: FEDERATED_SECONDS, requireJti: true, toleranceSeconds };
  const verified = await verifyForeignJwt({ jwt, issuer, ...rules }, now);
  if (!verified.ok) return verified;
  // For another audience as well, whoever else has got it could hand it in here.
  if (Array.isArray(aud) && aud.length > 1) return refuse({ reason: 'assertion_audience', expected: realm.issuer });
  const { id, trustLevel } = verified.value.issuer;
  if (trustLevel === 'application') return refuse({ reason: 'trust_level_insufficient', trustLevel });
  const { may_act: mayAct, act } = jwt.payload;
  const subject = await userOf(context, { iss, sub, mayAct, act, knownTo: iss });
  if (!subject.ok) return subject;
  const uses = [foreignUse(jwt, id, toleranceSeconds)];
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

const userOf = async (
  { realm, partners, freshness }: AssertionContext,
  { iss, sub, mayAct, act, knownTo }: UserClaims,
): Promise<Result<Subject>> => {
  const party = mayAct === undefined ? undefined : parseMayAct(mayAct);
  if (mayAct !== undefined && party === undefined) return malformed('may_act');
  const actor = act === undefined ? undefined : parseActor(act);
  if (act !== undefined && actor === undefined) return malformed('act');
  const partyIssuer = party?.iss ?? knownTo;
  // Of whoever asserts it now, whatever that one says about others: nobody speaks for the users of somebody else.
  const subId = { format: 'iss_sub', iss, sub };
  // Other issuers may have longer names than a token of ours can say.
  if (!isSubjectIdentifier(subId)) return malformed('sub');
  // RFC 9068 5: a user by the name of a client would be taken for it by whoever reads `sub` alone.
  if (isPartnerId(sub) && (await partners.find(realm.name, sub, freshness)) !== undefined) {
    return refuse({ reason: 'subject_is_partner', subject: sub });
  }
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
