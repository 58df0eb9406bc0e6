/**
 * Access tokens as RFC 9068 defines them: the claims we put in, and the checks a resource server of ours makes of them.
 */

import type { AuthorizationDetail } from './authorization-details.ts';
import type { CustomClaims } from './custom-claims.ts';
import { accept, type Result, refuse } from './errors.ts';
import { isJsonObject } from './json-object.ts';
import { decodeJson, isBase64url } from './jws.ts';
import type { EpochSeconds } from './partner.ts';
import { formatScope } from './scope.ts';
import {
  type Actor,
  isSubjectIdentifier,
  type MayAct,
  parseActor,
  parseMayAct,
  type Subject,
  type SubjectIdentifier,
} from './subject.ts';

/** RFC 9068 2.1 */
export const ACCESS_TOKEN_TYPE = 'at+jwt';

export interface AccessTokenClaims {
  readonly iss: string;
  readonly aud: string;
  readonly sub: string;
  readonly client_id: string;
  readonly iat: EpochSeconds;
  readonly exp: EpochSeconds;
  readonly jti: string;
  readonly scope: string;
  /** Who acts for `sub`, where that is not the client itself. */
  readonly act?: Actor;
  /** There when `sub` is a user. */
  readonly sub_id?: SubjectIdentifier;
  readonly may_act?: MayAct;
  /** What whoever uses the token has to hold. */
  readonly cnf?: Confirmation;
  /** RFC 9396 9.1 */
  readonly authorization_details?: readonly AuthorizationDetail[];
}

/** RFC 7800 3: the thumbprint of a DPoP key (RFC 9449 6.1), of a TLS client certificate (RFC 8705 3.1), or both. */
export interface Confirmation {
  readonly jkt?: string;
  readonly 'x5t#S256'?: string;
}

export interface TokenGrant {
  readonly issuer: string;
  readonly client: string;
  readonly subject: Subject;
  readonly confirmation?: Confirmation;
  readonly details?: readonly AuthorizationDetail[];
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly seconds: number;
  /** What an operator adds; checked to hold no claim of ours when it was registered. */
  readonly claims: CustomClaims;
}

/** RFC 9068 2.2; in the client credentials grant `sub` is the client itself. Ours come last, so that nothing can replace them. */
export const buildClaims = (
  { subject, confirmation, details, ...grant }: TokenGrant,
  jti: string,
  now: EpochSeconds,
): AccessTokenClaims => ({
  ...grant.claims,
  iss: grant.issuer,
  aud: grant.audience,
  sub: subject.sub,
  client_id: grant.client,
  iat: now,
  exp: now + grant.seconds,
  jti,
  scope: formatScope(grant.scopes),
  ...(subject.act === undefined ? {} : { act: subject.act }),
  ...(subject.subId === undefined ? {} : { sub_id: subject.subId }),
  ...(subject.mayAct === undefined ? {} : { may_act: subject.mayAct }),
  ...(confirmation === undefined ? {} : { cnf: confirmation }),
  ...(details === undefined ? {} : { authorization_details: details }),
});

/** A token taken apart, nothing of it believed yet. */
export interface ParsedToken {
  readonly jws: string;
  readonly kid: string;
  readonly claims: AccessTokenClaims;
}

/** A token of ours is well below this; what is longer is refused unread. */
const MAX_TOKEN_LENGTH = 8192;

const malformed = (detail: string) => refuse({ reason: 'token_malformed', detail } as const);

export const parseToken = (jws: string): Result<ParsedToken> => {
  if (jws.length > MAX_TOKEN_LENGTH) return malformed('too long');
  const [protectedHeader = '', payload = '', signature, ...rest] = jws.split('.');
  if (signature === undefined || rest.length > 0) return malformed('not a compact JWS');
  if (!isBase64url(signature)) return malformed('signature');
  const header = decodeJson(protectedHeader);
  const claims = decodeJson(payload);
  if (header === undefined || claims === undefined) return malformed('not JSON');
  if (header.typ !== ACCESS_TOKEN_TYPE && header.typ !== `application/${ACCESS_TOKEN_TYPE}`) {
    return refuse({ reason: 'token_typ', typ: typeof header.typ === 'string' ? header.typ.slice(0, 32) : '' });
  }
  if (typeof header.kid !== 'string' || typeof header.alg !== 'string') return malformed('header');
  if (header.crit !== undefined || header.b64 !== undefined) return malformed('critical header');
  if (!isAccessTokenClaims(claims)) return malformed('claims');
  return accept({ jws, kid: header.kid, claims });
};

const TEXT_CLAIMS = ['iss', 'aud', 'sub', 'client_id', 'jti', 'scope'] as const;

const isAccessTokenClaims = (claims: object): claims is AccessTokenClaims => {
  const record = claims as Record<string, unknown>;
  return (
    TEXT_CLAIMS.every((name) => typeof record[name] === 'string') &&
    Number.isSafeInteger(record.iat) &&
    Number.isSafeInteger(record.exp) &&
    Object.entries(OPTIONAL_CLAIMS).every(([name, isSound]) => record[name] === undefined || isSound(record[name]))
  );
};

/** What is there has to be understood: a claim that narrows a token must not be passed over. */
const OPTIONAL_CLAIMS: Readonly<Record<string, (value: unknown) => boolean>> = {
  act: (value) => parseActor(value) !== undefined,
  sub_id: isSubjectIdentifier,
  may_act: (value) => parseMayAct(value) !== undefined,
  cnf: (value) => isJsonObject(value) && Object.entries(value).every(isConfirmationMember),
  authorization_details: (value) => Array.isArray(value) && value.every(isJsonObject),
};

/** Something that whoever presents the token can prove. */
export const isConfirmation = (value: unknown): value is Confirmation =>
  isJsonObject(value) && Object.keys(value).length > 0 && Object.entries(value).every(isConfirmationMember);

const CONFIRMATIONS = ['jkt', 'x5t#S256'];

/** RFC 7800 3.1: a way of confirmation that is not known is none that can be passed. */
const isConfirmationMember = ([name, value]: readonly [string, unknown]): boolean =>
  CONFIRMATIONS.includes(name) && typeof value === 'string' && value !== '';

export interface TokenRules {
  readonly issuer: string;
  /** Absent: whoever asks judges the audience by itself. */
  readonly audience?: string;
  /** The longest lifetime that the signing ring allows: a forger who chose `exp` freely would be caught by it. */
  readonly maxSeconds: number;
  readonly toleranceSeconds: number;
}

/** RFC 9068 4, items 3 to 6. */
export const checkTokenClaims = (
  claims: AccessTokenClaims,
  rules: TokenRules,
  now: EpochSeconds,
): Result<AccessTokenClaims> => {
  const { iss, aud, iat, exp } = claims;
  if (iss !== rules.issuer) return refuse({ reason: 'token_issuer', issuer: iss.slice(0, 256) });
  if (rules.audience !== undefined && aud !== rules.audience)
    return refuse({ reason: 'token_audience', expected: rules.audience });
  if (exp <= now) return refuse({ reason: 'token_expired', expiresAt: exp, now });
  if (iat > now + rules.toleranceSeconds) return refuse({ reason: 'token_not_yet_valid', issuedAt: iat, now });
  const seconds = exp - iat;
  if (seconds > rules.maxSeconds) return refuse({ reason: 'token_lifetime', seconds, maxSeconds: rules.maxSeconds });
  return accept(claims);
};
