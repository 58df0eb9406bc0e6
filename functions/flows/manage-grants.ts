/**
 * Administration of audiences, which partners own, and of grants, which let one partner call another. An audience that is
 * granted to somebody, or a scope in use, does not go: who depends on it is named instead.
 */

import { accept, refuse } from '../core/errors.ts';
import { type Audience, type Grant, isAudienceUri } from '../core/partner.ts';
import {
  type AdminResult,
  type AudienceChange,
  type AudienceChoices,
  type AudienceInput,
  changeAudience,
  type Dependent,
  declareAudience,
  type GrantInput,
  goneTypes,
  grantAccess,
  holdsWhatGoes,
  isSameAudience,
  isSameGrant,
} from '../core/registration.ts';
import { markOfNewGrant } from '../core/token-mark.ts';
import type {
  Clock,
  GrantRegistry,
  Page,
  PageRequest,
  PartnerRegistry,
  Pause,
  RealmRegistry,
  RingStore,
} from '../ports.ts';
import { type Created, signingAlgorithms } from './manage-partners.ts';
import { changedSince } from './manage-realms.ts';
import { findPartner, lostRace } from './remove-partner.ts';

export interface ManageGrantsPorts {
  readonly registry: GrantRegistry & Pick<PartnerRegistry, 'findPartner'>;
  readonly rings: Pick<RingStore, 'list'>;
  readonly realms: Pick<RealmRegistry, 'findRealm'>;
  readonly clock: Clock;
  readonly pause: Pause;
}

/** The transaction that disables an owner touches each of its audiences, and DynamoDB takes 100 writes in one. */
export const MAX_AUDIENCES_PER_OWNER = 90;

/** As many as are named to an administrator who would hurt them. */
const MAX_DEPENDENTS = 20;
const MAX_ATTEMPTS = 4;

const notFound = (what: string) => refuse({ reason: 'not_found', what } as const);
const conflict = (detail: string) => refuse({ reason: 'conflict', detail } as const);

const inUse = (dependents: readonly Dependent[], what: string) =>
  refuse({ reason: 'in_use', detail: `grants hold ${what} that would go`, dependents } as const);

export type ManageGrants = ReturnType<typeof manageGrants>;

/** Every operation throws Outage when DynamoDB did not answer. */
export const manageGrants = ({ registry, rings, realms, clock, pause }: ManageGrantsPorts) => {
  /** Each is looked up for who chooses something. */
  const choicesFor = async (
    realm: string,
    { tokenPolicy, authorizationDetails = {} }: AudienceChange,
  ): Promise<AudienceChoices> => {
    const [algorithms, found] = await Promise.all([
      tokenPolicy?.algorithm === undefined ? [] : signingAlgorithms(rings, realm),
      Object.keys(authorizationDetails).length === 0 ? undefined : realms.findRealm(realm),
    ]);
    return { algorithms, detailTypes: found?.policy.authorizationDetailsTypes ?? [] };
  };

  /** @returns a refusal for the first of them who is no partner of the realm; `undefined`: all are. */
  const missingAmong = async (realm: string, ids: readonly string[]) => {
    const found = await Promise.all(ids.map((id) => findPartner(registry, realm, id)));
    return found.flatMap((each) => (each.ok ? [] : [each]))[0];
  };

  const load = async (realm: string, audience: string): Promise<AdminResult<Audience>> => {
    const found = isAudienceUri(audience) ? await registry.findAudience(realm, audience) : undefined;
    return found === undefined ? notFound(`audience ${audience.slice(0, 512)}`) : accept(found);
  };

  const dependentsOn = async (
    realm: string,
    audience: string,
    isHurt: (grant: Grant) => boolean,
  ): Promise<readonly Dependent[]> => {
    const dependents: Dependent[] = [];
    let cursor: string | undefined;
    do {
      const page = await registry.listGrantsOn(realm, audience, { limit: 100, cursor });
      dependents.push(...page.items.filter(isHurt).map(({ client }) => ({ client, audience })));
      cursor = page.next;
    } while (cursor !== undefined && dependents.length < MAX_DEPENDENTS);
    return dependents.slice(0, MAX_DEPENDENTS);
  };

  const findGrant = async (
    realm: string,
    client: string,
    audience: string,
  ): Promise<AdminResult<Grant | undefined>> => {
    const found = await findPartner(registry, realm, client);
    return found.ok ? accept(found.value.grants.find((grant) => grant.audience === audience)) : found;
  };

  return {
    listAudiences: (realm: string, page: PageRequest): Promise<Page<Audience>> => registry.listAudiences(realm, page),

    findAudience: async (realm: string, audience: string): Promise<Page<Audience>> => {
      const found = await load(realm, audience);
      return { items: found.ok ? [found.value] : [] };
    },

    addAudience: async (realm: string, input: AudienceInput): Promise<AdminResult<Created<Audience>>> => {
      const owner = await findPartner(registry, realm, input.owner);
      if (!owner.ok) return owner;
      const wanted = declareAudience(realm, input, owner.value.partner, await choicesFor(realm, input));
      if (!wanted.ok) return wanted;
      const missing = await missingAmong(realm, wanted.value.introspectors);
      if (missing !== undefined) return missing;
      const [stored, last] = await Promise.all([
        registry.findAudience(realm, input.audience),
        registry.lastAudienceVersion(realm, input.audience),
      ]);
      if (stored !== undefined) {
        return isSameAudience(stored, wanted.value)
          ? accept({ created: false, value: stored })
          : conflict(`audience ${input.audience} exists and is different`);
      }
      if (owner.value.audiences.length >= MAX_AUDIENCES_PER_OWNER) {
        return conflict(`a partner owns at most ${MAX_AUDIENCES_PER_OWNER} audiences`);
      }
      const made = { ...wanted.value, version: last + 1 };
      const saved = await registry.createAudience(made, owner.value.partner);
      return saved === 'saved' ? accept({ created: true, value: made }) : lostRace();
    },

    changeAudience: async (
      realm: string,
      audience: string,
      version: number,
      change: AudienceChange,
    ): Promise<AdminResult<Audience>> => {
      const found = await load(realm, audience);
      if (!found.ok) return found;
      if (found.value.version !== version) return conflict(changedSince(found.value.version));
      const wanted = changeAudience(found.value, change, await choicesFor(realm, change));
      if (!wanted.ok) return wanted;
      const come = wanted.value.introspectors.filter((id) => !found.value.introspectors.includes(id));
      const missing = await missingAmong(realm, come);
      if (missing !== undefined) return missing;
      const whoIsHurt = () => dependentsOn(realm, audience, (each) => holdsWhatGoes(each, found.value, wanted.value));
      // Types are not counted as scopes are. A grant that slips through holds a type that is no longer declared, which gives nothing.
      if (goneTypes(found.value, wanted.value).length > 0) {
        const holders = await whoIsHurt();
        if (holders.length > 0) return inUse(holders, 'a scope or a type of authorization details');
      }
      if ((await registry.updateAudience(wanted.value, found.value)) === 'saved') return wanted;
      const isLess = found.value.scopes.some((scope) => !wanted.value.scopes.includes(scope));
      const dependents = isLess ? await whoIsHurt() : [];
      return dependents.length === 0 ? lostRace() : inUse(dependents, 'a scope');
    },

    removeAudience: async (realm: string, audience: string): Promise<AdminResult<void>> => {
      const found = await load(realm, audience);
      if (!found.ok) return found;
      if ((await registry.removeAudience(found.value)) === 'saved') return accept(undefined);
      const dependents = await dependentsOn(realm, audience, () => true);
      return dependents.length === 0
        ? lostRace()
        : refuse({ reason: 'in_use', detail: 'partners may call this audience', dependents });
    },

    /** Creates the grant, or gives it these scopes and types instead of its own. */
    addGrant: async (realm: string, input: GrantInput): Promise<AdminResult<Created<Grant>>> => {
      for (let attempt = 0; ; attempt += 1) {
        const [client, audience] = await Promise.all([
          findPartner(registry, realm, input.client),
          load(realm, input.audience),
        ]);
        if (!client.ok) return client;
        if (!audience.ok) return audience;
        const { grants, lostGrantAt } = client.value;
        const stored = grants.find((grant) => grant.audience === input.audience);
        const wanted = grantAccess(realm, input, audience.value, stored);
        if (!wanted.ok) return wanted;
        if (stored !== undefined && isSameGrant(stored, wanted.value)) return accept({ created: false, value: stored });
        const mark = stored === undefined ? markOfNewGrant(lostGrantAt, clock.now()) : undefined;
        const value = { ...wanted.value, ...(mark && { tokensNotBefore: mark }) };
        if ((await registry.saveGrant(value, stored, audience.value, lostGrantAt)) === 'saved') {
          // Whoever has the answer can have tokens that are good.
          if (mark !== undefined) await pause.until(mark);
          return accept({ created: stored === undefined, value });
        }
        // Grants of others on the same audience are counted in the same row; only a change of this very grant is a lost race.
        if (attempt === MAX_ATTEMPTS) return lostRace();
      }
    },

    removeGrant: async (realm: string, client: string, audience: string): Promise<AdminResult<void>> => {
      for (let attempt = 0; ; attempt += 1) {
        const stored = await findGrant(realm, client, audience);
        if (!stored.ok) return stored;
        if (stored.value === undefined) return notFound(`grant of ${client} on ${audience.slice(0, 512)}`);
        if ((await registry.removeGrant(stored.value, clock.now())) === 'saved') return accept(undefined);
        if (attempt === MAX_ATTEMPTS) return lostRace();
      }
    },

    listGrantsOf: async (realm: string, client: string): Promise<AdminResult<Page<Grant>>> => {
      const found = await findPartner(registry, realm, client);
      return found.ok ? accept({ items: found.value.grants }) : found;
    },

    listGrantsOn: (realm: string, audience: string, page: PageRequest): Promise<Page<Grant>> =>
      registry.listGrantsOn(realm, audience, page),
  };
};
