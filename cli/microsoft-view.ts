/**
 * What a partner and a realm have to do with the Microsoft server-to-server profile, on the terminal.
 */
import type { Partner, Realm } from './admin-records.ts';

type Pair = readonly [label: string, value: string | undefined];

export function describeMicrosoftPartner({ microsoft, trustedIssuer, trustLevel }: Partner): readonly Pair[] {
  if (microsoft === undefined) return [];
  const { issuedBy, actors, userTokens, delegation } = microsoft;
  const needed = trustLevel === 'full' ? '' : `, but not with the trust level ${trustLevel}`;
  return [
    ['Microsoft profile', describeIssuer(issuedBy, trustedIssuer)],
    ['trust broker for', actors.join(' ') || undefined],
    ['user tokens', userTokens ? `accepted${needed}` : 'not accepted'],
    ['delegation', delegation ? 'it may get tokens for any user' : undefined],
  ];
}

function describeIssuer(issuedBy: string, isTrustedIssuer: boolean): string {
  if (isTrustedIssuer) return 'it is an authorization server: it signs tokens for others too';
  return issuedBy === 'authorization-server'
    ? 'an authorization server signs its tokens'
    : 'it signs its tokens itself';
}

export function describeMicrosoftRealm(microsoft: Realm['policy']['microsoft']): readonly Pair[] {
  if (microsoft === undefined) return [];
  const { applicationId, realms, hosts, tokenHosts, users } = microsoft;
  const [own = '', ...others] = realms;
  return [
    ['Microsoft profile', `it is ${applicationId}@${own}`],
    ['further realms', others.join(' ') || undefined],
    ['hosts', hosts.join(' ') || 'none: no token is for a resource of it'],
    ['token hosts', tokenHosts.join(' ') || undefined],
    ['users', users === 'as-stated' ? 'as a trusted server states them' : 'registered ones only'],
  ];
}
