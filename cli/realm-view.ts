/**
 * A realm on the terminal: its issuer above all, which is what clients and resource servers configure.
 */
import type { Realm } from './admin-records.ts';
import type { Io } from './io.ts';
import { describeMicrosoftRealm } from './microsoft-view.ts';
import { record } from './output.ts';
import { state } from './partner-view.ts';

export function describeRealm(io: Io, found: Realm): string {
  const { algorithms, accessTokenSeconds, assertionSeconds, clientSecrets, grantTypes, dpopNonces } = found.policy;
  return record(io, [
    ['name', found.name],
    ['issuer', found.issuer],
    ['description', found.description],
    ['aliases', found.aliases.join(' ')],
    ['state', state(found.enabled)],
    ['algorithms', algorithms?.join(' ')],
    ['tokens', accessTokenSeconds === undefined ? undefined : `${accessTokenSeconds} s at most`],
    ['assertions', assertionSeconds === undefined ? undefined : `${assertionSeconds} s at most`],
    ['client secrets', clientSecrets === undefined ? undefined : allowed(clientSecrets)],
    ['grant types', grantTypes?.join(' ')],
    ['DPoP nonces', dpopNonces],
    ['authorization details', found.policy.authorizationDetailsTypes?.join(' ')],
    ...describeMicrosoftRealm(found.policy.microsoft),
    ['version', found.version],
    ['created', found.createdAt],
    ['updated', found.updatedAt],
  ]);
}

const allowed = (isAllowed: boolean): string => (isAllowed ? 'allowed' : 'not allowed');
