/**
 * Who shows a token of dynamic registration, and whether it is good now. An unknown partner costs the same look and the same
 * comparison as a wrong token.
 */

import type { AuditFacts } from '../core/audit.ts';
import { accept, type RegistrationTokenFault, type Result, refuse } from '../core/errors.ts';
import type { EpochSeconds, PartnerWithGrants } from '../core/partner.ts';
import { isRealmName, type Realm } from '../core/realm.ts';
import { isTokenOf, partnerOfToken, type RegistrationTokenKind } from '../core/registration-token.ts';
import type { PartnerRegistry, RealmRegistry } from '../ports.ts';

export interface OpenRegistrationPorts {
  readonly registry: Pick<PartnerRegistry, 'findPartner'>;
  readonly realms: Pick<RealmRegistry, 'findRealm'>;
}

export interface TokenPresented {
  readonly realm: string;
  readonly client?: string;
  readonly token: string | undefined;
}

export interface OpenRegistration {
  readonly found: PartnerWithGrants;
  readonly realm: Realm;
  readonly token: string;
}

const refuseToken = (because: RegistrationTokenFault) =>
  refuse({ reason: 'registration_token_refused', because } as const);

/** Reads are not cached: a token that was withdrawn is no good at once. */
export const openRegistration = async (
  { registry, realms }: OpenRegistrationPorts,
  kind: RegistrationTokenKind,
  { realm: named, client, token }: TokenPresented,
  now: EpochSeconds,
  learn: (facts: AuditFacts) => void,
): Promise<Result<OpenRegistration>> => {
  const realm = isRealmName(named) ? await realms.findRealm(named) : undefined;
  if (realm !== undefined) learn({ realm: realm.name });
  if (token === undefined) return refuseToken('missing');
  const id = partnerOfToken(kind, token);
  if (id === undefined) return refuseToken('malformed');
  learn({ client: id });
  if (realm === undefined) return refuseToken('realm_unknown');
  const found = await registry.findPartner(realm.name, id);
  const { onboarding, registration, enabled } = found?.partner ?? {};
  const isGood = isTokenOf((kind === 'onboarding' ? onboarding : registration)?.hash, token);
  if (found === undefined || !isGood) return refuseToken('unknown');
  if (client !== undefined && client !== id) return refuseToken('other_client');
  if (kind === 'onboarding' && onboarding !== undefined && now >= onboarding.expiresAt) return refuseToken('expired');
  if (!realm.enabled) return refuseToken('realm_disabled');
  if (!enabled) return refuseToken('client_disabled');
  return accept({ found, realm, token });
};
