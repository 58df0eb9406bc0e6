/**
 * What an actor token for Exchange, SharePoint or Skype for Business is to say: who calls whom in their names, and whether it is trusted for
 * delegation. The audience belongs to the server as a partner, and that is how its names are known.
 */

import type { ActorOrder } from './actor-token.ts';
import { accept, type Result, refuse } from './errors.ts';
import { authorityOf, formatPrincipal, formatTarget, parsePrincipal } from './microsoft-principal.ts';
import type { Partner } from './partner.ts';
import type { Entitlement } from './policy.ts';
import type { RealmTerms } from './realm.ts';

export interface ActorWish {
  readonly realm: Pick<RealmTerms, 'microsoft'>;
  /** Who has asked. */
  readonly client: Partner;
  readonly entitlement: Pick<Entitlement, 'subject' | 'audience' | 'seconds'>;
  /** Whom the audience belongs to. */
  readonly owner: Partner | undefined;
  /** The audience as the request names it, perhaps by its name in that profile. */
  readonly resource: string | undefined;
  readonly trustedForDelegation: boolean;
}

const cannot = (detail: string) =>
  refuse({ reason: 'token_profile_unsupported', profile: 'microsoft-s2s', detail } as const);

export const orderActorToken = (wish: ActorWish): Result<ActorOrder> => {
  const { realm, client, entitlement, owner, resource } = wish;
  const { subject, audience: uri, seconds } = entitlement;
  if (realm.microsoft === undefined) return cannot('the realm takes no part in it');
  const called = parsePrincipal(owner?.issuer);
  const host = authorityOf(uri);
  if (called === undefined || host === undefined) return cannot('the owner of the audience has no name in it');
  const audience = formatTarget({ ...called, host });
  if (resource !== undefined && resource !== uri && resource !== audience)
    return refuse({ reason: 'resource_unknown', resource });
  if (subject.kind === 'application' && (subject.sub !== client.id || subject.act !== undefined))
    return cannot('it knows tokens about the client itself and about users');
  const isTrustedForDelegation = subject.kind === 'user' || wish.trustedForDelegation;
  if (isTrustedForDelegation && !mayDelegate(client)) return refuse({ reason: 'delegation_not_granted' });
  const { applicationId, realms } = realm.microsoft;
  const issuer = formatPrincipal({ applicationId, realm: realms[0] });
  return accept({ issuer, actor: actorName(client) ?? issuer, audience, isTrustedForDelegation, seconds });
};

const mayDelegate = ({ microsoft, trustLevel }: Partner): boolean =>
  microsoft?.delegation === true && trustLevel !== 'application';

/** A partner with a name of its own is vouched for by that; whoever has none is, to the server, an application of the realm's. */
const actorName = ({ microsoft, issuer }: Partner): string | undefined =>
  microsoft !== undefined && parsePrincipal(issuer) !== undefined ? issuer : undefined;
