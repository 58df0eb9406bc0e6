/** Rows of realms and of their aliases. */

import { isJwsAlgorithm } from '../core/algorithms.ts';
import { GRANT_TYPES } from '../core/grant-type.ts';
import { MICROSOFT_USERS, type MicrosoftRealm } from '../core/microsoft-profile.ts';
import { DPOP_NONCES, type Realm, type RealmPolicy } from '../core/realm.ts';
import { listed, type Row, realmKey, realmsListing } from './registry-keys.ts';
import { flag, nested, oneOf, optionalText, optionalTimes, text, texts, whole } from './row-members.ts';

export const realmRow = (realm: Realm): Row => ({
  ...realmKey(realm.name),
  ...listed(realmsListing, realm.name),
  ...realm,
});

/** Stands where a realm of that name would stand, so that no name can be both. */
export const aliasRow = (alias: string, realm: string): Row => ({ ...realmKey(alias), aliasOf: realm });

/** Whose alias this row is, if it is one. */
export const aliasedRealm = (row: Row): string | undefined =>
  row.aliasOf === undefined ? undefined : text(row, 'aliasOf');

export const parseRealmRow = (row: Row): Realm => ({
  name: text(row, 'name'),
  ...optionalText(row, 'description'),
  aliases: texts(row, 'aliases'),
  enabled: flag(row, 'enabled'),
  policy: parsePolicy(nested(row, 'policy')),
  version: whole(row, 'version'),
  createdAt: whole(row, 'createdAt'),
  updatedAt: whole(row, 'updatedAt'),
});

const parsePolicy = (row: Row): RealmPolicy => ({
  ...(row.algorithms === undefined ? {} : { algorithms: texts(row, 'algorithms').filter(isJwsAlgorithm) }),
  ...optionalTimes(row, ['accessTokenSeconds', 'assertionSeconds']),
  ...(row.clientSecrets === undefined ? {} : { clientSecrets: flag(row, 'clientSecrets') }),
  ...(row.grantTypes === undefined
    ? {}
    : { grantTypes: GRANT_TYPES.filter((each) => texts(row, 'grantTypes').includes(each)) }),
  ...(row.dpopNonces === undefined ? {} : { dpopNonces: oneOf(row, 'dpopNonces', DPOP_NONCES) }),
  ...(row.authorizationDetailsTypes === undefined
    ? {}
    : { authorizationDetailsTypes: texts(row, 'authorizationDetailsTypes') }),
  ...(row.microsoft === undefined ? {} : { microsoft: parseMicrosoft(nested(row, 'microsoft')) }),
});

const parseMicrosoft = (row: Row): MicrosoftRealm => {
  const [first = '', ...rest] = texts(row, 'realms');
  return {
    applicationId: text(row, 'applicationId'),
    realms: [first, ...rest],
    hosts: texts(row, 'hosts'),
    tokenHosts: texts(row, 'tokenHosts'),
    users: oneOf(row, 'users', MICROSOFT_USERS),
  };
};
