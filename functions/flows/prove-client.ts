/**
 * Is the client who it says it is? One proof per request, each checked by the rules of its method. Whatever fails costs about what a
 * success costs, and looks the same from outside.
 */

import { type AssertionRules, assertionId, type ParsedAssertion } from '../core/assertion.ts';
import type { AuditFacts, ClientMethod } from '../core/audit.ts';
import { verifyAssertion } from '../core/client-auth.ts';
import type { ClientProof } from '../core/client-proof.ts';
import { findSecret, secretCredential } from '../core/client-secret.ts';
import { ASSERTION_ALLOWANCES, type AssertionAllowance } from '../core/compatibility.ts';
import { accept, type Refusal, type Result, refuse } from '../core/errors.ts';
import { refuseAsSlowly, shownOf } from '../core/key-proof.ts';
import { tokenEndpoint } from '../core/metadata.ts';
import { loggableId, type Partner } from '../core/partner.ts';
import { readPresentedCertificate } from '../core/presented-certificate.ts';
import { verifyTlsClient } from '../core/tls-client.ts';
import type { Confirmation } from '../core/token.ts';
import type { SingleUse } from '../ports.ts';
import { type ProofContext, verifyFederated } from './prove-federation.ts';
import type { VerifiedActorToken } from './verify-actor-token.ts';

export interface ProvenClient {
  readonly partner: Partner;
  readonly method: ClientMethod;
  /** By which its last use is remembered: the thumbprint of a key, or another name that stays the same. */
  readonly credential: string;
  /** `kid` of the key, or id of the secret. */
  readonly key?: string;
  /** What the proof uses up. */
  readonly uses: readonly SingleUse[];
  /** Claims that are on trial and would have refused it. */
  readonly audited?: readonly string[];
  /** What the proof itself is bound to. */
  readonly confirmation?: Confirmation;
  /** The proof, where it is one of the Microsoft profile: it says whom the token is to be about as well. */
  readonly actorToken?: VerifiedActorToken;
}

/** For the record. */
export const provenFacts = ({ partner, method, key, audited }: ProvenClient): AuditFacts => ({
  client: partner.id,
  method,
  ...(key === undefined ? {} : { clientKey: key }),
  ...(audited === undefined ? {} : { federationAudited: audited }),
  ...(partner.compatibility === 'strict' ? {} : { compatibility: partner.compatibility }),
});

/** What of a request had been used before. */
export const replayed = ({ kind, jti }: SingleUse): Refusal =>
  kind === 'dpop' ? { reason: 'dpop_replayed' } : { reason: 'assertion_replayed', jti };

/** @param partner the one that the proof is said to come from, if there is one. */
export const proveClient = (
  context: ProofContext,
  partner: Partner | undefined,
  proof: ClientProof,
): Promise<Result<ProvenClient>> => {
  switch (proof.type) {
    case 'private_key_jwt':
      return proveByKey(context, partner, proof.assertion);
    case 'federated':
      return proveByFederation(context, partner, proof);
    case 'client_secret':
      return proveBySecret(context, partner, proof);
    case 'certificate':
      return proveByCertificate(context, partner, proof);
    case 'grant':
      return proveByGrant(context, partner, proof);
  }
};

type ProofOf<Type extends ClientProof['type']> = Extract<ClientProof, { readonly type: Type }>;

/** The names that a partner goes by in assertions of its own making. */
export const namesOf = ({ id, issuer }: Partner): readonly string[] => [id, ...(issuer === undefined ? [] : [issuer])];

/** @param rules what is asked beyond what realm and partner say. */
export const ownAssertionRules = (
  { realm, toleranceSeconds }: ProofContext,
  partner: Partner | undefined,
  rules: Pick<AssertionRules, 'issuers' | 'aboutItself'>,
): AssertionRules => {
  const { tokenEndpointAudience, seconds, jtiOptional, subjectOptional } = allowanceOf(partner);
  return {
    ...rules,
    audiences: tokenEndpointAudience ? [realm.issuer, tokenEndpoint(realm.issuer)] : [realm.issuer],
    jtiOptional,
    subjectOptional,
    maxSeconds: Math.max(realm.assertionSeconds, seconds),
    toleranceSeconds,
  };
};

const allowanceOf = (partner: Partner | undefined): AssertionAllowance =>
  ASSERTION_ALLOWANCES[partner?.compatibility ?? 'strict'];

/** Of an assertion that may be used again there is nothing to use up. */
export const usesOf = (
  { toleranceSeconds }: ProofContext,
  partner: Partner,
  assertion: ParsedAssertion,
): readonly SingleUse[] =>
  allowanceOf(partner).reusable
    ? []
    : [
        {
          kind: 'assertion',
          maker: partner.id,
          jti: assertionId(assertion),
          forgetAfter: Math.ceil(assertion.claims.exp) + toleranceSeconds + 1,
        },
      ];

const proveByKey = async (
  context: ProofContext,
  partner: Partner | undefined,
  assertion: ParsedAssertion,
): Promise<Result<ProvenClient>> => {
  const rules = ownAssertionRules(context, partner, { issuers: [assertion.claims.sub], aboutItself: true });
  return byAssertion(context, partner, assertion, rules);
};

const byAssertion = async (
  context: ProofContext,
  partner: Partner | undefined,
  assertion: ParsedAssertion,
  rules: AssertionRules,
): Promise<Result<ProvenClient>> => {
  const verified = await verifyAssertion(partner, assertion, rules, context.now);
  if (!verified.ok) return verified;
  const { partner: client, credential } = verified.value;
  return accept({
    partner: client,
    method: 'private_key_jwt',
    credential: credential.thumbprint,
    key: credential.kid,
    uses: usesOf(context, client, assertion),
  });
};

const proveBySecret = async (
  { realm, now }: ProofContext,
  partner: Partner | undefined,
  { clientId, method, secret }: ProofOf<'client_secret'>,
): Promise<Result<ProvenClient>> => {
  const found = findSecret(partner?.secrets ?? [], secret, now);
  if (partner === undefined) return refuse({ reason: 'client_unknown', clientId: loggableId(clientId) });
  if (!found.ok) return found;
  if (!partner.enabled) return refuse({ reason: 'client_disabled', clientId });
  // A realm that changes its mind ends all of them at once.
  if (!realm.clientSecrets) return refuse({ reason: 'client_secrets_off', realm: realm.name });
  return accept({ partner, method, credential: secretCredential(found.value.id), key: found.value.id, uses: [] });
};

const proveByCertificate = async (
  { now }: ProofContext,
  partner: Partner | undefined,
  { clientId, pem }: ProofOf<'certificate'>,
): Promise<Result<ProvenClient>> => {
  const certificate = readPresentedCertificate(pem);
  if (!certificate.ok) return certificate;
  if (partner === undefined) return refuse({ reason: 'client_unknown', clientId: loggableId(clientId) });
  const verified = verifyTlsClient(partner, certificate.value, now);
  if (!verified.ok) return verified;
  if (!partner.enabled) return refuse({ reason: 'client_disabled', clientId });
  const { method, credentialId } = verified.value;
  return accept({ partner, method, credential: credentialId, uses: [] });
};

const proveByFederation = async (
  context: ProofContext,
  partner: Partner | undefined,
  { clientId, jwt }: ProofOf<'federated'>,
): Promise<Result<ProvenClient>> => {
  if (partner === undefined)
    return refuseAsSlowly(shownOf(jwt), { reason: 'client_unknown', clientId: loggableId(clientId) });
  const verified = await verifyFederated(context, partner, jwt);
  if (!verified.ok) return verified;
  if (!partner.enabled) return refuse({ reason: 'client_disabled', clientId });
  return accept({ partner, method: 'federated', ...verified.value });
};

/**
 * RFC 7521 4.1: an assertion that the client has made by itself needs no other proof beside it, whomever it is about. One that another
 * issuer has made proves the client only if it is about the client.
 */
const proveByGrant = async (
  context: ProofContext,
  partner: Partner | undefined,
  { clientId, issuer, own, foreign }: ProofOf<'grant'>,
): Promise<Result<ProvenClient>> => {
  if (partner !== undefined && namesOf(partner).includes(issuer ?? '')) {
    // What an issuer signs for others is in their hands: it proves nobody but those, unless it is about the issuer itself.
    const { id, trustedIssuer } = partner;
    const names = trustedIssuer ? [id] : namesOf(partner);
    const rules = ownAssertionRules(context, partner, { issuers: names, aboutItself: trustedIssuer });
    return own.ok ? byAssertion(context, partner, own.value, rules) : own;
  }
  // What says no subject can only be a client's own; that nobody is known by that name costs a check as well.
  if (!foreign.ok && own.ok)
    return refuseAsSlowly(shownOf(own.value), { reason: 'client_unknown', clientId: loggableId(clientId) });
  if (!foreign.ok) return foreign;
  return proveByFederation(context, partner, { type: 'federated', clientId: clientId ?? '', jwt: foreign.value });
};
