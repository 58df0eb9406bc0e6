/**
 * What to change so that a realm becomes what files say, in an order in which nothing ever refers to something that is not there:
 * partners, audiences, grants; what goes, goes the other way round.
 */
import type { Audience, Partner } from '../admin-records.ts';
import type { DeclaredAudience, TokenPolicy } from '../declaration.ts';
import { refused } from '../failure.ts';
import type { PartnerDefinition } from '../partner-definition.ts';
import {
  compareDetails,
  compareDetailTypes,
  compareIntrospectors,
  comparePolicies,
  compareScopes,
} from './audience-diff.ts';
import type { Current } from './current.ts';
import type { Detail } from './detail.ts';
import { comparePartner } from './partner-diff.ts';
import type { Wanted, WantedPartner } from './wanted.ts';

interface Described {
  readonly action: 'add' | 'change' | 'remove';
  /** What people call it: an id, a URI, or `client -> audience`. */
  readonly name: string;
  readonly details: readonly Detail[];
}

interface AudienceMembers {
  readonly scopes: readonly string[];
  readonly tokenPolicy: TokenPolicy;
  /** Absent where there are none and never were any. */
  readonly authorizationDetails?: Readonly<Record<string, object>>;
  /** Likewise. */
  readonly introspectors?: readonly string[];
}

export type Change = Described &
  (
    | {
        readonly kind: 'partner';
        readonly id: string;
        readonly definition?: PartnerDefinition;
        readonly stored?: Partner;
      }
    | {
        readonly kind: 'audience';
        readonly audience: string;
        readonly owner: string;
        /** What to send; absent for a removal. */
        readonly members?: AudienceMembers;
      }
    | {
        readonly kind: 'grant';
        readonly client: string;
        readonly audience: string;
        readonly scopes?: readonly string[];
        readonly authorizationDetailsTypes?: readonly string[];
      }
  );

export interface Plan {
  readonly changes: readonly Change[];
  /** What the files do not name and nobody asked to remove, as in `partner crm`. */
  readonly leftAlone: readonly string[];
}

/** @throws Failure (1) when an audience would have to change its owner, which nothing can do. */
export async function planChanges(wanted: Wanted, current: Current, prune: boolean, nowMs: number): Promise<Plan> {
  const partners = await Promise.all(wanted.partners.map((one) => planPartner(one, current, nowMs)));
  const audiences = wanted.partners.flatMap(({ id, audiences }) =>
    audiences.map((one) => planAudience(id, one, current)),
  );
  const grants = wanted.partners.flatMap((one) => planGrants(one, current));
  const removals = planRemovals(wanted, current);
  const changes = [
    ...partners.flat(),
    ...audiences.flatMap(({ before }) => before),
    ...grants,
    ...(prune ? removals.grants : []),
    ...audiences.flatMap(({ after }) => after),
    ...(prune ? [...removals.audiences, ...removals.partners] : []),
  ];
  const left = prune ? [] : [...removals.partners, ...removals.audiences, ...removals.grants];
  return { changes, leftAlone: left.map(({ kind, name }) => `${kind} ${name}`) };
}

async function planPartner({ id, definition }: WantedPartner, current: Current, nowMs: number): Promise<Change[]> {
  const stored = current.partners.get(id);
  const details = await comparePartner(definition, stored, nowMs);
  if (stored === undefined) return [{ action: 'add', kind: 'partner', name: id, id, definition, details }];
  return details.length === 0 ? [] : [{ action: 'change', kind: 'partner', name: id, id, definition, stored, details }];
}

/**
 * A scope that goes must go after the grants that use it; one that comes must be there before them. So with types of details.
 * Introspectors depend on no grant: they change at once, and before any partner goes.
 */
function planAudience(
  owner: string,
  { audience, scopes: declared, tokenPolicy = {}, authorizationDetails: details = {}, ...more }: DeclaredAudience,
  current: Current,
): { readonly before: readonly Change[]; readonly after: readonly Change[] } {
  const stored = current.audiences.get(audience);
  const scopes = [...new Set(declared)];
  const introspectors = [...new Set(more.introspectors)].sort();
  const change = { kind: 'audience', name: audience, audience, owner } as const;
  const lines = (
    from: Pick<Audience, 'scopes' | 'tokenPolicy' | 'introspectors'> &
      Pick<Required<AudienceMembers>, 'authorizationDetails'>,
  ) => [
    ...compareScopes(scopes, from.scopes),
    ...compareDetails(details, from.authorizationDetails),
    ...comparePolicies(tokenPolicy, from.tokenPolicy),
    ...compareIntrospectors(introspectors, from.introspectors),
  ];
  if (stored === undefined) {
    const news = lines({ scopes: [], authorizationDetails: {}, tokenPolicy: {}, introspectors: [] });
    const members = withoutUnknown({ scopes, tokenPolicy, authorizationDetails: details, introspectors });
    return { before: [{ ...change, action: 'add', members, details: [own(owner), ...news] }], after: [] };
  }
  if (stored.owner !== owner) {
    throw refused(`audience ${audience} is owned by ${stored.owner}; to give it to ${owner}, remove it there first`);
  }
  const wide = {
    scopes: [...new Set([...scopes, ...stored.scopes])],
    authorizationDetails: { ...stored.authorizationDetails, ...details },
    tokenPolicy,
    introspectors,
  };
  const gone = lines(wide);
  const added = lines(stored).filter(({ text }) => !gone.some((line) => line.text === text));
  const step = (members: Required<AudienceMembers>, made: readonly Detail[]): readonly Change[] =>
    made.length === 0 ? [] : [{ ...change, action: 'change', members: withoutUnknown(members, stored), details: made }];
  const narrow = { scopes, tokenPolicy, authorizationDetails: details, introspectors };
  return { before: step(wide, added), after: step(narrow, gone) };
}

const own = (owner: string): Detail => ({ sign: '+', text: `owner: ${owner}` });

/** What there is none of, before and after: a service that does not know of it takes an audience without. */
function withoutUnknown(
  { authorizationDetails, introspectors, ...members }: Required<AudienceMembers>,
  before?: Pick<Audience, 'authorizationDetails' | 'introspectors'>,
): AudienceMembers {
  const isKnown = (one: object, other: object = {}): boolean =>
    Object.keys(one).length > 0 || Object.keys(other).length > 0;
  return {
    ...members,
    ...(isKnown(authorizationDetails, before?.authorizationDetails) ? { authorizationDetails } : {}),
    ...(isKnown(introspectors, before?.introspectors) ? { introspectors } : {}),
  };
}

function planGrants({ id: client, grants }: WantedPartner, current: Current): readonly Change[] {
  const stored = current.partners.get(client)?.grants ?? [];
  return grants.flatMap(({ audience, scopes, authorizationDetailsTypes: types = [] }): Change[] => {
    const before = stored.find((each) => each.audience === audience);
    const details = [
      ...compareScopes([...new Set(scopes)], before?.scopes ?? []),
      ...compareDetailTypes([...new Set(types)], before?.authorizationDetailsTypes ?? []),
    ];
    const given = types.length === 0 ? { scopes } : { scopes, authorizationDetailsTypes: types };
    const change = { kind: 'grant', name: `${client} -> ${audience}`, client, audience, ...given, details } as const;
    if (before === undefined) return [{ ...change, action: 'add' }];
    return details.length === 0 ? [] : [{ ...change, action: 'change' }];
  });
}

function planRemovals(wanted: Wanted, current: Current) {
  const audiences = new Set(wanted.partners.flatMap((one) => one.audiences.map(({ audience }) => audience)));
  const grants = new Set(
    wanted.partners.flatMap(({ id, grants }) => grants.map(({ audience }) => `${id} -> ${audience}`)),
  );
  const remove = { action: 'remove', details: [] } as const;
  const held = [...current.partners.values()].flatMap(({ id: client, grants }) =>
    grants.map(({ audience }) => ({ client, audience, name: `${client} -> ${audience}` })),
  );
  return {
    grants: held.filter(({ name }) => !grants.has(name)).map((one): Change => ({ ...remove, kind: 'grant', ...one })),
    audiences: [...current.audiences.values()]
      .filter(({ audience }) => !audiences.has(audience))
      .map(
        ({ audience, owner }: Audience): Change => ({ ...remove, kind: 'audience', name: audience, audience, owner }),
      ),
    partners: current.others.map((id): Change => ({ ...remove, kind: 'partner', name: id, id })),
  };
}
