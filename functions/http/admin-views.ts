/** What the admin API answers with: registry values in JSON, times as RFC 3339. */

import { PUBLIC_KEY_MEMBERS } from '../core/algorithms.ts';
import type { Onboarding } from '../core/client-registration.ts';
import { type ClientSecret, secretCredential } from '../core/client-secret.ts';
import { registrationEndpoint } from '../core/metadata.ts';
import type { MicrosoftUser } from '../core/microsoft-user.ts';
import type { Audience, EpochSeconds, Grant, Partner, PartnerCredential } from '../core/partner.ts';
import type { PartnerSource, RefreshStatus } from '../core/partner-source.ts';
import type { Diagnosis } from '../flows/diagnose-token.ts';
import type { PartnerView } from '../flows/manage-partners.ts';
import type { RealmView } from '../flows/manage-realms.ts';
import type { AddedSecret } from '../flows/manage-secrets.ts';
import type { OpenedOnboarding } from '../flows/onboard-partner.ts';

export const timestamp = (seconds: EpochSeconds): string => new Date(seconds * 1_000).toISOString();

const optionalTime = <Name extends string>(name: Name, seconds: EpochSeconds | undefined) =>
  seconds === undefined ? {} : { [name]: timestamp(seconds) };

export const realmView = ({ realm: { createdAt, updatedAt, ...realm }, issuer }: RealmView) => ({
  ...realm,
  issuer,
  ...optionalTime('createdAt', createdAt),
  ...optionalTime('updatedAt', updatedAt),
});

export const diagnosisView = ({ expiresAt, ...diagnosis }: Diagnosis) => ({
  ...diagnosis,
  ...optionalTime('expiresAt', expiresAt),
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

export const partnerView = ({ partner, grants, audiences, introspects, refresh, lastUses }: PartnerView) => ({
  ...partnerSummary(partner),
  acceptsSecurityIdentifiers: partner.acceptsSecurityIdentifiers,
  ...(partner.issuer === undefined ? {} : { issuer: partner.issuer }),
  credentials: partner.credentials.map((credential) => credentialView(credential, lastUses.get(credential.thumbprint))),
  secrets: partner.secrets.map((secret) => secretView(secret, lastUses.get(secretCredential(secret.id)))),
  ...(partner.tlsSubject === undefined ? {} : { tlsSubject: partner.tlsSubject }),
  federation: partner.federation,
  trustedIssuer: partner.trustedIssuer,
  ...(partner.microsoft === undefined ? {} : { microsoft: partner.microsoft }),
  ...(partner.onboarding === undefined ? {} : { onboarding: onboardingView(partner.onboarding) }),
  registered: partner.registration !== undefined,
  ...(partner.source === undefined ? {} : { source: sourceView(partner.source, refresh) }),
  compatibility: partner.compatibility,
  tokenPolicy: partner.tokenPolicy,
  claims: partner.claims,
  ...(partner.quota === undefined ? {} : { quota: partner.quota }),
  ...optionalTime('tokensNotBefore', partner.tokensNotBefore),
  audiences,
  ...(introspects === undefined ? {} : { introspects }),
  grants: grants.map(({ audience, scopes, authorizationDetailsTypes, tokensNotBefore }) => ({
    ...{ audience, scopes, authorizationDetailsTypes },
    ...optionalTime('tokensNotBefore', tokensNotBefore),
  })),
});

/** Named one by one: the hash stays inside. */
const secretView = ({ id, label, addedAt, expiresAt }: ClientSecret, usedAt: EpochSeconds | undefined) => ({
  id,
  ...(label === undefined ? {} : { label }),
  addedAt: timestamp(addedAt),
  ...optionalTime('expiresAt', expiresAt),
  ...optionalTime('lastUsedAt', usedAt),
});

const onboardingView = ({ createdAt, expiresAt, methods }: Onboarding) => ({
  createdAt: timestamp(createdAt),
  expiresAt: timestamp(expiresAt),
  methods,
});

/** The only answer that ever holds the secret. */
export const addedSecretView = ({ secret, secretId, ...view }: AddedSecret) => ({
  secret,
  id: secretId,
  ...optionalTime('expiresAt', view.partner.secrets.find(({ id }) => id === secretId)?.expiresAt),
  partner: partnerView(view),
});

/** The only answer that ever holds the token. @param issuer the realm's. */
export const openedOnboardingView =
  (issuer: string) =>
  ({ token, expiresAt }: OpenedOnboarding) => ({
    token,
    expiresAt: timestamp(expiresAt),
    registrationEndpoint: registrationEndpoint(issuer),
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

const sourceView = ({ type, url, selfRegistered }: PartnerSource, refresh: RefreshStatus | undefined) => ({
  type,
  url,
  ...(selfRegistered === undefined ? {} : { selfRegistered }),
  ...optionalTime('lastAttemptAt', refresh?.lastAttemptAt),
  ...optionalTime('lastSuccessAt', refresh?.lastSuccessAt),
  ...(refresh?.failure === undefined ? {} : { failure: refresh.failure }),
  ...optionalTime('nextAttemptAt', refresh?.dueAt),
});

export const audienceView = ({ audience, owner, scopes, tokenPolicy, ...more }: Audience) => ({
  ...{ audience, owner, scopes, tokenPolicy },
  authorizationDetails: more.authorizationDetails,
  introspectors: more.introspectors,
  version: more.version,
});

export const grantView = ({ client, audience, scopes, authorizationDetailsTypes, ...grant }: Grant) => ({
  client,
  audience,
  scopes,
  authorizationDetailsTypes,
  ...optionalTime('tokensNotBefore', grant.tokensNotBefore),
  version: grant.version,
});

export const userView = ({ id, identifiers, version }: MicrosoftUser) => ({ id, ...identifiers, version });
