/**
 * What may be registered: partners with their keys, audiences with their scopes, grants. Input becomes a value of the registry,
 * or a list of everything that is wrong with it.
 */

import { type JwsAlgorithm, parseAlgorithmName } from './algorithms.ts';
import { accept, type Result, refuse } from './errors.ts';
import {
  type Audience,
  type EpochSeconds,
  type Grant,
  isAudienceUri,
  isPartnerId,
  type Partner,
  type PartnerKey,
} from './partner.ts';
import { type InputProblem, parsePublicKey } from './public-key.ts';
import { formatScope, isScopeToken, MAX_SCOPE_LENGTH, MAX_SCOPES } from './scope.ts';

/** How the administration says no. */
export type AdminRefusal =
  | { readonly reason: 'invalid'; readonly problems: readonly InputProblem[] }
  | { readonly reason: 'not_found'; readonly what: string }
  /** `until`: when it would no longer be one. */
  | { readonly reason: 'conflict'; readonly detail: string; readonly until?: EpochSeconds };

export type AdminResult<Value> = Result<Value, AdminRefusal>;

const invalid = (...problems: InputProblem[]) => refuse({ reason: 'invalid', problems } as const);

export interface PartnerInput {
  readonly id: string;
  readonly name?: string | undefined;
  readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] };
}

export const MAX_KEYS = 10;
const MAX_NAME_LENGTH = 128;

export const registerPartner = async (
  realm: string,
  { id, name, jwks }: PartnerInput,
  now: EpochSeconds,
): Promise<AdminResult<Partner>> => {
  const problems: InputProblem[] = [];
  if (!isPartnerId(id)) {
    problems.push({
      pointer: '/id',
      detail: 'an id is 1 to 128 letters, digits and ._~- and starts with a letter or digit',
    });
  }
  if (name !== undefined && !isName(name)) problems.push(BAD_NAME);
  const keys = await parseKeys(jwks.keys, now);
  if (!keys.ok) problems.push(...keys.refusal);
  if (problems.length > 0 || !keys.ok) return invalid(...problems);
  return accept({
    realm,
    id,
    ...(name === undefined ? {} : { name }),
    enabled: true,
    keys: keys.value,
    version: 1,
    createdAt: now,
    updatedAt: now,
  });
};

const BAD_NAME: InputProblem = { pointer: '/name', detail: `a name is 1 to ${MAX_NAME_LENGTH} printable characters` };

const isName = (name: string): boolean =>
  name.length > 0 && name.length <= MAX_NAME_LENGTH && !/[\p{Cc}\p{Cs}]/u.test(name);

const parseKeys = async (
  jwks: PartnerInput['jwks']['keys'],
  now: EpochSeconds,
): Promise<Result<readonly PartnerKey[], readonly InputProblem[]>> => {
  if (jwks.length === 0 || jwks.length > MAX_KEYS) {
    return refuse([{ pointer: '/jwks/keys', detail: `a partner has 1 to ${MAX_KEYS} keys` }]);
  }
  const parsed = await Promise.all(jwks.map((jwk, index) => parsePublicKey(jwk, `/jwks/keys/${index}`, now)));
  const problems = parsed.flatMap((key) => (key.ok ? [] : [key.refusal]));
  const keys = parsed.flatMap((key) => (key.ok ? [key.value] : []));
  if (new Set(keys.map((key) => key.kid)).size < keys.length) {
    problems.push({ pointer: '/jwks/keys', detail: 'two keys have the same kid' });
  }
  // RFC 8725 3.1: a key serves one algorithm. Under two names it could serve two.
  if (new Set(keys.map((key) => key.thumbprint)).size < keys.length) {
    problems.push({ pointer: '/jwks/keys', detail: 'the same key stands there twice' });
  }
  return problems.length > 0 ? refuse(problems) : accept(keys);
};

/** Whether registering `wanted` again would change nothing: then it is answered as done (idempotent create). */
export const isSamePartner = (stored: Partner, wanted: Partner): boolean =>
  stored.name === wanted.name && sameKeys(stored.keys, wanted.keys);

const sameKeys = (a: readonly PartnerKey[], b: readonly PartnerKey[]): boolean =>
  sameList(a.map(keyName), b.map(keyName));
const keyName = ({ kid, algorithm, thumbprint }: PartnerKey): string => JSON.stringify([kid, algorithm, thumbprint]);

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && [...a].sort().join('\n') === [...b].sort().join('\n');

export interface PartnerChange {
  readonly enabled?: boolean | undefined;
  readonly name?: string | undefined;
}

export const changePartner = (partner: Partner, change: PartnerChange, now: EpochSeconds): AdminResult<Partner> => {
  if (change.name !== undefined && !isName(change.name)) return invalid(BAD_NAME);
  return accept({
    ...partner,
    ...(change.name === undefined ? {} : { name: change.name }),
    ...(change.enabled === undefined ? {} : { enabled: change.enabled }),
    version: partner.version + 1,
    updatedAt: now,
  });
};

export interface AudienceInput {
  readonly audience: string;
  readonly owner: string;
  readonly scopes: readonly string[];
  readonly algorithm?: string | undefined;
}

/** @param algorithms the rings of the realm; an audience can choose among these only. */
export const declareAudience = (
  realm: string,
  input: AudienceInput,
  owner: Pick<Partner, 'enabled'>,
  algorithms: readonly JwsAlgorithm[],
): AdminResult<Audience> => {
  const problems: InputProblem[] = [];
  if (!isAudienceUri(input.audience)) {
    problems.push({
      pointer: '/audience',
      detail: 'an audience is an absolute URI without fragment, at most 512 characters',
    });
  }
  problems.push(...scopeProblems(input.scopes));
  const algorithm = parseAlgorithmName(input.algorithm);
  if (input.algorithm !== undefined && !algorithms.some((each) => each === algorithm)) {
    problems.push({ pointer: '/algorithm', detail: `this realm signs with ${algorithms.join(', ')}` });
  }
  if (problems.length > 0) return invalid(...problems);
  return accept({
    realm,
    audience: input.audience,
    owner: input.owner,
    ownerEnabled: owner.enabled,
    scopes: [...new Set(input.scopes)],
    ...(algorithm === undefined ? {} : { algorithm }),
    version: 1,
  });
};

const scopeProblems = (scopes: readonly string[]): InputProblem[] => {
  if (scopes.length === 0 || scopes.length > MAX_SCOPES) {
    return [{ pointer: '/scopes', detail: `1 to ${MAX_SCOPES} scopes are needed` }];
  }
  if (formatScope(scopes).length > MAX_SCOPE_LENGTH) {
    return [{ pointer: '/scopes', detail: `the scopes have ${MAX_SCOPE_LENGTH} characters at most, blanks included` }];
  }
  return scopes.flatMap((scope, index) =>
    isScopeToken(scope) ? [] : [{ pointer: `/scopes/${index}`, detail: 'not a scope token (RFC 6749 3.3)' }],
  );
};

export const isSameAudience = (stored: Audience, wanted: Audience): boolean =>
  stored.owner === wanted.owner && stored.algorithm === wanted.algorithm && sameList(stored.scopes, wanted.scopes);

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
    if (!audience.scopes.includes(scope))
      problems.push({ pointer: `/scopes/${index}`, detail: `${uri} declares no such scope` });
  }
  if (problems.length > 0) return invalid(...problems);
  return accept({ realm, client, audience: uri, scopes: [...new Set(scopes)], version: (stored?.version ?? 0) + 1 });
};

export const isSameGrant = (stored: Grant, wanted: Grant): boolean => sameList(stored.scopes, wanted.scopes);
