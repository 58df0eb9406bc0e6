/**
 * Partners and grants that are declared in infrastructure code: what CloudFormation asks for, done by the same operations that
 * administrators use. Every request may come twice.
 */

import { accept, type Result, refuse } from '../core/errors.ts';
import type { PartnerDefinition } from '../core/partner-definition.ts';
import { type AdminRefusal, type AudienceInput, type GrantInput, isSameDetails } from '../core/registration.ts';
import type { ManageGrants } from './manage-grants.ts';
import type { ManagePartners } from './manage-partners.ts';

/** A partner with the audiences that it owns. */
export interface PartnerResource {
  readonly realm: string;
  readonly id: string;
  readonly definition: PartnerDefinition;
  readonly audiences: readonly Omit<AudienceInput, 'owner'>[];
}

export interface GrantResource extends GrantInput {
  readonly realm: string;
}

type Done = Result<void, AdminRefusal>;

const DONE = accept(undefined);

export type DeclareResources = ReturnType<typeof declareResources>;

/** Every operation throws Outage when DynamoDB did not answer. */
export const declareResources = (
  partners: Pick<ManagePartners, 'add' | 'declare' | 'remove'>,
  grants: Pick<
    ManageGrants,
    'findAudience' | 'addAudience' | 'changeAudience' | 'removeAudience' | 'addGrant' | 'listGrantsOf' | 'removeGrant'
  >,
) => {
  const putAudience = async (
    realm: string,
    owner: string,
    { audience, scopes, tokenPolicy = {}, authorizationDetails = {}, introspectors = [] }: Omit<AudienceInput, 'owner'>,
  ): Promise<Done> => {
    const members = { scopes, tokenPolicy, authorizationDetails, introspectors };
    const [stored] = (await grants.findAudience(realm, audience)).items;
    if (stored === undefined) return done(await grants.addAudience(realm, { audience, owner, ...members }));
    if (stored.owner !== owner) {
      return refuse({ reason: 'conflict', detail: `audience ${audience} belongs to ${stored.owner}` });
    }
    const isSame =
      sorted(stored.scopes) === sorted(scopes) &&
      sameMembers(stored.tokenPolicy, tokenPolicy) &&
      isSameDetails(stored.authorizationDetails, authorizationDetails) &&
      sorted(stored.introspectors) === sorted(introspectors);
    return isSame ? DONE : done(await grants.changeAudience(realm, audience, stored.version, members));
  };

  const putAudiences = async ({ realm, id, audiences }: PartnerResource, owned: readonly string[]): Promise<Done> => {
    for (const audience of audiences) {
      const put = await putAudience(realm, id, audience);
      if (!put.ok) return put;
    }
    const wanted = new Set(audiences.map(({ audience }) => audience));
    for (const audience of owned.filter((each) => !wanted.has(each))) {
      const removed = await grants.removeAudience(realm, audience);
      if (!removed.ok) return removed;
    }
    return DONE;
  };

  return {
    /** A partner that is there already and is different is somebody else's, and stays as it is. */
    createPartner: async (resource: PartnerResource): Promise<Done> => {
      const added = await partners.add(resource.realm, { ...resource.definition, id: resource.id });
      if (!added.ok) return added;
      const put = await putAudiences(resource, []);
      // What failed counts as not made, and nobody would ever remove it. It is ours even if an earlier attempt has made it: the
      // definition says which stack declares it.
      if (!put.ok) await partners.remove(resource.realm, resource.id);
      return put;
    },

    /** Makes the partner what is said, whatever it has become elsewhere. */
    updatePartner: async (resource: PartnerResource): Promise<Done> => {
      const declared = await partners.declare(resource.realm, resource.id, undefined, resource.definition);
      return declared.ok ? putAudiences(resource, declared.value.value.audiences) : declared;
    },

    removePartner: async (realm: string, id: string): Promise<Done> => goneIsFine(await partners.remove(realm, id)),

    /** A grant that is there already and is different is somebody else's, and stays as it is. */
    createGrant: async ({ realm, ...grant }: GrantResource): Promise<Done> => {
      const held = await grants.listGrantsOf(realm, grant.client);
      if (!held.ok) return held;
      const stored = held.value.items.find(({ audience }) => audience === grant.audience);
      const { scopes, authorizationDetailsTypes: types = [] } = grant;
      const isOther =
        stored !== undefined &&
        (sorted(stored.scopes) !== sorted(scopes) || sorted(stored.authorizationDetailsTypes) !== sorted(types));
      if (isOther) {
        return refuse({ reason: 'conflict', detail: `${grant.client} has another grant on ${grant.audience}` });
      }
      return done(await grants.addGrant(realm, grant));
    },

    updateGrant: async ({ realm, ...grant }: GrantResource): Promise<Done> => done(await grants.addGrant(realm, grant)),

    removeGrant: async (realm: string, client: string, audience: string): Promise<Done> =>
      goneIsFine(await grants.removeGrant(realm, client, audience)),
  };
};

const done = (result: Result<unknown, AdminRefusal>): Done => (result.ok ? DONE : result);

const goneIsFine = (result: Done): Done => (!result.ok && result.refusal.reason === 'not_found' ? DONE : result);

const sorted = (texts: readonly string[]): string => [...new Set(texts)].sort().join('\n');

const sameMembers = (a: object, b: object): boolean =>
  sorted(Object.entries(a).map(String)) ===
  sorted(
    Object.entries(b)
      .filter(([, value]) => value !== undefined)
      .map(String),
  );
