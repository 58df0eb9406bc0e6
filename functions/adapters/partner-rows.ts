/** Rows of partners and of what stands in their partition, and of audiences. */

import { KEY_ATTRIBUTES } from '../config.ts';
import { COMPATIBILITY_PROFILES } from '../core/compatibility.ts';
import type { CustomClaims } from '../core/custom-claims.ts';
import {
  type Audience,
  CREDENTIAL_SOURCES,
  type Grant,
  type Partner,
  type PartnerCredential,
  type PartnerWithGrants,
  TRUST_LEVELS,
} from '../core/partner.ts';
import type { PartnerSource, RefreshStatus } from '../core/partner-source.ts';
import { QUOTA_MODES, type Quota } from '../core/quota.ts';
import { BINDING_RULES, TOKEN_PROFILES, type TokenPolicy } from '../core/token-policy.ts';
import {
  audienceKey,
  audiencesListing,
  certificateKey,
  dueSort,
  GRANT_PREFIX,
  grantKey,
  grantsListing,
  INTROSPECTS_PREFIX,
  introspectsKey,
  issuerKey,
  listed,
  OWNS_PREFIX,
  ownsKey,
  PARTNER_SORT,
  partnerKey,
  partnersListing,
  REFRESH_LISTING,
  REFRESH_SORT,
  type Row,
  refreshKey,
  TALLY_SORT,
} from './registry-keys.ts';
import {
  algorithm,
  flag,
  jwk,
  list,
  nested,
  oneOf,
  optionalText,
  optionalTimes,
  record,
  text,
  textMap,
  texts,
  whole,
} from './row-members.ts';
import { parseDetailTypes, parseWaysIn } from './way-in-rows.ts';

const { sort } = KEY_ATTRIBUTES;

export const partnerRow = (partner: Partner): Row => ({
  ...partnerKey(partner.realm, partner.id),
  ...listed(partnersListing(partner.realm), partner.id),
  ...partner,
});

export const grantRow = (grant: Grant): Row => ({
  ...grantKey(grant.realm, grant.client, grant.audience),
  ...listed(grantsListing(grant.realm, grant.audience), grant.client),
  ...grant,
});

export const audienceRow = (audience: Audience): Row => ({
  ...audienceKey(audience.realm, audience.audience),
  ...listed(audiencesListing(audience.realm), audience.audience),
  ...audience,
});

export const ownsRow = ({ realm, owner, audience }: Audience): Row => ownsKey(realm, owner, audience);

export const introspectsRow = (realm: string, introspector: string, audience: string): Row =>
  introspectsKey(realm, introspector, audience);

export const issuerRow = (realm: string, issuer: string, partner: string): Row => ({
  ...issuerKey(realm, issuer),
  partner,
});

export const certificateRow = (realm: string, x5t: string, partner: string): Row => ({
  ...certificateKey(realm, x5t),
  partner,
});

export const refreshRow = (status: RefreshStatus): Row => ({
  ...refreshKey(status.realm, status.id),
  ...listed({ name: REFRESH_LISTING }, dueSort(status.dueAt, status.realm, status.id)),
  ...status,
});

/** All rows of one partner's partition. `undefined`: no such partner. */
export const parsePartnerCollection = (rows: readonly Row[]): PartnerWithGrants | undefined => {
  const partner = rows.find((row) => row[sort] === PARTNER_SORT);
  if (partner === undefined) return undefined;
  const refresh = rows.find((row) => row[sort] === REFRESH_SORT);
  const tally = rows.find((row) => row[sort] === TALLY_SORT);
  const introspects = namesBelow(INTROSPECTS_PREFIX, rows);
  return {
    partner: parsePartnerRow(partner),
    grants: rows.filter((row) => text(row, sort).startsWith(GRANT_PREFIX)).map(parseGrantRow),
    audiences: namesBelow(OWNS_PREFIX, rows),
    ...(introspects.length === 0 ? {} : { introspects }),
    ...(tally === undefined ? {} : optionalTimes(tally, ['lostGrantAt'])),
    ...(refresh === undefined ? {} : { refresh: parseRefreshRow(refresh) }),
  };
};

/** The rest of each sort key that begins so. */
const namesBelow = (prefix: string, rows: readonly Row[]): readonly string[] =>
  rows
    .map((row) => text(row, sort))
    .filter((value) => value.startsWith(prefix))
    .map((value) => value.slice(prefix.length));

export const parsePartnerRow = (row: Row): Partner => ({
  realm: text(row, 'realm'),
  id: text(row, 'id'),
  ...optionalText(row, 'name'),
  ...optionalText(row, 'contact'),
  tags: textMap(row, 'tags'),
  enabled: flag(row, 'enabled'),
  trustLevel: oneOf(row, 'trustLevel', TRUST_LEVELS),
  acceptsSecurityIdentifiers: flag(row, 'acceptsSecurityIdentifiers'),
  ...optionalText(row, 'issuer'),
  credentials: list(row, 'credentials').map(parseCredential),
  ...parseWaysIn(row),
  compatibility: oneOf(row, 'compatibility', COMPATIBILITY_PROFILES),
  ...(row.source === undefined ? {} : { source: parseSource(nested(row, 'source')) }),
  tokenPolicy: parsePolicy(nested(row, 'tokenPolicy')),
  // Checked when it was registered; any JSON goes.
  claims: record(row, 'claims') as CustomClaims,
  ...(row.quota === undefined ? {} : { quota: parseQuota(nested(row, 'quota')) }),
  ...optionalTimes(row, ['tokensNotBefore']),
  version: whole(row, 'version'),
  createdAt: whole(row, 'createdAt'),
  updatedAt: whole(row, 'updatedAt'),
});

const parseCredential = (row: Row): PartnerCredential => ({
  kid: text(row, 'kid'),
  algorithm: algorithm(row, 'algorithm'),
  jwk: jwk(row, 'jwk'),
  thumbprint: text(row, 'thumbprint'),
  addedAt: whole(row, 'addedAt'),
  source: oneOf(row, 'source', CREDENTIAL_SOURCES),
  ...optionalText(row, 'label'),
  ...optionalText(row, 'x5t'),
  ...optionalText(row, 'x5tS256'),
  ...optionalTimes(row, ['notBefore', 'expiresAt']),
});

const parseSource = (row: Row): PartnerSource => ({
  type: oneOf(row, 'type', ['jwks_uri', 'metadata']),
  url: text(row, 'url'),
  ...(row.selfRegistered === true ? { selfRegistered: true } : {}),
});

const parsePolicy = (row: Row): TokenPolicy => ({
  ...optionalTimes(row, ['accessTokenSeconds']),
  ...(row.algorithm === undefined ? {} : { algorithm: algorithm(row, 'algorithm') }),
  ...(row.binding === undefined ? {} : { binding: oneOf(row, 'binding', BINDING_RULES) }),
  ...(row.profile === undefined ? {} : { profile: oneOf(row, 'profile', TOKEN_PROFILES) }),
});

const parseQuota = (row: Row): Quota => ({
  ...optionalTimes(row, ['perMinute', 'perDay']),
  mode: oneOf(row, 'mode', QUOTA_MODES),
});

export const parseGrantRow = (row: Row): Grant => ({
  realm: text(row, 'realm'),
  client: text(row, 'client'),
  audience: text(row, 'audience'),
  scopes: texts(row, 'scopes'),
  // Rows of before there were such details do not have it.
  authorizationDetailsTypes: row.authorizationDetailsTypes === undefined ? [] : texts(row, 'authorizationDetailsTypes'),
  ...optionalTimes(row, ['tokensNotBefore']),
  version: whole(row, 'version'),
});

export const parseAudienceRow = (row: Row): Audience => ({
  realm: text(row, 'realm'),
  audience: text(row, 'audience'),
  owner: text(row, 'owner'),
  ownerEnabled: flag(row, 'ownerEnabled'),
  scopes: texts(row, 'scopes'),
  authorizationDetails: parseDetailTypes(row),
  tokenPolicy: parsePolicy(nested(row, 'tokenPolicy')),
  // Rows of before anybody but the owner could ask do not have it.
  introspectors: row.introspectors === undefined ? [] : texts(row, 'introspectors'),
  version: whole(row, 'version'),
});

export const parseRefreshRow = (row: Row): RefreshStatus => ({
  realm: text(row, 'realm'),
  id: text(row, 'id'),
  dueAt: whole(row, 'dueAt'),
  ...optionalTimes(row, ['lastAttemptAt', 'lastSuccessAt']),
  ...(row.failure === undefined ? {} : { failure: parseFailure(nested(row, 'failure')) }),
  failures: whole(row, 'failures'),
  version: whole(row, 'version'),
});

const parseFailure = (row: Row) => ({ code: text(row, 'code'), detail: text(row, 'detail') });
