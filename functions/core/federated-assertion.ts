/**
 * JWTs that another issuer made about somebody: a workload's identity (RFC 7523 2.2 with an issuer that is not the client), or a token
 * of another realm that is exchanged for one of ours (2.1). Who may be proved by them is decided by federated-identity.ts.
 */

import { createHash } from 'node:crypto';
import { type AssertionPurpose, findAssertionKey } from './assertion.ts';
import { untimeliness } from './client-auth.ts';
import { accept, type Refusal, type Result, refuse } from './errors.ts';
import { federatedIssuer, isFor } from './federated-identity.ts';
import type { JsonObject } from './json-object.ts';
import { type JwtHeader, parseJwt } from './jwt-parts.ts';
import { isSignedBy, refuseAsSlowly, shownOf } from './key-proof.ts';
import type { EpochSeconds, Partner, PartnerCredential } from './partner.ts';
import { isTrustDomain, trustDomainOf } from './spiffe-id.ts';
import { type Confirmation, isConfirmation } from './token.ts';

/** Taken apart, nothing of it believed yet. */
export interface ForeignJwt {
  /** The compact form, for the signature check. */
  readonly jws: string;
  readonly header: JwtHeader;
  readonly claims: ForeignClaims;
  /** All claims as they stand. */
  readonly payload: JsonObject;
}

interface ForeignClaims {
  /** SPIFFE does without; see `federatedIssuer`. */
  readonly iss: string | undefined;
  readonly sub: string;
  readonly aud: unknown;
  readonly exp: EpochSeconds;
  readonly nbf: EpochSeconds | undefined;
  readonly iat: EpochSeconds | undefined;
  readonly jti: string | undefined;
  /** What whoever hands it in has to hold. */
  readonly cnf: Confirmation | undefined;
}

/**
 * What issuers of workload identities and authorization servers call their tokens. Logout tokens, security events, DPoP proofs and
 * whatever comes later are signed by the same keys, and are none of them.
 */
const ACCEPTED_TYPES: Readonly<Record<AssertionPurpose, readonly (string | undefined)[]>> = {
  client: [undefined, 'jwt', 'jose', 'client-authentication+jwt'],
  grant: [undefined, 'jwt', 'jose', 'at+jwt', 'authorization-grant+jwt'],
};

const MAX_ISSUER_LENGTH = 512;
const MAX_JTI_LENGTH = 256;
/** That of a SPIFFE ID (SPIFFE-ID 2.3). */
const MAX_SUBJECT_LENGTH = 2_048;

const malformed = (detail: string) => refuse({ reason: 'assertion_malformed', detail } as const);

export const parseForeignJwt = (jws: string, purpose: AssertionPurpose): Result<ForeignJwt> => {
  const parts = parseJwt(jws, ACCEPTED_TYPES[purpose]);
  if (!parts.ok) return parts;
  const { header, payload } = parts.value;
  const { iss, sub, aud, exp, nbf, iat, jti, cnf } = payload;
  if (iss !== undefined && !isText(iss, MAX_ISSUER_LENGTH)) return malformed('iss');
  if (!isText(sub, MAX_SUBJECT_LENGTH)) return malformed('sub');
  if (!isTime(exp)) return malformed('exp');
  if (nbf !== undefined && !isTime(nbf)) return malformed('nbf');
  if (iat !== undefined && !isTime(iat)) return malformed('iat');
  if (jti !== undefined && !isText(jti, MAX_JTI_LENGTH)) return malformed('jti');
  // RFC 7800 3.1: a way of confirmation that is not known is none that can be passed.
  if (cnf !== undefined && !isConfirmation(cnf)) return malformed('cnf');
  return accept({ jws, header, payload, claims: { iss, sub, aud, exp, nbf, iat, jti, cnf } });
};

const isText = (value: unknown, maxLength: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= maxLength;

/** NumericDate (RFC 7519 2): seconds, fractions allowed. */
const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= Number.MAX_SAFE_INTEGER;

export interface ForeignJwtCheck {
  readonly jwt: ForeignJwt;
  /** The partner of the realm that goes by the token's issuer, if there is one. */
  readonly issuer: Partner | undefined;
  /** The accepted audiences. Other issuers send lists: one of these has to be in it. */
  readonly audiences: readonly string[];
  readonly maxSeconds: number;
  readonly requireJti: boolean;
  readonly toleranceSeconds: number;
}

export interface VerifiedForeignJwt {
  readonly jwt: ForeignJwt;
  readonly issuer: Partner;
  readonly credential: PartnerCredential;
}

/**
 * Is this signed by that issuer, for us, and good now? Every refusal costs a signature check, so that time does not tell which issuers
 * are trusted.
 */
export const verifyForeignJwt = async (
  check: ForeignJwtCheck,
  now: EpochSeconds,
): Promise<Result<VerifiedForeignJwt>> => {
  const { jwt, issuer } = check;
  const shown = shownOf(jwt);
  const name = federatedIssuer(jwt.claims) ?? '';
  // The name again, although the partner was found by it: keys of one issuer must never vouch for another.
  if (issuer === undefined || issuer.issuer !== name)
    return refuseAsSlowly(shown, { reason: 'issuer_unknown', issuer: name });
  if (!issuer.trustedIssuer) return refuseAsSlowly(shown, { reason: 'issuer_untrusted', issuer: name });
  if (!issuer.enabled) return refuseAsSlowly(shown, { reason: 'issuer_disabled', issuer: name });
  const credential = findAssertionKey(vouchingKeys(issuer), jwt);
  if (!credential.ok) return refuseAsSlowly(shown, credential.refusal);
  if (!(await isSignedBy(credential.value, jwt.jws))) return refuse({ reason: 'assertion_signature' });
  const fault = untimeliness(credential.value, now) ?? claimsFault(check, name, now);
  return fault === undefined ? accept({ jwt, issuer, credential: credential.value }) : refuse(fault);
};

/** Keys by which an issuer vouches for others are the operator's to give: what a partner registers by itself proves itself. */
export const vouchingKeys = ({ credentials, source }: Partner): readonly PartnerCredential[] =>
  credentials.filter((each) =>
    each.source === 'document' ? source?.selfRegistered !== true : each.source !== 'self-registered',
  );

const claimsFault = (check: ForeignJwtCheck, issuer: string, now: EpochSeconds): Refusal | undefined => {
  const { aud, exp, nbf, iat, jti, sub } = check.jwt.claims;
  if (jti === undefined && check.requireJti) return { reason: 'assertion_malformed', detail: 'jti' };
  // A trust domain speaks for its own workloads only (SPIFFE Trust Domain and Bundle 3).
  if (isTrustDomain(issuer) && trustDomainOf(sub) !== issuer)
    return { reason: 'assertion_issuer', issuer, subject: sub.slice(0, 256) };
  if (!check.audiences.some((audience) => isFor(aud, audience)))
    return { reason: 'assertion_audience', expected: check.audiences[0] ?? '' };
  if (exp <= now - check.toleranceSeconds) return { reason: 'assertion_expired', expiresAt: exp, now };
  const notBefore = Math.max(nbf ?? 0, iat ?? 0);
  if (notBefore > now + check.toleranceSeconds) return { reason: 'assertion_not_yet_valid', notBefore, now };
  const seconds = Math.ceil(exp - Math.min(now, iat ?? now));
  return seconds > check.maxSeconds + check.toleranceSeconds
    ? { reason: 'assertion_lifetime', seconds, maxSeconds: check.maxSeconds }
    : undefined;
};

/**
 * What a token is told by, among those of its issuer, when it may be used once. Without `jti` it is what was signed, without the
 * signature: of an ECDSA signature there is always another that is as good.
 */
export const foreignJwtId = ({ jws, claims }: Pick<ForeignJwt, 'jws' | 'claims'>): string =>
  claims.jti ??
  `sha256:${createHash('sha256')
    .update(jws.slice(0, jws.lastIndexOf('.')))
    .digest('base64url')}`;
