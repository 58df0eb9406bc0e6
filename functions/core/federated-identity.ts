/**
 * Federated workload identity: which JWTs of another issuer prove a partner (RFC 7523 2.2 with an issuer that is not the client).
 */

import { matchesGlob } from './claim-glob.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { trustDomainOf } from './spiffe-id.ts';

/** What a claim has to be like. In a glob `*` stands for any text without `/` and `:`, `**` for any text. */
export type ClaimPredicate =
  | { readonly exact: string }
  | { readonly glob: string }
  | { readonly oneOf: readonly string[] };

/** By the name of a claim, or by a JSON pointer (RFC 6901) into the claims. */
export type ClaimPredicates = Readonly<Record<string, ClaimPredicate>>;

export interface FederatedIdentity {
  /** `iss` of the tokens. A partner of the realm goes by it and is trusted as an issuer, or nothing of it is accepted. */
  readonly issuer: string;
  /** What `aud` has to be. Absent: the realm's issuer. */
  readonly audience?: string;
  /** All of them have to hold; one is about `sub`. */
  readonly claims: ClaimPredicates;
  /** On trial: those that do not hold are recorded, and refuse nothing. */
  readonly audited?: ClaimPredicates;
  /** Longest lifetime that is accepted. */
  readonly maxSeconds?: number;
  /** Good again and again until it expires, for issuers that hand out one token for a while. */
  readonly reusable: boolean;
}

/** Names of the claims that are not as they have to be. */
export interface FederationFindings {
  /** Any of them refuses the token. */
  readonly failed: readonly string[];
  /** Of those on trial. */
  readonly audited: readonly string[];
}

/** @param claims of a token whose signature, audience and time are good; these alone say nothing about who it is for. */
export const checkFederation = (identity: FederatedIdentity, claims: JsonObject): FederationFindings => ({
  failed: failing(identity.claims, claims),
  audited: failing(identity.audited ?? {}, claims),
});

const failing = (predicates: ClaimPredicates, claims: JsonObject): readonly string[] =>
  Object.entries(predicates).flatMap(([name, predicate]) => (holds(predicate, claimOf(claims, name)) ? [] : [name]));

/** Of an array one element is enough. What is not there, or has members of its own, matches nothing. */
const holds = (predicate: ClaimPredicate, claim: unknown): boolean => {
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.some((value) => {
    const text = textOf(value);
    return text !== undefined && isLike(predicate, text);
  });
};

/** Numbers that JSON readers round have no text that could be relied on. */
const textOf = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value;
  return typeof value === 'boolean' || Number.isSafeInteger(value) ? String(value) : undefined;
};

const isLike = (predicate: ClaimPredicate, text: string): boolean => {
  if ('exact' in predicate) return predicate.exact === text;
  return 'glob' in predicate ? matchesGlob(predicate.glob, text) : predicate.oneOf.includes(text);
};

const claimOf = (claims: JsonObject, name: string): unknown =>
  name.startsWith('/') ? name.slice(1).split('/').map(unescaped).reduce(memberOf, claims) : memberOf(claims, name);

/** RFC 6901 4: `~1` first, or `~01` would become a slash. */
const unescaped = (token: string): string => token.replaceAll('~1', '/').replaceAll('~0', '~');

const ARRAY_INDEX = /^(?:0|[1-9][0-9]{0,5})$/;

/** Only what the token itself has: `constructor` is no claim of an object that does not name it. */
const memberOf = (value: unknown, name: string): unknown => {
  if (Array.isArray(value)) return ARRAY_INDEX.test(name) ? value[Number(name)] : undefined;
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
};

/** RFC 7519 4.1.3: a text, or a list of which one is enough. */
export const isFor = (aud: unknown, audience: string): boolean =>
  aud === audience || (Array.isArray(aud) && aud.includes(audience));

/**
 * Whose token it says to be. SPIFFE needs no `iss` (JWT-SVID 3): the trust domain of the subject vouches for it.
 * @returns `undefined` when it names nobody.
 */
export const federatedIssuer = ({
  iss,
  sub,
}: {
  readonly iss?: string | undefined;
  readonly sub: string;
}): string | undefined => iss ?? trustDomainOf(sub);
