/** Actor tokens of our making: the claims as each product is known to accept them, and accepted by our own checks. */

import { decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { type ActorOrder, actorClaims, actorHeader, aroundActorToken } from '../../functions/core/actor-token.ts';
import { CLOCK, manifest, trustConfig } from '../microsoft/fixtures.ts';
import { contextOf, one, registerAll, verdict } from '../microsoft/memory.ts';
import { APP, REALM, signed } from '../microsoft/tokens.ts';

const registered = await registerAll();
const [KIM] = trustConfig.users;
if (KIM === undefined) throw new Error('the fixtures have no users');
const { id: _id, ...IDENTIFIERS } = KIM;
const { upn, smtp, sip, sid, puid } = IDENTIFIERS;

const LYNC = `${APP.lync}@${REALM.org}`;
const TO_EXCHANGE = `${APP.exchange}/mail.contoso.example@${REALM.org}`;
const order = (changes: Partial<ActorOrder> = {}): ActorOrder => ({
  ...{ issuer: LYNC, actor: LYNC, audience: TO_EXCHANGE, isTrustedForDelegation: false, seconds: 3_600 },
  ...changes,
});

const sign = (key: string, of: ActorOrder) => {
  const made = actorClaims(of, CLOCK);
  return {
    ...made,
    token: signed(key, JSON.stringify(actorHeader(manifest.x5t[key] ?? '')), JSON.stringify(made.claims)),
  };
};

const decode = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;

/** Who calls whom, with which key, as the fixtures have it. */
const SERVERS = [
  ['Skype for Business calls Exchange', 'lync', 'exchange', order()],
  [
    'Exchange calls Skype for Business',
    'exchange',
    'lync',
    order({
      ...{ issuer: `${APP.exchange}@${REALM.org}`, actor: `${APP.exchange}@${REALM.org}` },
      audience: `${APP.lync}/sfbpool.contoso.example@${REALM.org}`,
    }),
  ],
  [
    'an application calls SharePoint, with the certificate of a trust broker',
    'partner',
    'sharepoint',
    order({
      ...{ issuer: `${APP.hrIssuer}@${REALM.sharepoint}`, actor: `${APP.hrapp}@${REALM.sharepoint}` },
      audience: `${APP.sharepoint}/sharepoint.contoso.example@${REALM.sharepoint}`,
    }),
  ],
] as const;

describe('the header of an actor token', () => {
  it('is the type, the algorithm and the certificate, and nothing else', () => {
    expect(actorHeader('thumbprint')).toEqual({ typ: 'JWT', alg: 'RS256', x5t: 'thumbprint' });
  });
});

describe('an actor token about an application', () => {
  it('has the five claims of the products, times as text, and no word of delegation', () => {
    expect(actorClaims(order(), CLOCK)).toEqual({
      issuedAt: CLOCK,
      expiresAt: CLOCK + 3_600,
      claims: { aud: TO_EXCHANGE, iss: LYNC, nbf: String(CLOCK), exp: String(CLOCK + 3_600), nameid: LYNC },
    });
  });

  it.each([
    [600, 600],
    [3_600, 3_600],
    [86_400, 3_600],
  ])('of %i seconds lives for %i', (seconds, lives) => {
    expect(actorClaims(order({ seconds }), CLOCK).expiresAt).toBe(CLOCK + lives);
  });

  it.each(SERVERS)('is accepted by our own checks: %s', async (_what, key, recipient, of) => {
    expect(await verdict(sign(key, of).token, contextOf(one(registered, recipient)))).toBe('accept');
  });
});

describe('an actor token about a user', () => {
  const around = (key: string, of: ActorOrder, user: Parameters<typeof aroundActorToken>[2]) => {
    const actor = sign(key, { ...of, isTrustedForDelegation: true });
    return { actor, ...aroundActorToken(actor, of, user, actor.token) };
  };

  it('is an unsigned part around one that is trusted for delegation, of the same caller and audience', () => {
    const { actor, token, issuedAt, expiresAt } = around('lync', order(), IDENTIFIERS);
    expect(token.endsWith('.')).toBe(true);
    expect(decodeProtectedHeader(token)).toEqual({ typ: 'JWT', alg: 'none' });
    expect(decode(actor.token)).toEqual({ ...actorClaims(order(), CLOCK).claims, trustedfordelegation: 'true' });
    expect(decode(token)).toEqual({
      ...{ aud: TO_EXCHANGE, iss: LYNC, nbf: String(CLOCK), exp: String(CLOCK + 300) },
      ...{ nameid: sid, nii: 'urn:office:idp:activedirectory', upn, smtp, sip },
      actortoken: actor.token,
    });
    expect([issuedAt, expiresAt]).toEqual([CLOCK, CLOCK + 300]);
  });

  it('ends with the actor token where that ends sooner', () => {
    expect(around('lync', order({ seconds: 120 }), IDENTIFIERS).expiresAt).toBe(CLOCK + 120);
  });

  it.each([
    ['a security identifier', { sid, upn, puid }, { nameid: sid, nii: 'urn:office:idp:activedirectory', upn }],
    ['an id of the online services', { puid, upn }, { nameid: puid, nii: 'urn:federation:MicrosoftOnline', upn }],
    ['an address to log on with', { upn, smtp }, { nameid: upn, upn, smtp }],
    ['a mail address alone', { smtp }, { nameid: smtp, smtp }],
    ['an address of calls alone', { sip }, { nameid: sip, sip }],
  ])('names the user by %s', (_what, user, claims) => {
    const {
      aud: _aud,
      iss: _iss,
      nbf: _nbf,
      exp: _exp,
      actortoken: _token,
      ...rest
    } = decode(around('lync', order(), user).token);
    expect(rest).toEqual(claims);
  });

  it.each(SERVERS)('is accepted by our own checks: %s', async (_what, key, recipient, of) => {
    const { token } = around(key, of, IDENTIFIERS);
    expect(await verdict(token, contextOf(one(registered, recipient)))).toBe('accept');
  });

  it('is accepted no longer than the unsigned part says', async () => {
    const { token, actor } = around('lync', order(), IDENTIFIERS);
    const at = (now: number) => contextOf(one(registered, 'exchange'), [], now);
    expect(await verdict(token, at(CLOCK + 599))).toBe('accept');
    expect(await verdict(token, at(CLOCK + 600))).toBe('token_expired');
    // By itself the actor token would still be good, for the application.
    expect(await verdict(actor.token, at(CLOCK + 600))).toBe('accept');
  });
});
