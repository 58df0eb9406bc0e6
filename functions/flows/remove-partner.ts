/**
 * Removes a partner with all that hangs on it: its grants, and the audiences that it owns. What others may call stays, and they
 * are named. So does whom an audience of another names as an introspector: the next of its name must not be let in by what was said of it.
 */

import { accept, refuse } from '../core/errors.ts';
import { certificateNames } from '../core/microsoft-profile.ts';
import { type Audience, type EpochSeconds, type Grant, isPartnerId, type PartnerWithGrants } from '../core/partner.ts';
import type { AdminResult, Dependent } from '../core/registration.ts';
import type { Clock, GrantRegistry, PartnerRegistry } from '../ports.ts';

export type RemovalRegistry = Pick<PartnerRegistry, 'findPartner' | 'removePartner'> &
  Pick<GrantRegistry, 'findAudience' | 'removeAudience' | 'removeGrant' | 'listGrantsOn'>;

/** DynamoDB takes so many writes in one transaction. */
export const MAX_TRANSACTION_WRITES = 100;

/** As many as are named to an administrator who would hurt them. */
const MAX_DEPENDENTS = 20;

export const lostRace = () =>
  refuse({ reason: 'conflict', detail: 'somebody else changed this at the same time; look again and repeat' } as const);

export const findPartner = async (
  registry: Pick<PartnerRegistry, 'findPartner'>,
  realm: string,
  id: string,
): Promise<AdminResult<PartnerWithGrants>> => {
  const found = isPartnerId(id) ? await registry.findPartner(realm, id) : undefined;
  return found === undefined ? refuse({ reason: 'not_found', what: `partner ${id.slice(0, 128)}` }) : accept(found);
};

/** @throws Outage when DynamoDB did not answer. */
export const removePartner =
  (registry: RemovalRegistry, clock: Clock) =>
  async (realm: string, id: string): Promise<AdminResult<void>> => {
    for (;;) {
      const found = await findPartner(registry, realm, id);
      if (!found.ok) return found;
      const { partner, grants, audiences, introspects = [] } = found.value;
      if (introspects.length > 0) return named(id, introspects);
      const owned = await loadAudiences(registry, realm, audiences);
      if (writesToRemove(grants, owned) + certificateNames(partner).length <= MAX_TRANSACTION_WRITES) {
        const isGone = (await registry.removePartner(found.value, owned)) === 'saved';
        return isGone ? accept(undefined) : inUse(registry, found.value);
      }
      // More than goes in one transaction: what hangs on it first, piece by piece, and none of it while somebody needs some.
      const dependents = await dependentsOn(registry, found.value);
      const isLess = dependents.length === 0 && (await removeOne(registry, owned, grants, clock.now())) === 'saved';
      if (!isLess) return inUse(registry, found.value);
    }
  };

/** Besides the names of its certificates: itself, its tally, its issuer and its refresh status; a row and a tally for each grant and introspector, three rows for each audience. */
const writesToRemove = ({ length: grants }: readonly Grant[], owned: readonly Audience[]): number =>
  4 + 2 * grants + 3 * owned.length + 2 * owned.flatMap(({ introspectors }) => introspectors).length;

const named = (id: string, audiences: readonly string[]) =>
  refuse({
    reason: 'in_use',
    detail: 'audiences name this partner as an introspector',
    dependents: audiences.slice(0, MAX_DEPENDENTS).map((audience) => ({ client: id, audience })),
  } as const);

const loadAudiences = async (
  registry: RemovalRegistry,
  realm: string,
  audiences: readonly string[],
): Promise<readonly Audience[]> => {
  const found = await Promise.all(audiences.map((audience) => registry.findAudience(realm, audience)));
  return found.filter((audience) => audience !== undefined);
};

/** Grants before audiences: one of them may be on one of these. */
const removeOne = async (
  registry: RemovalRegistry,
  [audience]: readonly Audience[],
  [grant]: readonly Grant[],
  now: EpochSeconds,
): Promise<'saved' | 'conflict'> => {
  if (grant !== undefined) return registry.removeGrant(grant, now);
  return audience === undefined ? 'conflict' : registry.removeAudience(audience);
};

const inUse = async (registry: RemovalRegistry, found: PartnerWithGrants) => {
  const dependents = await dependentsOn(registry, found);
  return dependents.length === 0
    ? lostRace()
    : refuse({ reason: 'in_use', detail: 'others may call what this partner owns', dependents } as const);
};

const dependentsOn = async (
  registry: RemovalRegistry,
  { partner: { realm, id }, audiences }: PartnerWithGrants,
): Promise<readonly Dependent[]> => {
  const found: Dependent[] = [];
  for (const audience of audiences) {
    const { items } = await registry.listGrantsOn(realm, audience, { limit: MAX_DEPENDENTS });
    found.push(...items.filter(({ client }) => client !== id).map(({ client }) => ({ client, audience })));
    if (found.length >= MAX_DEPENDENTS) break;
  }
  return found;
};
