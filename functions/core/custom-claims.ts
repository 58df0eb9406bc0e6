/**
 * Claims that an operator has put on a partner: they go into every token issued to it as they stand. None may take the place
 * of a claim that verifiers give a meaning to.
 */

import { OBJECT_MEMBERS, pointerToken } from './json-object.ts';
import type { InputProblem } from './public-key.ts';

export type ClaimValue =
  | string
  | number
  | boolean
  | null
  | readonly ClaimValue[]
  | { readonly [name: string]: ClaimValue };

export type CustomClaims = Readonly<Record<string, ClaimValue>>;

/**
 * Claims with a meaning to verifiers: registered ones (RFC 7519 4.1, RFC 8693 4, RFC 7800 3, RFC 9068 2.2, RFC 9396 9, RFC 9449,
 * OpenID Connect Core 2 and 5.1 as far as they speak of who somebody is and how they proved it), those that resource servers
 * of other vendors authorize by, and those of the Microsoft server-to-server profile.
 */
const RESERVED: ReadonlySet<string> = new Set([
  ...[
    'iss',
    'sub',
    'aud',
    'exp',
    'nbf',
    'iat',
    'jti',
    'client_id',
    'scope',
    'act',
    'may_act',
    'cnf',
    'token_use',
    'typ',
  ],
  ...['authorization_details', 'acr', 'amr', 'auth_time', 'azp', 'nonce', 'sid', 'at_hash', 'c_hash', 's_hash', 'htm'],
  ...['htu', 'ath', 'events', 'txn', 'toe', 'status', 'active', 'token_type', 'username', 'sub_id', 'trust_chain'],
  ...['email', 'email_verified', 'phone_number', 'phone_number_verified', 'preferred_username', 'upn', 'vp', 'vc'],
  ...['scp', 'permissions', 'appid', 'appidacr', 'azpacr', 'idtyp', 'oid', 'tid', 'ver', 'idp', 'gty', 'realm_access'],
  ...[
    'resource_access',
    'actort',
    'actortoken',
    'nameid',
    'nii',
    'smtp',
    'sip',
    'appctx',
    'appctxsender',
    'isbrowserhostedapp',
  ],
  ...['identityprovider', 'trustedfordelegation', 'trustedForImpersonation', 'puid', 'primarysid'],
]);

const MAX_CLAIMS = 20;
const MAX_DEPTH = 4;
/** Octets of all claims as JSON: a token has to fit into a header. */
const MAX_OCTETS = 1_024;
/** A name, or a name made collision-resistant by a URI or a domain in front of it (RFC 7519 4.2). */
const CLAIM_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9._:/-]{0,126}[A-Za-z0-9_])?$/;

/** Everything that is wrong with these claims; `__proto__` and its like are no names here, at any level. */
export const claimProblems = (claims: CustomClaims): readonly InputProblem[] => {
  const names = Object.keys(claims);
  if (names.length > MAX_CLAIMS) return [{ pointer: '/claims', detail: `at most ${MAX_CLAIMS} claims` }];
  const problems = names.flatMap((name) => {
    const detail = nameProblem(name) ?? claimValueProblem(claims[name]);
    return detail === undefined ? [] : [{ pointer: `/claims/${pointerToken(name)}`, detail }];
  });
  // Only once it is known that they are not deep: who writes JSON goes down as far as it goes.
  return problems.length === 0 && Buffer.byteLength(JSON.stringify(claims)) > MAX_OCTETS
    ? [{ pointer: '/claims', detail: `at most ${MAX_OCTETS} octets of JSON` }]
    : problems;
};

const nameProblem = (name: string): string | undefined => {
  if (!CLAIM_NAME.test(name) || OBJECT_MEMBERS.has(name)) return 'not the name of a claim';
  // Verifiers that ignore case exist; `Sub` beside `sub` must not reach them.
  return RESERVED_FOLDED.has(name.toLowerCase()) ? 'this claim has a meaning of its own and cannot be set' : undefined;
};

const RESERVED_FOLDED: ReadonlySet<string> = new Set([...RESERVED].map((name) => name.toLowerCase()));

/** RFC 8259 6: integers within 53 bits; fractions that any number format can tell from nothing, DynamoDB's among them. */
const isExact = (value: number): boolean =>
  Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value) && Math.abs(value) >= 1e-100;

/** Why a value does not come through JSON and its many readers as it is; `undefined` when it does. */
export const claimValueProblem = (value: ClaimValue | undefined): string | undefined => valueProblem(value, MAX_DEPTH);

const valueProblem = (value: ClaimValue | undefined, depth: number): string | undefined => {
  if (typeof value === 'number' && !isExact(value)) return 'a number that not every reader reads alike';
  if (typeof value === 'string' && !value.isWellFormed()) return 'not well-formed text';
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth === 0) return `at most ${MAX_DEPTH} levels`;
  const isNoName = (name: string): boolean => name === '' || !name.isWellFormed() || OBJECT_MEMBERS.has(name);
  if (!Array.isArray(value) && Object.keys(value).some(isNoName)) return 'has a member of a name that cannot be';
  return Object.values(value)
    .map((member) => valueProblem(member, depth - 1))
    .find((problem) => problem !== undefined);
};
