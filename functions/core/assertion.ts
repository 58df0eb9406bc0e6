/**
 * Assertions of a partner's own making: the JWT by which it proves who it is (RFC 7523 2.2), or says whom a token is to be about
 * (2.1); both by the rules of RFC 7523 3, with the audience rule of draft-ietf-oauth-rfc7523bis. Parsing trusts nothing; the
 * checks run on what parsing returned, one reason each.
 */

import { createHash } from 'node:crypto';
import { parseAlgorithmName } from './algorithms.ts';
import { accept, type Result, refuse } from './errors.ts';
import type { JsonObject } from './json-object.ts';
import { type JwtHeader, parseJwt } from './jwt-parts.ts';
import type { EpochSeconds, PartnerCredential } from './partner.ts';

/** An assertion taken apart, nothing of it believed yet. */
export interface ParsedAssertion {
  /** The compact form, for the signature check. */
  readonly jws: string;
  readonly header: JwtHeader;
  readonly claims: AssertionClaims;
}

export interface AssertionClaims {
  readonly iss: string;
  /** The issuer where the assertion does not say it, which only some partners may leave out. */
  readonly sub: string;
  readonly isSubjectImplied: boolean;
  readonly aud: unknown;
  readonly exp: EpochSeconds;
  readonly jti: string | undefined;
  readonly nbf: EpochSeconds | undefined;
  readonly iat: EpochSeconds | undefined;
  /** Google's libraries ask for their scopes here. */
  readonly scope: string | undefined;
  /** Who may act for the subject (RFC 8693 4.4), as it was said. */
  readonly mayAct: unknown;
  /** Who acts for the subject (RFC 8693 4.1), as it was said. */
  readonly act: unknown;
}

/** What an assertion is for: to prove the client, or to ask for a grant. One that says so is good for that alone (RFC 8725 3.11). */
export type AssertionPurpose = 'client' | 'grant';

const ACCEPTED_TYPES: Readonly<Record<AssertionPurpose, readonly (string | undefined)[]>> = {
  client: [undefined, 'jwt', 'client-authentication+jwt'],
  grant: [undefined, 'jwt', 'authorization-grant+jwt'],
};

const MAX_JTI_LENGTH = 256;
const MAX_ID_LENGTH = 256;
const MAX_ISSUER_LENGTH = 512;

const malformed = (detail: string) => refuse({ reason: 'assertion_malformed', detail } as const);

export const parseAssertion = (jws: string, purpose: AssertionPurpose): Result<ParsedAssertion> => {
  const parts = parseJwt(jws, ACCEPTED_TYPES[purpose]);
  if (!parts.ok) return parts;
  const claims = parseClaims(parts.value.payload);
  return typeof claims === 'string' ? malformed(claims) : accept({ jws, header: parts.value.header, claims });
};

const isOptionalText = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string';

/** Returns the name of the claim that is missing or of the wrong kind. */
const parseClaims = (claims: JsonObject): AssertionClaims | string => {
  const { iss, sub = iss, aud, exp, jti, nbf, iat, scope, may_act: mayAct, act } = claims;
  if (!isText(iss, MAX_ISSUER_LENGTH)) return 'iss';
  if (!isText(sub, MAX_ID_LENGTH)) return 'sub';
  if (!isTime(exp)) return 'exp';
  if (jti !== undefined && !isText(jti, MAX_JTI_LENGTH)) return 'jti';
  if (nbf !== undefined && !isTime(nbf)) return 'nbf';
  if (iat !== undefined && !isTime(iat)) return 'iat';
  if (!isOptionalText(scope)) return 'scope';
  return { iss, sub, isSubjectImplied: claims.sub === undefined, aud, exp, jti, nbf, iat, scope, mayAct, act };
};

const isText = (value: unknown, maxLength: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= maxLength;

/** NumericDate (RFC 7519 2): seconds, fractions allowed. */
const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= Number.MAX_SAFE_INTEGER;

/** The credential that the assertion names by any of its names; where it names none, the only one there is. */
export const findAssertionKey = (
  credentials: readonly PartnerCredential[],
  { header }: Pick<ParsedAssertion, 'header'>,
): Result<PartnerCredential> => {
  const { kid, alg, x5t, x5tS256 } = header;
  const isUnnamed = kid === undefined && x5t === undefined && x5tS256 === undefined;
  const found = isUnnamed
    ? onlyOne(credentials)
    : (credentials.find((each) => each.kid === kid) ??
      credentials.find((each) => isNamed(each.x5tS256, x5tS256) || isNamed(each.x5t, x5t)));
  if (found === undefined) return refuse({ reason: 'assertion_key_unknown', kid: kid?.slice(0, 128) });
  // RFC 8725 3.1: the key says which algorithm, never the token.
  if (parseAlgorithmName(alg) !== found.algorithm) {
    return refuse({ reason: 'assertion_algorithm', got: alg.slice(0, 32), expected: found.algorithm });
  }
  return accept(found);
};

const onlyOne = (credentials: readonly PartnerCredential[]): PartnerCredential | undefined =>
  credentials.length === 1 ? credentials[0] : undefined;

/** MSAL for Python pads its base64url. A name is all that it is: which key it leads to, the signature proves. */
const isNamed = (own: string | undefined, asked: string | undefined): boolean =>
  own !== undefined && own === asked?.replace(/={1,2}$/, '');

/**
 * What an assertion is told by when it may be used once. Without `jti` it is what was signed; the signature is left out, since
 * of an ECDSA signature there is always another that is as good.
 */
export const assertionId = ({ jws, claims }: ParsedAssertion): string =>
  claims.jti ??
  `sha256:${createHash('sha256')
    .update(jws.slice(0, jws.lastIndexOf('.')))
    .digest('base64url')}`;

export interface AssertionRules {
  /** The names that its maker goes by: one of them is the issuer. */
  readonly issuers: readonly string[];
  /** The subject is one of them as well. */
  readonly aboutItself: boolean;
  readonly subjectOptional: boolean;
  /** The accepted audiences, of which an assertion names one: the issuer URL, and for some partners the token endpoint. */
  readonly audiences: readonly [string, ...string[]];
  readonly jtiOptional: boolean;
  readonly maxSeconds: number;
  readonly toleranceSeconds: number;
}

/** RFC 7523 3, items 1 to 7. Runs after the signature, so that only the key's holder learns which claim was wrong from its own clock. */
export const checkAssertionClaims = (
  { claims }: ParsedAssertion,
  rules: AssertionRules,
  now: EpochSeconds,
): Result<AssertionClaims> => {
  const { iss, sub, aud, exp, nbf, iat, jti } = claims;
  if (jti === undefined && !rules.jtiOptional) return malformed('jti');
  if (claims.isSubjectImplied && !rules.subjectOptional) return malformed('sub');
  if (!rules.issuers.includes(iss) || (rules.aboutItself && !rules.issuers.includes(sub))) {
    return refuse({ reason: 'assertion_issuer', issuer: iss, subject: sub });
  }
  // A string, not a list: a list would let the same assertion serve at another server (RFC 7523bis).
  if (!rules.audiences.some((audience) => audience === aud)) {
    return refuse({ reason: 'assertion_audience', expected: rules.audiences[0] });
  }
  if (exp <= now - rules.toleranceSeconds) return refuse({ reason: 'assertion_expired', expiresAt: exp, now });
  const notBefore = Math.max(nbf ?? 0, iat ?? 0);
  if (notBefore > now + rules.toleranceSeconds) return refuse({ reason: 'assertion_not_yet_valid', notBefore, now });
  const seconds = Math.ceil(exp - Math.min(now, iat ?? now));
  if (seconds > rules.maxSeconds + rules.toleranceSeconds) {
    return refuse({ reason: 'assertion_lifetime', seconds, maxSeconds: rules.maxSeconds });
  }
  return accept(claims);
};
