/** What the admin API answers with: registry values in JSON, times as RFC 3339. */

import { PUBLIC_KEY_MEMBERS } from '../core/algorithms.ts';
import type { Audience, EpochSeconds, Grant, Partner, PartnerCredential } from '../core/partner.ts';
import type { PartnerSource, RefreshStatus } from '../core/partner-source.ts';
import type { PartnerView } from '../flows/manage-partners.ts';
import type { RealmView } from '../flows/manage-realms.ts';

export const timestamp = (seconds: EpochSeconds): string => new Date(seconds * 1_000).toISOString();

const optionalTime = <Name extends string>(name: Name, seconds: EpochSeconds | undefined) =>
  seconds === undefined ? {} : { [name]: timestamp(seconds) };

export const realmView = ({ realm: { createdAt, updatedAt, ...realm }, issuer }: RealmView) => ({
  ...realm,
  issuer,
  ...optionalTime('createdAt', createdAt),
  ...optionalTime('updatedAt', updatedAt),
});

export const partnerSummary = (partner: Partner) => ({
  id: partner.id,
  ...(partner.name === undefined ? {} : { name: partner.name }),
  ...(partner.contact === undefined ? {} : { contact: partner.contact }),
  tags: partner.tags,
  enabled: partner.enabled,
  trustLevel: partner.trustLevel,
  version: partner.version,
  createdAt: timestamp(partner.createdAt),
  updatedAt: timestamp(partner.updatedAt),
});

export const partnerView = ({ partner, grants, audiences, refresh, lastUses }: PartnerView) => ({
  ...partnerSummary(partner),
  acceptsSecurityIdentifiers: partner.acceptsSecurityIdentifiers,
  ...(partner.issuer === undefined ? {} : { issuer: partner.issuer }),
  credentials: partner.credentials.map((credential) => credentialView(credential, lastUses.get(credential.thumbprint))),
  ...(partner.source === undefined ? {} : { source: sourceView(partner.source, refresh) }),
  compatibility: partner.compatibility,
  tokenPolicy: partner.tokenPolicy,
  claims: partner.claims,
  ...(partner.quota === undefined ? {} : { quota: partner.quota }),
  audiences,
  grants: grants.map(({ audience, scopes }) => ({ audience, scopes })),
});

const credentialView = (credential: PartnerCredential, usedAt: EpochSeconds | undefined) => ({
  kid: credential.kid,
  type: 'public_key',
  alg: credential.algorithm,
  kty: credential.jwk.kty,
  jwk: publicMembers(credential),
  thumbprint: credential.thumbprint,
  source: credential.source,
  ...(credential.label === undefined ? {} : { label: credential.label }),
  ...(credential.x5t === undefined ? {} : { x5t: credential.x5t }),
  ...(credential.x5tS256 === undefined ? {} : { 'x5t#S256': credential.x5tS256 }),
  ...optionalTime('notBefore', credential.notBefore),
  ...optionalTime('expiresAt', credential.expiresAt),
  addedAt: timestamp(credential.addedAt),
  // A use from before it was added is of another time, in which the partner had the same key.
  ...optionalTime('lastUsedAt', usedAt !== undefined && usedAt >= credential.addedAt ? usedAt : undefined),
});

/** Named one by one, so that nothing else can slip out. Whoever exports a partner needs the key itself. */
const publicMembers = ({ jwk, kid, algorithm, x5t, x5tS256 }: PartnerCredential) => {
  const members = PUBLIC_KEY_MEMBERS[jwk.kty as keyof typeof PUBLIC_KEY_MEMBERS] ?? [];
  const material = Object.entries(jwk).filter(([name]) => members.includes(name));
  return {
    kty: jwk.kty,
    ...Object.fromEntries(material),
    kid,
    alg: algorithm,
    ...(x5t === undefined ? {} : { x5t }),
    ...(x5tS256 === undefined ? {} : { 'x5t#S256': x5tS256 }),
  };
};

const sourceView = ({ type, url }: PartnerSource, refresh: RefreshStatus | undefined) => ({
  type,
  url,
  ...optionalTime('lastAttemptAt', refresh?.lastAttemptAt),
  ...optionalTime('lastSuccessAt', refresh?.lastSuccessAt),
  ...(refresh?.failure === undefined ? {} : { failure: refresh.failure }),
  ...optionalTime('nextAttemptAt', refresh?.dueAt),
});

export const audienceView = ({ audience, owner, scopes, tokenPolicy, version }: Audience) => ({
  audience,
  owner,
  scopes,
  tokenPolicy,
  version,
});

export const grantView = ({ client, audience, scopes, version }: Grant) => ({ client, audience, scopes, version });
