/**
 * The cases of refused tokens for which the fixtures have no file, made in the same way: each a good token with one thing wrong. With those
 * of the fixtures they are all that are known.
 */

import { CLOCK, manifest } from './fixtures.ts';
import {
  APP,
  actorToken,
  around,
  type Changes,
  changed,
  type Draft,
  EXCHANGE,
  encode,
  GOOD,
  headerOf,
  REALM,
  RESERVED,
  TO_LYNC,
  tokenOf,
} from './tokens.ts';

export interface RefusedToken {
  readonly name: string;
  readonly recipient: string;
  /** The code of the refusal. */
  readonly expect: string;
  readonly token: string;
}

const { application, user, vouched, assertion } = GOOD;

const wrong = (
  name: string,
  expect: string,
  { recipient, draft }: { readonly recipient: string; readonly draft: Draft },
  changes: Changes,
): RefusedToken => ({ name, recipient, expect, token: tokenOf(changed(draft, changes)) });

const app = (name: string, expect: string, changes: Changes) => wrong(name, expect, application, changes);
const aboutUser = (name: string, expect: string, changes: Changes) => wrong(name, expect, user, changes);
/** Both parts name the same audience. */
const calling = (name: string, expect: string, aud: unknown) =>
  aboutUser(name, expect, { claims: { aud }, outer: { aud } });

/** Signed first, and another payload put in after that. */
const tampered = (): string => {
  const [header, , signature] = actorToken(application.draft).split('.');
  return [header, encode({ ...application.draft.claims, exp: String(CLOCK + 40_000) }), signature].join('.');
};

const FOREIGN = `${APP.exchange}@fabrikam.example`;

/** By the numbers of the list of known cases. */
export const NUMBERED: readonly RefusedToken[] = [
  /* 4 */ aboutUser('outer-alg-missing', 'unsupported_alg', { outerHeader: { alg: undefined } }),
  /* 11 */ app('actor-attacker-key-own-x5t', 'key_not_found', { key: 'attacker', header: headerOf('attacker') }),
  /* 13 */ app('actor-jku', 'forbidden_header', { header: { jku: 'https://attacker.example/keys' } }),
  /* 15 */ { name: 'actor-tampered-payload', recipient: 'lync', expect: 'invalid_signature', token: tampered() },
  /* 18 */ aboutUser('outer-iss-mismatch', 'issuer_actor_mismatch', { outer: { iss: `${APP.lync}@${REALM.org}` } }),
  /* 21 */ app('self-issuer-names-other-app', 'issuer_not_authorized_for_actor', {
    claims: { nameid: `${APP.hrapp}@${REALM.org}` },
  }),
  /* 25 */ aboutUser('realm-actor-foreign', 'issuer_key_mismatch', {
    claims: { iss: FOREIGN, nameid: FOREIGN },
    outer: { iss: FOREIGN },
  }),
  /* 28 */ calling('aud-wrong-realm', 'audience_realm_mismatch', TO_LYNC.replace('@contoso', '@Contoso')),
  /* 29 */ calling('aud-wildcard', 'audience_malformed', `${APP.lync}@*`),
  /* 33 */ aboutUser('actor-expired', 'token_expired', {
    claims: { nbf: String(CLOCK - 7_200), exp: String(CLOCK - 3_600) },
  }),
  /* 35 */ aboutUser('outer-outlives-actor', 'outer_outlives_actor', { outer: { exp: String(CLOCK + 40_000) } }),
  /* 37 */ app('lifetime-too-long', 'lifetime_too_long', { claims: { exp: String(CLOCK + 315_360_000) } }),
  /* 39 */ app('exp-missing', 'invalid_time_claim', { claims: { exp: undefined } }),
  /* 41 */ aboutUser('delegation-false', 'delegation_not_allowed', { claims: { trustedfordelegation: 'false' } }),
  /* 47 */ {
    ...wrong('sts-token-replayed-to-other-resource', 'audience_app_mismatch', vouched, {}),
    recipient: 'sharepoint',
  },
  /* 49 */ aboutUser('user-conflict', 'user_identity_ambiguous', { outer: { upn: 'admin@contoso.example' } }),
  /* 52 */ calling('aud-trailing-slash', 'audience_malformed', TO_LYNC.replace('example@', 'example/@')),
  /* 54 */ app('iss-wildcard-realm', 'issuer_key_mismatch', {
    claims: { iss: `${APP.exchange}@*`, nameid: `${APP.exchange}@*` },
  }),
  /* 58 */ {
    name: 'four-parts',
    recipient: 'lync',
    expect: 'malformed_token',
    token: `${tokenOf(application.draft)}.AAAA`,
  },
  /* 61 */ {
    ...wrong('assertion-as-bearer', 'audience_app_mismatch', assertion, {
      claims: { iss: EXCHANGE, nameid: EXCHANGE },
    }),
    recipient: 'lync',
  },
];

/** Beyond that list: every further thing that a check looks at, alone. */
export const FURTHER: readonly RefusedToken[] = [
  ...['jwk', 'x5u', 'crit', 'b64', 'zip', 'enc'].map((name) =>
    app(`actor-${name}`, 'forbidden_header', { header: { [name]: name === 'b64' ? false : ['x'] } }),
  ),
  aboutUser('outer-x5c', 'forbidden_header', { outerHeader: { x5c: ['MIID'] } }),
  aboutUser('outer-typ', 'unsupported_typ', { outerHeader: { typ: 'at+jwt' } }),
  app('typ-lower-case', 'unsupported_typ', { header: { typ: 'jwt' } }),
  app('alg-lower-case', 'unsupported_alg', { header: { alg: 'rs256' } }),
  app('alg-ps256', 'unsupported_alg', { header: { alg: 'PS256' } }),
  app('x5t-case', 'key_not_found', { header: { x5t: String(manifest.x5t.exchange).toLowerCase() } }),
  app('x5t-sha256-only', 'key_not_found', { header: { x5t: undefined, 'x5t#S256': 'A'.repeat(43) } }),
  app('kid-only', 'key_not_found', { header: { x5t: undefined, kid: manifest.x5t.exchange } }),
  { ...app('broken-json', 'malformed_token', {}), token: 'e30.e30' },
  { ...app('no-object', 'malformed_token', {}), token: `${encode([])}.${encode({})}.` },
  app('iss-missing', 'issuer_key_mismatch', { claims: { iss: undefined } }),
  app('iss-case', 'issuer_key_mismatch', { claims: { iss: EXCHANGE.toUpperCase() } }),
  app('nameid-missing', 'issuer_not_authorized_for_actor', { claims: { nameid: undefined } }),
  app('nameid-array', 'issuer_not_authorized_for_actor', { claims: { nameid: [EXCHANGE] } }),
  wrong('broker-names-unlisted-app', 'issuer_not_authorized_for_actor', GOOD.brokered, {
    claims: { nameid: `${APP.lync}@${REALM.sharepoint}` },
    outer: { iss: `${APP.lync}@${REALM.sharepoint}` },
  }),
  wrong('sts-speaks-for-self-issuer', 'actor_not_partner', vouched, {
    claims: { nameid: `7557eb47-c689-4224-abcf-aef9bd7573df@${REALM.tenant}` },
  }),
  wrong('sts-speaks-for-another-tenant', 'actor_not_partner', vouched, {
    claims: { nameid: `${APP.hrapp}@${REALM.otherTenant}` },
  }),
  app('aud-app-case', 'audience_app_mismatch', { claims: { aud: TO_LYNC.replace('0ff1', '0FF1') } }),
  app('aud-realm-foreign', 'audience_realm_mismatch', { claims: { aud: TO_LYNC.replace('@contoso', '@fabrikam') } }),
  app('aud-missing', 'audience_malformed', { claims: { aud: undefined } }),
  aboutUser('outer-aud-host-case', 'actor_outer_audience_mismatch', {
    outer: { aud: TO_LYNC.replace('sfbpool', 'SFBPOOL') },
  }),
  aboutUser('outer-lifetime-too-long', 'lifetime_too_long', {
    claims: { nbf: String(CLOCK), exp: String(CLOCK + 43_200) },
    outer: { nbf: String(CLOCK - 43_200), exp: String(CLOCK + 43_200) },
  }),
  app('self-issued-for-a-day', 'lifetime_too_long', { claims: { exp: String(CLOCK + 86_400) } }),
  aboutUser('outer-exp-missing', 'invalid_time_claim', { outer: { exp: undefined } }),
  wrong('sts-lifetime-too-long', 'lifetime_too_long', vouched, { claims: { exp: CLOCK - 300 + 87_001 } }),
  ...['1e10', '0x6b35d2c0', ' 1798790400', '1798790400 ', '01798790400', '+1798790400', '-1', '', '1798790400.0'].map(
    (exp) => app(`exp-text ${JSON.stringify(exp)}`, 'invalid_time_claim', { claims: { exp } }),
  ),
  ...[CLOCK + 0.5, -1, 1e15, null, true, [String(CLOCK + 60)], {}].map((exp) =>
    app(`exp-value ${JSON.stringify(exp)}`, 'invalid_time_claim', { claims: { exp } }),
  ),
  app('exp-before-nbf', 'invalid_time_claim', { claims: { nbf: String(CLOCK + 60), exp: String(CLOCK + 60) } }),
  ...[true, 'True', 'TRUE', ' true', 1, ['true'], { true: true }].map((trustedfordelegation) =>
    aboutUser(`delegation-value ${JSON.stringify(trustedfordelegation)}`, 'delegation_not_allowed', {
      claims: { trustedfordelegation },
    }),
  ),
  aboutUser('sid-of-another-user', 'user_identity_ambiguous', {
    outer: { nameid: 's-1-5-21-1004336348-1177238915-682003330-500' },
  }),
  aboutUser('upn-nobody-has', 'user_identity_ambiguous', { outer: { upn: 'kim@fabrikam.example' } }),
  wrong(
    'x5t-of-the-next-certificate',
    'invalid_signature',
    { ...RESERVED, draft: application.draft },
    { header: headerOf('exchange-next') },
  ),
  { ...app('signature-padded', 'malformed_token', {}), token: `${tokenOf(application.draft)}==` },
  wrong('user-tokens-off', 'user_tokens_not_accepted', RESERVED, {}),
  aboutUser('upn-not-text', 'user_identity_missing', { outer: { upn: ['kim@contoso.example'] } }),
  ...[['urn:office:idp:activedirectory'], { toString: 1, valueOf: 1 }, 1, null].map((nii) =>
    aboutUser(`nii-value ${JSON.stringify(nii)}`, 'user_identity_missing', { outer: { nii } }),
  ),
  { ...aboutUser('actortoken-object', 'missing_actor_token', {}), token: around(user.draft, { alg: 'none' }) },
  {
    ...aboutUser('outer-in-outer', 'unsupported_alg', {}),
    token: around(user.draft, around(user.draft, actorToken(user.draft))),
  },
];

/** At the very edges: of a length that a form does not take, and of a second that a service would not stop at. */
export const EDGES: readonly RefusedToken[] = [
  {
    ...app('too-long', 'malformed_token', {}),
    token: tokenOf(changed(application.draft, { claims: { filler: 'x'.repeat(8_192) } })),
  },
  aboutUser('outer-not-yet-valid', 'token_not_yet_valid', { outer: { nbf: String(CLOCK + 301) } }),
];
