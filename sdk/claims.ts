/** The claims of an access token (RFC 9068 2.2): what a signed token has to say, and what it says in our words. */

import { isObject, type JsonObject } from './compact-jws.ts';
import { invalidToken } from './refusal.ts';

/** RFC 8693 4.1: the outermost acts now, the ones within acted before. */
export interface Actor {
  readonly sub: string;
  /** There for actors that another issuer knows. */
  readonly iss?: string;
  readonly act?: Actor;
}

/** RFC 9493 3: the subject as whoever asserted it knows it, e.g. `{ format: 'iss_sub', iss, sub }`. */
export type SubjectIdentifier = JsonObject & { readonly format: string };

/** RFC 7800 3: what whoever presents the token has to hold. */
export interface Confirmation {
  /** Thumbprint of a DPoP key (RFC 9449 6.1). */
  readonly jkt?: string;
  /** Thumbprint of a TLS client certificate (RFC 8705 3.1). */
  readonly 'x5t#S256'?: string;
}

export interface TokenClaims {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly subject: string;
  readonly clientId: string;
  /** `jti` */
  readonly tokenId: string;
  /** Epoch seconds, like all times here. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly scopes: readonly string[];
  /** Who acts for the subject, where that is not the client itself. */
  readonly actor?: Actor;
  /** There when the subject is a user. */
  readonly subjectId?: SubjectIdentifier;
  readonly confirmation?: Confirmation;
  /** All claims as they stand in the token. */
  readonly all: JsonObject;
}

export interface ClaimRules {
  readonly issuer: string;
  /** One of them has to be meant. */
  readonly audiences: readonly string[];
  readonly toleranceSeconds: number;
}

/** RFC 9068 4. @throws Refusal */
export const readClaims = (claims: JsonObject, rules: ClaimRules, now: number): TokenClaims => {
  if (claims.iss !== rules.issuer) throw invalidToken('issuer');
  const audiences = audiencesOf(claims.aud);
  if (!audiences.some((each) => rules.audiences.includes(each))) throw invalidToken('audience');
  return {
    issuer: rules.issuer,
    audiences,
    ...timesOf(claims, rules.toleranceSeconds, now),
    subject: text(claims, 'sub'),
    clientId: text(claims, 'client_id'),
    tokenId: text(claims, 'jti'),
    scopes: scopesOf(claims.scope),
    ...optionalClaims(claims),
    all: claims,
  };
};

const timesOf = ({ iat, exp, nbf }: JsonObject, tolerance: number, now: number) => {
  if (!isTime(iat) || !isTime(exp)) throw invalidToken('times_malformed');
  if (exp + tolerance <= now) throw invalidToken('expired');
  if (iat > now + tolerance) throw invalidToken('not_yet_valid');
  if (nbf !== undefined && !isTime(nbf)) throw invalidToken('times_malformed');
  if (nbf !== undefined && nbf > now + tolerance) throw invalidToken('not_yet_valid');
  return { issuedAt: iat, expiresAt: exp };
};

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0;

const MAX_TEXT_LENGTH = 1_024;
const MAX_AUDIENCES = 16;
const MAX_SCOPES = 256;

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_LENGTH;

const text = (claims: JsonObject, name: string): string => {
  const value = claims[name];
  if (!isText(value)) throw invalidToken(`${name}_malformed`);
  return value;
};

const audiencesOf = (aud: unknown): readonly string[] => {
  const listed: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (listed.length > MAX_AUDIENCES || !listed.every(isText)) throw invalidToken('audience');
  return listed;
};

/** RFC 6749 3.3; a token without it has none. */
const scopesOf = (scope: unknown): readonly string[] => {
  if (scope === undefined || scope === '') return [];
  const scopes = typeof scope === 'string' ? scope.split(' ') : [];
  const isSound = scopes.length > 0 && scopes.length <= MAX_SCOPES;
  if (!isSound || !scopes.every((each) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(each)))
    throw invalidToken('scope_malformed');
  return [...new Set(scopes)];
};

/** What is there has to be understood: a claim that narrows a token must not be passed over. */
const optionalClaims = ({ act, sub_id: subjectId, cnf }: JsonObject) => ({
  ...(act === undefined ? {} : { actor: parseActor(act, MAX_ACTORS) }),
  ...(subjectId === undefined ? {} : { subjectId: parseSubjectIdentifier(subjectId) }),
  ...(cnf === undefined ? {} : { confirmation: parseConfirmation(cnf) }),
});

/** The token service lets chains grow to 4. */
const MAX_ACTORS = 8;

const parseActor = (value: unknown, maxDepth: number): Actor => {
  if (maxDepth === 0 || !isObject(value)) throw invalidToken('act_malformed');
  const { sub, iss, act } = value;
  if (!isText(sub) || !(iss === undefined || isText(iss))) throw invalidToken('act_malformed');
  return {
    sub,
    ...(iss === undefined ? {} : { iss }),
    ...(act === undefined ? {} : { act: parseActor(act, maxDepth - 1) }),
  };
};

const parseSubjectIdentifier = (value: unknown): SubjectIdentifier => {
  if (!isSubjectIdentifier(value)) throw invalidToken('sub_id_malformed');
  return value;
};

const isSubjectIdentifier = (value: unknown): value is SubjectIdentifier => isObject(value) && isText(value.format);

/** RFC 7800 3.1: a way of confirmation that is not known is one that nobody can be asked for. */
const parseConfirmation = (cnf: unknown): Confirmation => {
  const entries = isObject(cnf) ? Object.entries(cnf) : [];
  if (entries.length === 0) throw invalidToken('cnf_unknown');
  if (!entries.every(([name, value]) => ['jkt', 'x5t#S256'].includes(name) && isText(value))) {
    throw invalidToken('cnf_unknown');
  }
  return Object.fromEntries(entries);
};
