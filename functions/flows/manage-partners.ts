/**
 * Administration of partners and their credentials. Creating the same thing twice is answered as done; a lost race and a view
 * that is no longer current are conflicts, never a silent overwrite; what others depend on does not go.
 */

import type { JwsAlgorithm } from '../core/algorithms.ts';
import { accept, refuse } from '../core/errors.ts';
import { activeKey } from '../core/key-ring.ts';
import { certificateNames } from '../core/microsoft-profile.ts';
import { type EpochSeconds, isPartnerId, type Partner, type PartnerWithGrants } from '../core/partner.ts';
import {
  type CredentialChange,
  type CredentialInput,
  changeCredential,
  credentialConflicts,
  parseCredential,
} from '../core/partner-credential.ts';
import {
  changePartner,
  definePartner,
  definitionOf,
  type PartnerChange,
  type PartnerDefinition,
  replacePartner,
} from '../core/partner-definition.ts';
import { newRefresh, type RefreshStatus } from '../core/partner-source.ts';
import type { InputProblem } from '../core/public-key.ts';
import type { AdminResult } from '../core/registration.ts';
import { markOfNewPartner } from '../core/token-mark.ts';
import type { Clock, CredentialUses, Ids, Page, PageRequest, PartnerRegistry, Pause, RingStore } from '../ports.ts';
import { changedSince } from './manage-realms.ts';
import {
  findPartner,
  lostRace,
  MAX_TRANSACTION_WRITES,
  type RemovalRegistry,
  removePartner,
} from './remove-partner.ts';
import { takenName } from './taken-name.ts';

export interface ManagePartnersPorts {
  readonly registry: PartnerRegistry & RemovalRegistry;
  readonly uses: CredentialUses;
  readonly rings: Pick<RingStore, 'list'>;
  readonly clock: Clock;
  readonly pause: Pause;
  readonly ids: Ids;
}

/** What a create did: made it, or found it there as wanted. */
export interface Created<Value> {
  readonly created: boolean;
  readonly value: Value;
}

/** A partner with what is known of the use of its keys, by thumbprint. */
export interface PartnerView extends PartnerWithGrants {
  readonly lastUses: ReadonlyMap<string, EpochSeconds>;
}

const NEVER_USED: ReadonlyMap<string, EpochSeconds> = new Map();

const notFound = (what: string) => refuse({ reason: 'not_found', what } as const);
const conflict = (detail: string) => refuse({ reason: 'conflict', detail } as const);
const invalid = (problems: readonly InputProblem[]) => refuse({ reason: 'invalid', problems } as const);

/** What a realm signs with now: who asked for another algorithm would get no token. */
export const signingAlgorithms = async (
  rings: Pick<RingStore, 'list'>,
  realm: string,
): Promise<readonly JwsAlgorithm[]> =>
  (await rings.list(realm)).filter((ring) => activeKey(ring) !== undefined).map((ring) => ring.algorithm);

export type ManagePartners = ReturnType<typeof managePartners>;

/** Every operation throws Outage when DynamoDB did not answer. */
export const managePartners = ({ registry, uses, rings, clock, pause, ids }: ManagePartnersPorts) => {
  const load = (realm: string, id: string) => findPartner(registry, realm, id);

  const define = async (realm: string, id: string, definition: PartnerDefinition): Promise<AdminResult<Partner>> => {
    const algorithms = await algorithmsFor(realm, definition);
    const defined = await definePartner(realm, id, definition, algorithms, clock.now());
    return defined.ok ? defined : invalid(defined.refusal);
  };

  /** The rings are only of interest to who names an algorithm. */
  const algorithmsFor = async (realm: string, { tokenPolicy }: PartnerChange): Promise<readonly JwsAlgorithm[]> =>
    tokenPolicy?.algorithm === undefined ? [] : signingAlgorithms(rings, realm);

  const create = async (defined: Partner): Promise<AdminResult<Created<PartnerView>> | undefined> => {
    const last = await registry.lastVersion(defined.realm, defined.id);
    const tokensNotBefore = markOfNewPartner(last, clock.now());
    const wanted = { ...defined, ...(tokensNotBefore && { tokensNotBefore }), version: last + 1 };
    const refresh = refreshOf(wanted, clock.now());
    if ((await registry.createPartner(wanted, refresh)) !== 'saved') return undefined;
    // Whoever has the answer can have tokens that are good.
    if (tokensNotBefore !== undefined) await pause.until(tokensNotBefore);
    const value = { partner: wanted, grants: [], audiences: [], ...(refresh && { refresh }), lastUses: NEVER_USED };
    return accept({ created: true, value });
  };

  const save = async (found: PartnerWithGrants, wanted: Partner): Promise<AdminResult<PartnerView>> => {
    if (writesToSave(found, wanted) > MAX_TRANSACTION_WRITES) return tooMuch();
    // A registered key that goes may have stood in front of the same one in the document.
    const isLess = wanted.credentials.length < found.partner.credentials.length;
    const isFollowedAnew = wanted.source !== undefined && (isLess || !isSameSource(found.partner, wanted));
    const fresh = isFollowedAnew ? refreshOf(wanted, clock.now()) : undefined;
    const status = fresh && { ...fresh, version: (found.refresh?.version ?? 0) + 1 };
    if ((await registry.updatePartner(wanted, found, status)) !== 'saved') {
      return (await nameConflict(wanted)) ?? lostRace();
    }
    const { refresh: before, ...rest } = found;
    const refresh = wanted.source === undefined ? undefined : (status ?? before);
    return shown({ ...rest, partner: wanted, ...(refresh && { refresh }) });
  };

  /** An issuer, or a certificate, speaks for one partner of a realm; with two, a token of its making could be taken for either's. */
  const nameConflict = async (partner: Partner) => {
    const [taken, isUser] = await Promise.all([
      takenName(registry, partner),
      registry.isUser(partner.realm, partner.id),
    ]);
    if (isUser) return conflict(`a user of the realm has the id ${partner.id}`);
    return taken === undefined ? undefined : conflict(`partner ${taken.holder} has this ${taken.name}`);
  };

  const shown = async (found: PartnerWithGrants): Promise<AdminResult<PartnerView>> => {
    const { realm, id } = found.partner;
    return accept({ ...found, lastUses: await uses.lastUses(realm, id) });
  };

  const nextVersion = (partner: Partner, credentials: Partner['credentials']): Partner => ({
    ...withCredentials(partner, credentials),
    version: partner.version + 1,
    updatedAt: clock.now(),
  });

  /** Changes that add to or take from a partner and do not replace what somebody else has said: they bear repeating. */
  const editCredentials = async (
    realm: string,
    id: string,
    edit: (partner: Partner) => AdminResult<Partner>,
  ): Promise<AdminResult<PartnerView>> => {
    for (let attempt = 0; ; attempt += 1) {
      const found = await load(realm, id);
      if (!found.ok) return found;
      const edited = edit(found.value.partner);
      if (!edited.ok) return edited;
      if (edited.value === found.value.partner) return shown(found.value);
      const saved = await save(found.value, edited.value);
      if (saved.ok || attempt === MAX_ATTEMPTS) return saved;
    }
  };

  return {
    show: async (realm: string, id: string): Promise<AdminResult<PartnerView>> => {
      // Side by side: what was used is looked for before it is known whether there is such a partner.
      const [found, lastUses] = await Promise.all([
        load(realm, id),
        isPartnerId(id) ? uses.lastUses(realm, id) : NEVER_USED,
      ]);
      return found.ok ? accept({ ...found.value, lastUses }) : found;
    },

    list: (realm: string, page: PageRequest): Promise<Page<Partner>> => registry.listPartners(realm, page),

    add: async (
      realm: string,
      { id = ids.next(), ...definition }: PartnerDefinition & { readonly id?: string | undefined },
    ): Promise<AdminResult<Created<PartnerView>>> => {
      const wanted = await define(realm, id, definition);
      if (!wanted.ok) return wanted;
      const made = await create(wanted.value);
      if (made !== undefined) return made;
      const stored = await load(realm, id);
      if (!stored.ok) return (await nameConflict(wanted.value)) ?? lostRace();
      // What its document has told us since is no difference.
      const { partner } = stored.value;
      if (!isUnchanged(partner, replacePartner(partner, wanted.value, clock.now()))) {
        return conflict(`partner ${id} exists and is different`);
      }
      const view = await shown(stored.value);
      return view.ok ? accept({ created: false, value: view.value }) : view;
    },

    /** Makes the partner exactly what the definition says, whether or not it exists. */
    declare: async (
      realm: string,
      id: string,
      version: number | undefined,
      definition: PartnerDefinition,
    ): Promise<AdminResult<Created<PartnerView>>> => {
      const wanted = await define(realm, id, definition);
      if (!wanted.ok) return wanted;
      const stored = await load(realm, id);
      if (!stored.ok) {
        if (version !== undefined) return conflict(`partner ${id} is gone`);
        return (await create(wanted.value)) ?? (await nameConflict(wanted.value)) ?? lostRace();
      }
      const { partner } = stored.value;
      if (version !== undefined && version !== partner.version) return conflict(changedSince(partner.version));
      const replaced = replacePartner(partner, wanted.value, clock.now());
      const conflicts = credentialConflicts(replaced.credentials, '/credentials');
      if (conflicts.length > 0) return invalid(conflicts);
      const result = isUnchanged(partner, replaced) ? await shown(stored.value) : await save(stored.value, replaced);
      return result.ok ? accept({ created: false, value: result.value }) : result;
    },

    change: async (
      realm: string,
      id: string,
      version: number,
      change: PartnerChange,
    ): Promise<AdminResult<PartnerView>> => {
      const found = await load(realm, id);
      if (!found.ok) return found;
      const { partner } = found.value;
      if (partner.version !== version) return conflict(changedSince(partner.version));
      const changed = changePartner(partner, change, await algorithmsFor(realm, change), clock.now());
      return changed.ok ? save(found.value, changed.value) : invalid(changed.refusal);
    },

    remove: removePartner(registry, clock),

    addCredential: async (realm: string, id: string, input: CredentialInput): Promise<AdminResult<PartnerView>> => {
      const parsed = await parseCredential(input, '', clock.now());
      if (!parsed.ok) return invalid([parsed.refusal]);
      const added = parsed.value;
      return editCredentials(realm, id, (partner) => {
        const same = partner.credentials.find(({ kid }) => kid === added.kid);
        const isRepeated =
          same !== undefined && isUnchanged(withCredentials(partner, [same]), withCredentials(partner, [added]));
        if (isRepeated) return accept(partner);
        const credentials = [...partner.credentials, added];
        const conflicts = credentialConflicts(credentials, '');
        return conflicts.length > 0 ? invalid(conflicts) : accept(nextVersion(partner, credentials));
      });
    },

    changeCredential: async (
      realm: string,
      id: string,
      version: number,
      kid: string,
      change: CredentialChange,
    ): Promise<AdminResult<PartnerView>> => {
      const found = await load(realm, id);
      if (!found.ok) return found;
      const { partner } = found.value;
      if (partner.version !== version) return conflict(changedSince(partner.version));
      const stored = partner.credentials.find((each) => each.kid === kid);
      if (stored === undefined) return notFound(`credential ${kid.slice(0, 128)}`);
      if (stored.source === 'document') return conflict("this key is as the partner's document says");
      const changed = changeCredential(stored, change);
      if (!changed.ok) return invalid([changed.refusal]);
      const credentials = partner.credentials.map((each) => (each === stored ? changed.value : each));
      return save(found.value, nextVersion(partner, credentials));
    },

    removeCredential: (realm: string, id: string, kid: string): Promise<AdminResult<PartnerView>> =>
      editCredentials(realm, id, (partner) => {
        const found = partner.credentials.find((each) => each.kid === kid);
        if (found === undefined) return notFound(`credential ${kid.slice(0, 128)}`);
        if (found.source === 'document')
          return conflict("this key comes from the partner's document and would come back");
        const credentials = partner.credentials.filter((each) => each !== found);
        return accept(nextVersion(partner, credentials));
      }),
  };
};

const MAX_ATTEMPTS = 4;
/** An issuer that changes takes one row away and puts one there. */
const ISSUER_ROWS = 2;
const REFRESH_ROWS = 1;

/** Itself; its audiences, which mirror whether it is enabled; the names of certificates that come and go. */
const writesToSave = ({ partner, audiences }: PartnerWithGrants, wanted: Partner): number => {
  const [had, has] = [certificateNames(partner), certificateNames(wanted)];
  const moved = [...had, ...has].filter((x5t) => had.includes(x5t) !== has.includes(x5t));
  return 1 + audiences.length + ISSUER_ROWS + REFRESH_ROWS + moved.length;
};

const tooMuch = () => conflict('this partner owns more audiences than can be changed in one transaction');

const withCredentials = (partner: Partner, credentials: Partner['credentials']): Partner => ({
  ...partner,
  credentials,
});

const isUnchanged = (a: Partner, b: Partner): boolean => definitionOf(a) === definitionOf(b);

export const isSameSource = ({ source: a }: Partner, { source: b }: Partner): boolean =>
  a?.type === b?.type && a?.url === b?.url;

const refreshOf = ({ realm, id, source }: Partner, now: EpochSeconds): RefreshStatus | undefined =>
  source === undefined ? undefined : newRefresh(realm, id, now);
