/**
 * A token of the Microsoft server-to-server profile, from text to whom it comes from and whom it is about: the reads, and the checks of
 * core/microsoft-trust.ts. The token endpoint and the authorizers take it by this one way.
 */

import { accept, type Result, refuse } from '../core/errors.ts';
import type { MicrosoftFault } from '../core/microsoft-fault.ts';
import { isSameHost } from '../core/microsoft-principal.ts';
import type { MicrosoftRealm } from '../core/microsoft-profile.ts';
import type { MicrosoftToken } from '../core/microsoft-token.ts';
import {
  findCertificateKey,
  isItsOwn,
  type VerifiedMicrosoftToken,
  verifyMicrosoftToken,
} from '../core/microsoft-trust.ts';
import { readUserIdentifiers, resolveUser, statedName } from '../core/microsoft-user.ts';
import { type EpochSeconds, isPartnerId, type PartnerWithGrants } from '../core/partner.ts';
import type { RealmTerms } from '../core/realm.ts';
import { isSubjectIdentifier, itself, type Subject } from '../core/subject.ts';
import type { Freshness, IssuerReader, PartnerReader, ThumbprintReader, UserReader } from '../ports.ts';
import { UNPROVEN_MAX_AGE_SECONDS } from './unproven.ts';

export interface ActorTokenPorts {
  readonly issuers: IssuerReader;
  readonly certificates: ThumbprintReader;
  readonly users: Pick<UserReader, 'findUsers'>;
  readonly partners: Pick<PartnerReader, 'find'>;
}

export interface ActorTokenContext extends ActorTokenPorts {
  readonly realm: RealmTerms;
  readonly freshness: Freshness;
  readonly now: EpochSeconds;
}

/** The partners that a token names, nothing of it believed yet. */
export interface Speakers {
  /** Whose certificate it names. */
  readonly signer: PartnerWithGrants | undefined;
  /** Who goes by its `nameid`, where the signer vouches for others: on their terms the token is, and else on the signer's. */
  readonly named: PartnerWithGrants | undefined;
}

export const findSpeakers = async (
  { issuers, certificates }: Pick<ActorTokenPorts, 'issuers' | 'certificates'>,
  realm: string,
  { actor }: MicrosoftToken,
  freshness: Freshness,
): Promise<Speakers> => {
  const { x5t, claims } = actor;
  if (x5t === undefined || !isThumbprint(x5t)) return { signer: undefined, named: undefined };
  const found = await certificates.findByThumbprint(realm, x5t, freshness);
  // A certificate that is new comes with a roll; looked for before any signature is checked, so that every refusal costs one check.
  const isKnown = found !== undefined && findCertificateKey(found.partner, actor) !== undefined;
  const age = { maxAgeSeconds: UNPROVEN_MAX_AGE_SECONDS, ...freshness };
  const signer = isKnown ? found : await certificates.findByThumbprint(realm, x5t, age);
  const { nameid } = claims;
  if (typeof nameid !== 'string' || nameid.length > MAX_NAME) return { signer, named: undefined };
  const vouches = signer?.partner.trustedIssuer === true && !isItsOwn(signer.partner, nameid);
  return { signer, named: vouches ? await issuers.findByIssuer(realm, nameid, freshness) : undefined };
};

/** 160 bits, base64url. */
const isThumbprint = (x5t: string): boolean => /^[A-Za-z0-9_-]{27}$/.test(x5t);
const MAX_NAME = 512;

export interface VerifiedActorToken extends VerifiedMicrosoftToken {
  readonly subject: Subject;
  /** It was made for the token endpoint, and not for a resource. */
  readonly isForTokenEndpoint: boolean;
}

const no = (fault: MicrosoftFault) => refuse({ reason: 'microsoft_token_refused', fault } as const);

/** @throws Outage when DynamoDB did not answer. */
export const verifyActorToken = async (
  context: ActorTokenContext,
  parsed: Result<MicrosoftToken, MicrosoftFault>,
): Promise<Result<VerifiedActorToken>> => {
  const { realm, freshness, now } = context;
  if (!parsed.ok) return no(parsed.refusal);
  const microsoft = realm.microsoft;
  if (microsoft === undefined) return no('profile_off');
  const { signer, named } = await findSpeakers(context, realm.name, parsed.value, freshness);
  const check = { token: parsed.value, realm: microsoft, signer: signer?.partner, named: named?.partner };
  const verified = await verifyMicrosoftToken(check, now);
  if (!verified.ok) return no(verified.refusal);
  const subject = await subjectOf(context, microsoft, verified.value);
  if (!subject.ok) return no(subject.refusal);
  if (subject.value.kind === 'user' && (await isPartner(context, subject.value.sub))) return no('user_is_partner');
  const isForTokenEndpoint = microsoft.tokenHosts.some((host) => isSameHost(host, verified.value.target.host));
  return accept({ ...verified.value, subject: subject.value, isForTokenEndpoint });
};

/** RFC 9068 5: a user by the name of a client would be taken for it by whoever reads `sub` alone. */
const isPartner = async ({ partners, realm, freshness }: ActorTokenContext, sub: string): Promise<boolean> =>
  isPartnerId(sub) && (await partners.find(realm.name, sub, freshness)) !== undefined;

/** Step 21. The unsigned part is the word of the partner, whoever has signed its actor token. A registered user is ours to name; any other is known to the server that speaks of it. */
const subjectOf = async (
  { users, realm, freshness }: ActorTokenContext,
  microsoft: MicrosoftRealm,
  { partner, actor, user }: VerifiedMicrosoftToken,
): Promise<Result<Subject, MicrosoftFault>> => {
  if (user === undefined) return accept(itself(partner.id));
  const identifiers = readUserIdentifiers(user, partner.acceptsSecurityIdentifiers);
  if (!identifiers.ok) return identifiers;
  if (microsoft.users === 'as-stated') return userOf(actor, statedName(identifiers.value) ?? '');
  const known = resolveUser(identifiers.value, await users.findUsers(realm.name, identifiers.value, freshness));
  return known.ok ? userOf(realm.issuer, known.value.id) : known;
};

/** @param issuer who knows the user by that name. */
const userOf = (issuer: string, sub: string): Result<Subject, MicrosoftFault> => {
  const subId = { format: 'iss_sub', iss: issuer, sub };
  return isSubjectIdentifier(subId) ? accept({ kind: 'user', sub, subId }) : refuse('user_identity_missing');
};
