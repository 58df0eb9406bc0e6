/**
 * What may be registered beside partners: audiences with their scopes, and grants; and how the administration says no.
 */

import type { JwsAlgorithm } from './algorithms.ts';
import { type DetailTypesInput, MAX_DETAIL_TYPES, parseDetailTypes } from './authorization-details.ts';
import { accept, type Result, refuse } from './errors.ts';
import { parseIntrospectors } from './introspectors.ts';
import { type Audience, type EpochSeconds, type Grant, isAudienceUri, type Partner } from './partner.ts';
import type { InputProblem } from './public-key.ts';
import { formatScope, isScopeToken, MAX_SCOPE_LENGTH, MAX_SCOPES } from './scope.ts';
import { parseTokenPolicy, type TokenPolicyInput } from './token-policy.ts';

/** Somebody who would be hurt: a grant, by its two ends. */
export type Dependent = Pick<Grant, 'client' | 'audience'>;

/** How the administration says no. */
export type AdminRefusal =
  | { readonly reason: 'invalid'; readonly problems: readonly InputProblem[] }
  | { readonly reason: 'not_found'; readonly what: string }
  /** `until`: when it would no longer be one. */
  | { readonly reason: 'conflict'; readonly detail: string; readonly until?: EpochSeconds }
  | { readonly reason: 'in_use'; readonly detail: string; readonly dependents: readonly Dependent[] }
  /** The partner's own document could not be had, or says what cannot be taken. */
  | {
      readonly reason: 'document_refused';
      readonly code: string;
      readonly detail: string;
      readonly problems: readonly InputProblem[];
    };

export type AdminResult<Value> = Result<Value, AdminRefusal>;

const invalid = (...problems: InputProblem[]) => refuse({ reason: 'invalid', problems } as const);

export interface AudienceChange {
  readonly scopes?: readonly string[] | undefined;
  readonly tokenPolicy?: TokenPolicyInput | undefined;
  /** All types: they take the place of those before. */
  readonly authorizationDetails?: DetailTypesInput | undefined;
  /** All of them, by id. */
  readonly introspectors?: readonly string[] | undefined;
}

/** What audiences of a realm can choose among. */
export interface AudienceChoices {
  /** The rings that sign. */
  readonly algorithms: readonly JwsAlgorithm[];
  /** Types of authorization details. */
  readonly detailTypes: readonly string[];
}

export interface AudienceInput extends AudienceChange {
  readonly audience: string;
  readonly owner: string;
  readonly scopes: readonly string[];
}

export const declareAudience = (
  realm: string,
  { audience, owner: ownerId, ...members }: AudienceInput,
  owner: Pick<Partner, 'enabled'>,
  choices: AudienceChoices,
): AdminResult<Audience> => {
  const uriProblems = isAudienceUri(audience) ? [] : [{ pointer: '/audience', detail: AUDIENCE_RULE }];
  const empty = { realm, audience, owner: ownerId, ownerEnabled: owner.enabled, ...NOTHING, version: 0 };
  const declared = changeAudience(empty, members, choices);
  if (uriProblems.length === 0) return declared;
  const more = !declared.ok && declared.refusal.reason === 'invalid' ? declared.refusal.problems : [];
  return invalid(...uriProblems, ...more);
};

/** An audience before anything is declared. */
const NOTHING = { scopes: [], tokenPolicy: {}, authorizationDetails: {}, introspectors: [] } as const;

const AUDIENCE_RULE = 'an audience is an absolute URI without fragment, at most 512 characters';

/** The audience with these members in place of its own. The version goes up by one. */
export const changeAudience = (
  audience: Audience,
  { scopes = audience.scopes, tokenPolicy, authorizationDetails, introspectors: ids }: AudienceChange,
  { algorithms, detailTypes }: AudienceChoices,
): AdminResult<Audience> => {
  const policy = tokenPolicy === undefined ? accept(audience.tokenPolicy) : parseTokenPolicy(tokenPolicy, algorithms);
  const details =
    authorizationDetails === undefined
      ? accept(audience.authorizationDetails)
      : parseDetailTypes(authorizationDetails, detailTypes, '/authorizationDetails');
  const introspectors = ids === undefined ? accept(audience.introspectors) : parseIntrospectors(ids, audience.owner);
  const problems = [
    ...scopeProblems(scopes),
    ...(policy.ok ? [] : policy.refusal),
    ...(details.ok ? [] : details.refusal),
    ...(introspectors.ok ? [] : introspectors.refusal),
  ];
  if (problems.length > 0 || !policy.ok || !details.ok || !introspectors.ok) return invalid(...problems);
  return accept({
    ...audience,
    scopes: [...new Set(scopes)],
    tokenPolicy: policy.value,
    authorizationDetails: details.value,
    introspectors: introspectors.value,
    version: audience.version + 1,
  });
};

const scopeProblems = (scopes: readonly string[]): InputProblem[] => {
  if (scopes.length === 0 || scopes.length > MAX_SCOPES) {
    return [{ pointer: '/scopes', detail: `1 to ${MAX_SCOPES} scopes` }];
  }
  if (formatScope(scopes).length > MAX_SCOPE_LENGTH) {
    return [{ pointer: '/scopes', detail: `the scopes have more than ${MAX_SCOPE_LENGTH} characters together` }];
  }
  return scopes.flatMap((scope, index) =>
    isScopeToken(scope) ? [] : [{ pointer: `/scopes/${index}`, detail: 'not a scope token (RFC 6749 3.3)' }],
  );
};

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && [...a].sort().join('\n') === [...b].sort().join('\n');

/** Whether declaring `wanted` again would change nothing: then it is answered as done (idempotent create). */
export const isSameAudience = (stored: Audience, wanted: Audience): boolean =>
  stored.owner === wanted.owner &&
  sameList(stored.scopes, wanted.scopes) &&
  sameList(Object.entries(stored.tokenPolicy).map(String), Object.entries(wanted.tokenPolicy).map(String)) &&
  isSameDetails(stored.authorizationDetails, wanted.authorizationDetails) &&
  sameList(stored.introspectors, wanted.introspectors);

/** Whatever the order of types and values. */
export const isSameDetails = (a: DetailTypesInput, b: DetailTypesInput): boolean =>
  sameList(Object.entries(a).map(sortedDetail), Object.entries(b).map(sortedDetail));

const sortedDetail = ([type, { actions, datatypes, privileges, fields }]: [string, DetailTypesInput[string]]): string =>
  JSON.stringify([type, ...[actions, datatypes, privileges, fields].map((values) => values && [...values].sort())]);

export interface GrantInput {
  readonly client: string;
  readonly audience: string;
  readonly scopes: readonly string[];
  /** None unless said. */
  readonly authorizationDetailsTypes?: readonly string[] | undefined;
}

/** @param stored the grant as it is, if there is one: its version is counted on, and what was revoked of it stays so. */
export const grantAccess = (
  realm: string,
  { client, audience: uri, scopes, authorizationDetailsTypes = [] }: GrantInput,
  audience: Audience,
  stored: Grant | undefined,
): AdminResult<Grant> => {
  const problems = [...scopeProblems(scopes), ...typeProblems(authorizationDetailsTypes, audience)];
  for (const [index, scope] of scopes.entries()) {
    if (isScopeToken(scope) && !audience.scopes.includes(scope))
      problems.push({ pointer: `/scopes/${index}`, detail: `${uri} declares no scope ${scope}` });
  }
  if (problems.length > 0) return invalid(...problems);
  return accept({
    realm,
    client,
    audience: uri,
    scopes: [...new Set(scopes)],
    authorizationDetailsTypes: [...new Set(authorizationDetailsTypes)],
    ...(stored?.tokensNotBefore === undefined ? {} : { tokensNotBefore: stored.tokensNotBefore }),
    version: (stored?.version ?? 0) + 1,
  });
};

const typeProblems = (types: readonly string[], { authorizationDetails }: Audience): readonly InputProblem[] => {
  const pointer = '/authorizationDetailsTypes';
  if (types.length > MAX_DETAIL_TYPES) return [{ pointer, detail: `at most ${MAX_DETAIL_TYPES} types` }];
  return types.flatMap((type, index) =>
    Object.hasOwn(authorizationDetails, type)
      ? []
      : [{ pointer: `${pointer}/${index}`, detail: 'the audience declares no such type' }],
  );
};

export const isSameGrant = (stored: Grant, wanted: Grant): boolean =>
  sameList(stored.scopes, wanted.scopes) &&
  sameList(stored.authorizationDetailsTypes, wanted.authorizationDetailsTypes);

/** Whether the grant holds something that the audience would no longer declare. */
export const holdsWhatGoes = (grant: Grant, before: Audience, after: Audience): boolean => {
  const goes = (scope: string): boolean => before.scopes.includes(scope) && !after.scopes.includes(scope);
  return (
    grant.scopes.some(goes) || grant.authorizationDetailsTypes.some((type) => goneTypes(before, after).includes(type))
  );
};

/** Types of authorization details that the audience would no longer declare. */
export const goneTypes = (before: Audience, after: Audience): readonly string[] =>
  Object.keys(before.authorizationDetails).filter((type) => !Object.hasOwn(after.authorizationDetails, type));
