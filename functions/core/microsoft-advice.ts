/**
 * What each refusal of a token of the Microsoft profile means, and what its reader can do about it. The one text that `countersign
 * doctor` prints and docs/microsoft.md lists.
 */

import type { MicrosoftFault } from './microsoft-fault.ts';

export interface MicrosoftAdvice {
  /** Of the validation, from 1 (docs/microsoft.md); 0: before it. */
  readonly step: number;
  /** What was found. */
  readonly finding: string;
  /** What to do, for the operator of this realm. */
  readonly remedy: string;
}

const MALFORMED =
  'Capture the token again, whole: the text behind "Bearer ", without line breaks. A proxy that rewrites headers cuts it too.';

/** In the order of the checks. */
export const MICROSOFT_ADVICE: Readonly<Record<MicrosoftFault, MicrosoftAdvice>> = {
  malformed_token: {
    step: 1,
    finding: 'it is not a JWT of at most 8,192 characters, in three parts of strict base64url with JSON objects inside',
    remedy: MALFORMED,
  },
  duplicate_member: {
    step: 2,
    finding: 'a member stands twice in its header or claims',
    remedy: 'No product writes such a token: find out who made it.',
  },
  forbidden_header: {
    step: 3,
    finding: 'its header brings a key, the address of one, or an extension (jku, jwk, x5u, x5c, crit, b64, zip, enc)',
    remedy:
      'No product writes such a token: find out who made it. A proxy or library of your own must name its key by x5t.',
  },
  unsupported_typ: {
    step: 4,
    finding: 'its typ is something else than JWT: it is a token of another kind',
    remedy:
      'Show it where it was made for. An access token of RFC 9068 (at+jwt) is exchanged with --grant token-exchange.',
  },
  unexpected_signature: {
    step: 5,
    finding: 'it says alg none and has a signature',
    remedy: 'No product writes such a token: find out who made it.',
  },
  missing_actor_token: {
    step: 5,
    finding: 'it is unsigned and holds no actor token, so that nothing vouches for it',
    remedy: 'The actor token belongs into the claim actortoken, as text. `actor` and `act` are other things.',
  },
  unsupported_alg: {
    step: 6,
    finding: 'its actor token is not signed with RS256',
    remedy:
      'Have the server sign with its RSA certificate. HS256 is an ACS context token, made with a shared secret: not taken here.',
  },
  nested_actor_not_allowed: {
    step: 7,
    finding: 'its actor token holds an actor token',
    remedy: 'One level is all there is: whoever passes a call on has to use a token of its own.',
  },
  profile_off: {
    step: 0,
    finding: 'the realm takes no part in the profile',
    remedy: 'countersign realm set --application-identifier GUID --microsoft-realm NAME --host HOST',
  },
  key_not_found: {
    step: 8,
    finding: 'no partner with the profile has a certificate with this x5t',
    remedy:
      'Has the server rolled its certificate? `countersign partner refresh`, or register the new one. Is the profile of the partner on ' +
      '(--microsoft)? Certificates that a partner has registered by itself do not count.',
  },
  invalid_signature: {
    step: 9,
    finding: 'it is not signed with the key of the certificate that it names',
    remedy: 'The token was changed on its way, or somebody is trying: look for the caller in the log.',
  },
  certificate_expired: {
    step: 10,
    finding: 'the certificate is not valid now',
    remedy:
      'The server has to sign with its next certificate (Set-AuthConfig -PublishCertificate, Set-CsCertificate); then `countersign ' +
      'partner refresh`. One that is not yet valid means that a clock is wrong or a roll came early.',
  },
  partner_disabled: {
    step: 11,
    finding: 'the partner is disabled',
    remedy: 'countersign partner enable ID, if it is to be let in again.',
  },
  issuer_key_mismatch: {
    step: 12,
    finding: 'its iss is not the issuer that is registered for the owner of the certificate',
    remedy:
      'Compare realm and letter case: they are compared letter by letter. A server whose realm has changed (Set-AuthConfig -Realm, ' +
      'Set-CsOAuthConfiguration -Realm) is another issuer: countersign partner set ID --issuer GUID@REALM.',
  },
  issuer_not_authorized_for_actor: {
    step: 13,
    finding: 'its nameid is an application for which its issuer may not speak',
    remedy: 'countersign partner set ID --trust-broker-for GUID@REALM, if it is a trust broker for that application.',
  },
  actor_not_partner: {
    step: 13,
    finding: 'its nameid is no partner that has its tokens from an authorization server of its realm',
    remedy: 'countersign partner add NAME --application-identifier GUID --application-realm REALM --use-oauth-server',
  },
  invalid_time_claim: {
    step: 14,
    finding: 'nbf or exp is missing, not made of digits only, or not in this order',
    remedy:
      'A server of the products writes both, always: what made this token is something else, and has to be put right.',
  },
  token_expired: {
    step: 14,
    finding: 'it has expired, by more than 300 seconds',
    remedy:
      'Capture a new one. If it is new, the clock of the server that made it is slow: w32tm /query /status there.',
  },
  token_not_yet_valid: {
    step: 14,
    finding: 'it is valid in more than 300 seconds only',
    remedy: 'The clock of the server that made it is fast: w32tm /query /status there.',
  },
  lifetime_too_long: {
    step: 14,
    finding:
      'it lives for longer than 12 hours, or a token of an authorization server for longer than 24 hours and 10 minutes',
    remedy: 'Have the application that makes it ask for a shorter time.',
  },
  issuer_actor_mismatch: {
    step: 15,
    finding: 'the iss of its unsigned part is not the nameid of the actor token',
    remedy: 'Compare letter by letter, case included. Parts of two tokens do not make one.',
  },
  audience_malformed: {
    step: 16,
    finding: 'its aud is not <application id>/<host>@<realm>',
    remedy:
      'The server has to learn what we are called from our 401 challenge or /metadata/json/1, and to build aud of that.',
  },
  actor_outer_audience_mismatch: {
    step: 16,
    finding: 'the aud of its unsigned part is not that of the actor token',
    remedy: 'An actor token is good for the resource that it was made for: have the caller ask for one for each.',
  },
  outer_outlives_actor: {
    step: 17,
    finding: 'its unsigned part outlives the actor token',
    remedy: 'Have the application that makes it end both together.',
  },
  audience_app_mismatch: {
    step: 18,
    finding: 'its aud names another application than this realm',
    remedy: 'Is our document or application id registered there as it is now? Tokens for Exchange are not for us.',
  },
  audience_host_mismatch: {
    step: 18,
    finding: 'its aud names a host that is none of ours',
    remedy:
      'countersign realm set --host HOST (all of them again), if that is a host of our resources. A port is part of it.',
  },
  audience_realm_mismatch: {
    step: 18,
    finding: 'its aud names a realm that is none of ours',
    remedy:
      'Which realm does the server call us by? (Get-PartnerApplication, Get-CsPartnerApplication: Realm.) Correct it there, or add it ' +
      'here: countersign realm set --microsoft-realm OURS --microsoft-realm THEIRS.',
  },
  delegation_not_allowed: {
    step: 19,
    finding: 'it is about a user, and its signed part does not say trustedfordelegation "true"',
    remedy: 'The server has to ask for an actor token with delegation; one about the application alone is not enough.',
  },
  trust_level_insufficient: {
    step: 20,
    finding:
      'the trust level of the partner does not allow it: user tokens need full, tokens about itself application or full',
    remedy: 'countersign partner set ID --trust-level full (or application), if it is trusted so far.',
  },
  user_tokens_not_accepted: {
    step: 19,
    finding: 'the partner may not use the unsigned form, which is about users',
    remedy: 'countersign partner set ID --accept-user-tokens, if every user is its to name.',
  },
  user_identity_missing: {
    step: 21,
    finding: 'it names no user by an identifier that counts here',
    remedy:
      'UPN, SMTP and SIP address always count; a security identifier does if the partner has --accepts-security-identifiers. One that is ' +
      'not well-formed is as none.',
  },
  user_not_found: {
    step: 21,
    finding: 'no user is registered with any of its identifiers',
    remedy:
      'countersign user add ID --upn UPN, or let servers state users freely: countersign realm set --users as-stated.',
  },
  user_identity_ambiguous: {
    step: 21,
    finding: 'its identifiers mean more than one user, or contradict what is registered',
    remedy:
      'countersign user list: give each identifier to the one it belongs to, and correct the directory of the server.',
  },
  user_is_partner: {
    step: 21,
    finding:
      'the user would have the name of a partner of this realm, and resources that look at the subject alone would take it for that',
    remedy: 'Register the user under another id, or have the server name it by its UPN.',
  },
};
