/**
 * Administration of the registry: partners, the audiences they own, the grants they hold. Creating the same thing twice is
 * answered as done; a lost race is a conflict, never a silent overwrite.
 */

import type { JwsAlgorithm } from '../core/algorithms.ts';
import { accept, refuse } from '../core/errors.ts';
import { activeKey } from '../core/key-ring.ts';
import {
  type Audience,
  type Grant,
  isAudienceUri,
  isPartnerId,
  type Partner,
  type PartnerWithGrants,
} from '../core/partner.ts';
import {
  type AdminResult,
  type AudienceInput,
  changePartner,
  declareAudience,
  type GrantInput,
  grantAccess,
  isSameAudience,
  isSameGrant,
  isSamePartner,
  type PartnerChange,
  type PartnerInput,
  registerPartner,
} from '../core/registration.ts';
import type { Clock, Page, PageRequest, Registry, RingStore } from '../ports.ts';

export interface ManagePartnersPorts {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rings: Pick<RingStore, 'list'>;
}

/** What a create did: made it, or found it there as wanted. */
export interface Created<Value> {
  readonly created: boolean;
  readonly value: Value;
}

/** The transaction that disables an owner touches each of its audiences, and DynamoDB takes 100 writes in one. */
export const MAX_AUDIENCES_PER_OWNER = 90;

const notFound = (what: string) => refuse({ reason: 'not_found', what } as const);
const conflict = (detail: string) => refuse({ reason: 'conflict', detail } as const);
const lostRace = () => conflict('somebody else changed this at the same time; look again and repeat');

export type ManagePartners = ReturnType<typeof managePartners>;

/** Every operation throws Outage when DynamoDB did not answer. */
export const managePartners = ({ registry, clock, rings }: ManagePartnersPorts) => {
  /** What the realm signs with now: an audience that chose a ring without a signing key would get no token. */
  const algorithmsOf = async (realm: string): Promise<readonly JwsAlgorithm[]> =>
    (await rings.list(realm)).filter((ring) => activeKey(ring) !== undefined).map((ring) => ring.algorithm);

  const loadPartner = async (realm: string, id: string): Promise<AdminResult<PartnerWithGrants>> => {
    const found = isPartnerId(id) ? await registry.findPartner(realm, id) : undefined;
    return found === undefined ? notFound(`partner ${id.slice(0, 128)}`) : accept(found);
  };

  return {
    showPartner: loadPartner,

    listPartners: (realm: string, page: PageRequest): Promise<Page<Partner>> => registry.listPartners(realm, page),

    addPartner: async (realm: string, input: PartnerInput): Promise<AdminResult<Created<PartnerWithGrants>>> => {
      const wanted = await registerPartner(realm, input, clock.now());
      if (!wanted.ok) return wanted;
      if ((await registry.createPartner(wanted.value)) === 'saved') {
        return accept({ created: true, value: { partner: wanted.value, grants: [], audiences: [] } });
      }
      const stored = await registry.findPartner(realm, input.id);
      return stored !== undefined && isSamePartner(stored.partner, wanted.value)
        ? accept({ created: false, value: stored })
        : conflict(`partner ${input.id} exists and is different`);
    },

    changePartner: async (
      realm: string,
      id: string,
      change: PartnerChange,
    ): Promise<AdminResult<PartnerWithGrants>> => {
      const found = await loadPartner(realm, id);
      if (!found.ok) return found;
      const changed = changePartner(found.value.partner, change, clock.now());
      if (!changed.ok) return changed;
      const saved = await registry.updatePartner(changed.value, found.value.audiences);
      return saved === 'saved' ? accept({ ...found.value, partner: changed.value }) : lostRace();
    },

    listAudiences: (realm: string, page: PageRequest): Promise<Page<Audience>> => registry.listAudiences(realm, page),

    addAudience: async (realm: string, input: AudienceInput): Promise<AdminResult<Created<Audience>>> => {
      const owner = await loadPartner(realm, input.owner);
      if (!owner.ok) return owner;
      const wanted = declareAudience(realm, input, owner.value.partner, await algorithmsOf(realm));
      if (!wanted.ok) return wanted;
      const stored = await registry.findAudience(realm, input.audience);
      if (stored !== undefined) {
        return isSameAudience(stored, wanted.value)
          ? accept({ created: false, value: stored })
          : conflict(`audience ${input.audience} exists and is different`);
      }
      if (owner.value.audiences.length >= MAX_AUDIENCES_PER_OWNER) {
        return conflict(`a partner owns at most ${MAX_AUDIENCES_PER_OWNER} audiences`);
      }
      const saved = await registry.createAudience(wanted.value, owner.value.partner);
      return saved === 'saved' ? accept({ created: true, value: wanted.value }) : lostRace();
    },

    addGrant: async (realm: string, input: GrantInput): Promise<AdminResult<Created<Grant>>> => {
      const [client, audience] = await Promise.all([
        loadPartner(realm, input.client),
        isAudienceUri(input.audience) ? registry.findAudience(realm, input.audience) : undefined,
      ]);
      if (!client.ok) return client;
      if (audience === undefined) return notFound(`audience ${input.audience.slice(0, 512)}`);
      const stored = client.value.grants.find((grant) => grant.audience === input.audience);
      const wanted = grantAccess(realm, input, audience, stored);
      if (!wanted.ok) return wanted;
      if (stored !== undefined && isSameGrant(stored, wanted.value)) return accept({ created: false, value: stored });
      const saved = await registry.saveGrant(wanted.value);
      return saved === 'saved' ? accept({ created: stored === undefined, value: wanted.value }) : lostRace();
    },

    listGrantsOf: async (realm: string, client: string): Promise<AdminResult<Page<Grant>>> => {
      const found = await loadPartner(realm, client);
      return found.ok ? accept({ items: found.value.grants }) : found;
    },

    listGrantsOn: (realm: string, audience: string, page: PageRequest): Promise<Page<Grant>> =>
      registry.listGrantsOn(realm, audience, page),
  };
};
