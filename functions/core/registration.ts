/**
 * What may be registered beside partners: audiences with their scopes, and grants; and how the administration says no.
 */

import type { JwsAlgorithm } from './algorithms.ts';
import { accept, type Result, refuse } from './errors.ts';
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
}

export interface AudienceInput extends AudienceChange {
  readonly audience: string;
  readonly owner: string;
  readonly scopes: readonly string[];
}

/** @param algorithms the rings of the realm that sign; an audience can choose among these only. */
export const declareAudience = (
  realm: string,
  { audience, owner: ownerId, scopes, tokenPolicy = {} }: AudienceInput,
  owner: Pick<Partner, 'enabled'>,
  algorithms: readonly JwsAlgorithm[],
): AdminResult<Audience> => {
  const uriProblems = isAudienceUri(audience) ? [] : [{ pointer: '/audience', detail: AUDIENCE_RULE }];
  const empty = { realm, audience, owner: ownerId, ownerEnabled: owner.enabled, scopes, authorizationDetails: {}, tokenPolicy: {}, version: 0 };
  const declared = changeAudience(empty, { scopes, tokenPolicy }, algorithms);
  if (uriProblems.length === 0) return declared;
  const more = !declared.ok && declared.refusal.reason === 'invalid' ? declared.refusal.problems : [];
  return invalid(...uriProblems, ...more);
};

const AUDIENCE_RULE = 'an audience is an absolute URI without fragment, at most 512 characters';

/** The audience with these members in place of its own. The version goes up by one. */
export const changeAudience = (
  audience: Audience,
  { scopes = audience.scopes, tokenPolicy }: AudienceChange,
  algorithms: readonly JwsAlgorithm[],
): AdminResult<Audience> => {
  const policy = tokenPolicy === undefined ? accept(audience.tokenPolicy) : parseTokenPolicy(tokenPolicy, algorithms);
  const problems = [...scopeProblems(scopes), ...(policy.ok ? [] : policy.refusal)];
  if (problems.length > 0 || !policy.ok) return invalid(...problems);
  return accept({
    ...audience,
    scopes: [...new Set(scopes)],
    tokenPolicy: policy.value,
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
  sameList(Object.entries(stored.tokenPolicy).map(String), Object.entries(wanted.tokenPolicy).map(String));

export interface GrantInput {
  readonly client: string;
  readonly audience: string;
  readonly scopes: readonly string[];
}

/** @param stored the grant as it is, if there is one: its version is counted on. */
export const grantAccess = (
  realm: string,
  { client, audience: uri, scopes }: GrantInput,
  audience: Audience,
  stored: Grant | undefined,
): AdminResult<Grant> => {
  const problems = scopeProblems(scopes);
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
    authorizationDetailsTypes: [],
    version: (stored?.version ?? 0) + 1,
  });
};

export const isSameGrant = (stored: Grant, wanted: Grant): boolean => sameList(stored.scopes, wanted.scopes);
