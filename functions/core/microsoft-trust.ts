/**
 * Is a token of the Microsoft server-to-server profile good, and from whom is it? Total, and in this order (docs/microsoft.md has the
 * table): whatever is not settled is refused. A key that is found is not yet a signature, a signature not yet the right issuer.
 */

import { accept, type Result, refuse } from './errors.ts';
import { vouchingKeys } from './federated-assertion.ts';
import { isSignedBy, refuseAsSlowly } from './key-proof.ts';
import type { MicrosoftFault } from './microsoft-fault.ts';
import { AUTHORIZATION_SERVER_SECONDS, checkLifetime, SELF_ISSUED_SECONDS } from './microsoft-lifetime.ts';
import { isSameHost, parsePrincipal, parseTarget, type Target } from './microsoft-principal.ts';
import type { MicrosoftRealm } from './microsoft-profile.ts';
import type { ActorToken, MicrosoftToken } from './microsoft-token.ts';
import type { EpochSeconds, Partner, PartnerCredential } from './partner.ts';

export interface MicrosoftCheck {
  readonly token: MicrosoftToken;
  readonly realm: MicrosoftRealm;
  /** The partner of the realm whose certificate the token names, if there is one. */
  readonly signer: Partner | undefined;
  /** The partner of the realm that goes by the token's `nameid`, if there is one. */
  readonly named: Partner | undefined;
}

export interface VerifiedMicrosoftToken {
  /** On whose terms it is: the signer, or the partner for whom an authorization server has signed. */
  readonly partner: Partner;
  readonly signer: Partner;
  readonly credential: PartnerCredential;
  /** What is signed of it. */
  readonly jws: string;
  /** The application that has called, as the token names it. */
  readonly actor: string;
  readonly target: Target;
  /** Claims about a user; absent: it is about the application itself. */
  readonly user?: MicrosoftToken['outer'];
  /** What its maker has signed that it may be used for. */
  readonly isTrustedForDelegation: boolean;
  readonly expiresAt: EpochSeconds;
  /** From when on the signed part says that it is good: as old as it is, and perhaps by a clock that is ahead of ours. */
  readonly notBefore: EpochSeconds;
  /** When the signed part ends. Until then anybody who has it can put another unsigned part around it, with another end. */
  readonly actorExpiresAt: EpochSeconds;
}

type Checked<Value> = Result<Value, MicrosoftFault>;

/** Steps 8 to 20. Every refusal costs a signature check, so that time does not tell which keys are trusted. */
export const verifyMicrosoftToken = async (
  check: MicrosoftCheck,
  now: EpochSeconds,
): Promise<Checked<VerifiedMicrosoftToken>> => {
  const { token, signer } = check;
  const credential = signer === undefined ? undefined : findCertificateKey(signer, token.actor);
  if (signer === undefined || credential === undefined) return noSuchKey(token.actor);
  if (!(await isSignedBy(credential, token.actor.jws))) return refuse('invalid_signature');
  if (!isTimely(credential, now)) return refuse('certificate_expired');
  const speaker = checkSpeaker(check, signer);
  if (!speaker.ok) return speaker;
  const { partner, actor } = speaker.value;
  const maxSeconds = signer.trustedIssuer ? AUTHORIZATION_SERVER_SECONDS : SELF_ISSUED_SECONDS;
  const ends = checkTimes(token, actor, maxSeconds, now);
  if (!ends.ok) return ends;
  const target = checkTarget(token, check.realm);
  if (!target.ok) return target;
  const trusted = checkTrust(token, partner);
  if (!trusted.ok) return trusted;
  return accept({
    ...{ partner, signer, credential, actor, jws: token.actor.jws },
    target: target.value,
    ...(token.outer === undefined ? {} : { user: token.outer }),
    isTrustedForDelegation: isDelegated(token.actor),
    ...ends.value,
    notBefore: Number(token.actor.claims.nbf),
  });
};

/** Only certificates that an operator has registered or has us follow, of RSA keys that sign as this profile does. */
export const findCertificateKey = (signer: Partner, { x5t }: ActorToken): PartnerCredential | undefined =>
  signer.microsoft === undefined || x5t === undefined
    ? undefined
    : vouchingKeys(signer).find((key) => key.x5t === x5t && key.algorithm === 'RS256');

const noSuchKey = async ({ jws }: ActorToken): Promise<Checked<never>> => {
  await refuseAsSlowly({ alg: 'RS256', jws }, { reason: 'assertion_signature' });
  return refuse('key_not_found');
};

const isTimely = ({ notBefore = 0, expiresAt = Number.POSITIVE_INFINITY }: PartnerCredential, now: EpochSeconds) =>
  notBefore <= now && now < expiresAt;

interface Speaker {
  readonly partner: Partner;
  readonly actor: string;
}

/**
 * Steps 11 to 13. An ordinary partner speaks for itself, a trust broker for the applications that it was given, an authorization server
 * for the partners that are said to have their tokens from one.
 */
const checkSpeaker = ({ token, named }: MicrosoftCheck, signer: Partner): Checked<Speaker> => {
  const { iss, nameid } = token.actor.claims;
  if (!signer.enabled) return refuse('partner_disabled');
  if (typeof iss !== 'string' || iss !== signer.issuer) return refuse('issuer_key_mismatch');
  if (typeof nameid !== 'string') return refuse('issuer_not_authorized_for_actor');
  if (isItsOwn(signer, nameid)) return accept({ partner: signer, actor: nameid });
  if (!signer.trustedIssuer) return refuse('issuer_not_authorized_for_actor');
  // The name again, although the partner was found by it.
  if (named?.issuer !== nameid || named.microsoft?.issuedBy !== 'authorization-server' || !isOfRealm(nameid, iss))
    return refuse('actor_not_partner');
  return named.enabled ? accept({ partner: named, actor: nameid }) : refuse('partner_disabled');
};

/** Both are in one realm, as a client and the server that it asks have to be (MS-XOAUTH 1.5): no tenant speaks for another one. */
const isOfRealm = (nameid: string, issuer: string): boolean =>
  parsePrincipal(nameid)?.realm === parsePrincipal(issuer)?.realm;

/** Whether a partner may name this application in tokens of its own: itself, or as a trust broker. */
export const isItsOwn = ({ issuer, microsoft }: Partner, nameid: string): boolean =>
  microsoft?.issuedBy === 'itself' && (nameid === issuer || microsoft.actors.includes(nameid));

/** Steps 14 to 17, but for the audience. */
const checkTimes = (
  { actor, outer }: MicrosoftToken,
  nameid: string,
  maxSeconds: number,
  now: EpochSeconds,
): Checked<Pick<VerifiedMicrosoftToken, 'expiresAt' | 'actorExpiresAt'>> => {
  const signed = checkLifetime(actor.claims, maxSeconds, now);
  if (!signed.ok) return signed;
  if (outer === undefined) return accept({ expiresAt: signed.value, actorExpiresAt: signed.value });
  if (outer.iss !== nameid) return refuse('issuer_actor_mismatch');
  const audience = checkSameAudience(actor, outer);
  if (!audience.ok) return audience;
  const unsigned = checkLifetime(outer, maxSeconds, now);
  if (!unsigned.ok) return unsigned;
  return unsigned.value > signed.value
    ? refuse('outer_outlives_actor')
    : accept({ expiresAt: unsigned.value, actorExpiresAt: signed.value });
};

/** Step 16: nothing of the unsigned part may say more than the signed one (CVE-2025-55241). */
const checkSameAudience = ({ claims }: ActorToken, outer: NonNullable<MicrosoftToken['outer']>): Checked<undefined> => {
  if (parseTarget(claims.aud) === undefined || parseTarget(outer.aud) === undefined)
    return refuse('audience_malformed');
  return claims.aud === outer.aud ? accept(undefined) : refuse('actor_outer_audience_mismatch');
};

/** Steps 16 and 18. */
const checkTarget = ({ actor }: MicrosoftToken, realm: MicrosoftRealm): Checked<Target> => {
  const target = parseTarget(actor.claims.aud);
  if (target === undefined) return refuse('audience_malformed');
  if (target.applicationId !== realm.applicationId) return refuse('audience_app_mismatch');
  if (![...realm.hosts, ...realm.tokenHosts].some((host) => isSameHost(host, target.host)))
    return refuse('audience_host_mismatch');
  return realm.realms.includes(target.realm) ? accept(target) : refuse('audience_realm_mismatch');
};

/** It is text, and compared as text: "false" is as true as anything else to JavaScript. */
const isDelegated = ({ claims }: ActorToken): boolean => claims.trustedfordelegation === 'true';

/** Steps 19 and 20. */
const checkTrust = ({ actor, outer }: MicrosoftToken, { trustLevel, microsoft }: Partner): Checked<undefined> => {
  if (outer === undefined) return trustLevel === 'user' ? refuse('trust_level_insufficient') : accept(undefined);
  if (!isDelegated(actor)) return refuse('delegation_not_allowed');
  if (trustLevel !== 'full') return refuse('trust_level_insufficient');
  return microsoft?.userTokens === true ? accept(undefined) : refuse('user_tokens_not_accepted');
};
