/**
 * Tries a token of the Microsoft profile dry, for an operator who wants to know why it is not taken: by the very checks of the token
 * endpoint, or of a server that we call, and with the reason named. Nothing is issued, used up or written.
 */

import { accept, type Result } from '../core/errors.ts';
import { MICROSOFT_ADVICE } from '../core/microsoft-advice.ts';
import { microsoftDocument } from '../core/microsoft-document.ts';
import type { MicrosoftFault } from '../core/microsoft-fault.ts';
import { readMicrosoftMetadata } from '../core/microsoft-metadata.ts';
import { authorityOf, parsePrincipal } from '../core/microsoft-principal.ts';
import type { MicrosoftRealm } from '../core/microsoft-profile.ts';
import { type MicrosoftToken, parseMicrosoftToken } from '../core/microsoft-token.ts';
import { verifyMicrosoftToken } from '../core/microsoft-trust.ts';
import { readUserIdentifiers, statedName, USER_IDENTIFIERS } from '../core/microsoft-user.ts';
import type { EpochSeconds, Partner, PartnerWithGrants } from '../core/partner.ts';
import { type Realm, type RealmDefaults, type RealmTerms, realmTerms } from '../core/realm.ts';
import type { AdminResult } from '../core/registration.ts';
import type { Clock, PartnerRegistry, RingReader, UserRegistry } from '../ports.ts';
import { findPartner } from './remove-partner.ts';
import { type ActorTokenContext, verifyActorToken } from './verify-actor-token.ts';

export interface DiagnoseTokenPorts {
  readonly registry: Pick<PartnerRegistry, 'findPartner' | 'findIssuer' | 'findCertificate'>;
  readonly users: Pick<UserRegistry, 'findUser' | 'findHolder'>;
  readonly rings: RingReader;
  readonly clock: Clock;
}

export interface Diagnosis {
  /** Who made it: a partner, as a token for us, or this realm, as one for the partner. */
  readonly direction: 'from-partner' | 'to-partner';
  readonly accepted: boolean;
  /** Why not, with what to do. */
  readonly fault?: MicrosoftFault;
  readonly step?: number;
  readonly finding?: string;
  readonly remedy?: string;
  /** What it proves, where it is good: on whose terms, who calls, where, about whom, until when. */
  readonly partner?: string;
  readonly actor?: string;
  readonly audience?: string;
  readonly subject?: string;
  readonly expiresAt?: EpochSeconds;
  /** It was made for the token endpoint, where it is good once. */
  readonly forTokenEndpoint?: boolean;
}

export type DiagnoseToken = (realm: Realm, partner: string, token: string) => Promise<AdminResult<Diagnosis>>;

/** Throws Outage when DynamoDB did not answer. */
export const diagnoseToken =
  (ports: DiagnoseTokenPorts, defaults: RealmDefaults): DiagnoseToken =>
  async (realm, id, token) => {
    const found = await findPartner(ports.registry, realm.name, id);
    if (!found.ok) return found;
    const terms = realmTerms(realm, defaults);
    const parsed = parseMicrosoftToken(token);
    const now = ports.clock.now();
    const anchor = terms.microsoft && (await ourAnchor(ports.rings, terms, terms.microsoft, now));
    if (anchor !== undefined && parsed.ok && isBy(anchor, parsed.value))
      return accept(await judgeAsTheyDo(found.value, anchor, parsed.value, now));
    return accept(await judgeAsWeDo(contextOf(ports, terms, now), parsed));
  };

type Direction = Diagnosis['direction'];

const refusedFor = (direction: Direction, fault: MicrosoftFault): Diagnosis => ({
  direction,
  accepted: false,
  fault,
  ...MICROSOFT_ADVICE[fault],
});

const judgeAsWeDo = async (
  context: ActorTokenContext,
  parsed: Result<MicrosoftToken, MicrosoftFault>,
): Promise<Diagnosis> => {
  const verified = await verifyActorToken(context, parsed);
  if (!verified.ok) {
    const { refusal } = verified;
    return refusedFor('from-partner', 'fault' in refusal ? refusal.fault : 'malformed_token');
  }
  const { partner, actor, target, subject, expiresAt, isForTokenEndpoint } = verified.value;
  return {
    ...{ direction: 'from-partner', accepted: true, partner: partner.id, actor, subject: subject.sub, expiresAt },
    audience: `${target.applicationId}/${target.host}@${target.realm}`,
    forTokenEndpoint: isForTokenEndpoint,
  };
};

/** By the registry as it is, not as a cache has it: an operator has just changed something. */
const contextOf = (
  { registry, users }: DiagnoseTokenPorts,
  realm: RealmTerms,
  now: EpochSeconds,
): ActorTokenContext => {
  const partnerOf = async (id: string | undefined): Promise<PartnerWithGrants | undefined> =>
    id === undefined ? undefined : registry.findPartner(realm.name, id);
  return {
    partners: { find: async (_name, id) => partnerOf(id) },
    issuers: { findByIssuer: async (name, issuer) => partnerOf(await registry.findIssuer(name, issuer)) },
    certificates: { findByThumbprint: async (name, x5t) => partnerOf(await registry.findCertificate(name, x5t)) },
    users: {
      findUsers: async (name, identifiers) => {
        const ids = await Promise.all(
          USER_IDENTIFIERS.map((kind) => {
            const identifier = identifiers[kind];
            return identifier === undefined ? undefined : users.findHolder(name, kind, identifier);
          }),
        );
        const known = [...new Set(ids.filter((id) => id !== undefined))].map((id) => users.findUser(name, id));
        return (await Promise.all(known)).filter((user) => user !== undefined);
      },
    },
    realm,
    freshness: {},
    now,
  };
};

/** This realm, as a server that has imported its document knows it. */
type Anchor = Pick<Partner, 'credentials'> & { readonly issuer: string };

/** Whatever issuer it names: a partner can write ours, and has not our certificate. */
const isBy = ({ credentials }: Anchor, { actor }: MicrosoftToken): boolean =>
  credentials.some(({ x5t }) => x5t !== undefined && x5t === actor.x5t);

const ourAnchor = async (
  rings: RingReader,
  { name, issuer: url }: RealmTerms,
  profile: MicrosoftRealm,
  now: EpochSeconds,
): Promise<Anchor | undefined> => {
  const document = microsoftDocument(url, profile, await rings.list(name));
  if (document === undefined || !('keys' in document) || !Array.isArray(document.keys)) return undefined;
  const read = await readMicrosoftMetadata({ ...document }, document.keys, now);
  if (!read.ok) return undefined;
  const { issuer, keys } = read.value;
  return { issuer, credentials: keys.map((key) => ({ ...key, source: 'document', addedAt: now })) };
};

/**
 * As the partner would: it is called by its own principal, at the hosts of the audiences that it owns, and trusts us in full by our
 * document. What else it asks of its callers, accounts and roles, only it knows.
 */
const judgeAsTheyDo = async (
  { partner, audiences }: PartnerWithGrants,
  { issuer, credentials }: Anchor,
  token: MicrosoftToken,
  now: EpochSeconds,
): Promise<Diagnosis> => {
  const called = parsePrincipal(partner.issuer);
  if (called === undefined) return refusedFor('to-partner', 'audience_app_mismatch');
  const { nameid } = token.actor.claims;
  const signer: Partner = {
    ...partner,
    ...{ id: issuer, issuer, enabled: true, trustLevel: 'full', acceptsSecurityIdentifiers: true, credentials },
    trustedIssuer: false,
    // Partners of ours who call by names of their own: the server has to take us for a trust broker.
    microsoft: {
      issuedBy: 'itself',
      actors: typeof nameid === 'string' ? [nameid] : [],
      userTokens: true,
      delegation: false,
    },
  };
  const realm: MicrosoftRealm = {
    applicationId: called.applicationId,
    realms: [called.realm],
    hosts: audiences.map(authorityOf).filter((host) => host !== undefined),
    tokenHosts: [],
    users: 'as-stated',
  };
  const verified = await verifyMicrosoftToken({ token, realm, signer, named: undefined }, now);
  if (!verified.ok) return refusedFor('to-partner', verified.refusal);
  const { user, actor, expiresAt, target } = verified.value;
  const identifiers = user === undefined ? undefined : readUserIdentifiers(user, true);
  if (identifiers?.ok === false) return refusedFor('to-partner', identifiers.refusal);
  const subject = identifiers === undefined ? actor : statedName(identifiers.value);
  return {
    ...{ direction: 'to-partner', accepted: true, partner: partner.id, actor, expiresAt },
    ...(subject === undefined ? {} : { subject }),
    audience: `${target.applicationId}/${target.host}@${target.realm}`,
  };
};
