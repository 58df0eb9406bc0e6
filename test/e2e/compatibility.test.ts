/**
 * Assertions in the shapes of well-known client libraries, each against each compatibility profile: a profile lets through what
 * its library cannot do otherwise, and nothing that only another one needs.
 */

import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decisions, tokenOutcome } from '../support/decisions.ts';
import {
  administer,
  makePartner,
  mustCreate,
  populate,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
} from '../support/service.ts';

const PROFILES = ['strict', 'token-endpoint-audience', 'authlib', 'msal', 'google'] as const;
type Profile = (typeof PROFILES)[number];

/** The thumbprint by which MSAL names the key; the certificate itself is not sent. */
const X5T = 'A'.repeat(27);

let service: Service;
const partners = new Map<Profile, TestPartner>();

beforeAll(async () => {
  service = await startService();
  const { audience } = await populate(service);
  for (const profile of PROFILES) {
    const partner = await makePartner(`by-${profile}`);
    const credentials = [{ jwk: { ...partner.publicJwk, x5t: X5T } }];
    const body = { id: partner.id, credentials, ...(profile === 'strict' ? {} : { compatibility: profile }) };
    expect((await mustCreate(service, '/partners', body)).compatibility).toBe(profile);
    await mustCreate(service, '/grants', { client: partner.id, audience, scopes: ['read'] });
    partners.set(profile, partner);
  }
});
afterAll(() => service[Symbol.asyncDispose]());

interface Shape {
  readonly audience: 'issuer' | 'token endpoint';
  readonly seconds: number;
  readonly jti: boolean;
  readonly header: 'kid' | 'x5t';
}

/** As the libraries were seen to write them (MSAL node 7, Authlib 1.8, google-auth 2.59; openid-client 6 for the first). */
const SHAPES: Readonly<Record<string, Shape>> = {
  'openid-client': { audience: 'issuer', seconds: 60, jti: true, header: 'kid' },
  'a library that names the token endpoint': { audience: 'token endpoint', seconds: 60, jti: true, header: 'kid' },
  Authlib: { audience: 'token endpoint', seconds: 3_600, jti: true, header: 'kid' },
  MSAL: { audience: 'token endpoint', seconds: 600, jti: true, header: 'x5t' },
  'google-auth': { audience: 'token endpoint', seconds: 3_600, jti: false, header: 'kid' },
};

const assertionLike = async ({ audience, seconds, jti, header }: Shape, partner: TestPartner): Promise<string> => {
  const now = Math.floor(Date.now() / 1_000);
  const claims = {
    iss: partner.id,
    sub: partner.id,
    aud: audience === 'issuer' ? service.issuer : `${service.issuer}/token`,
    iat: now,
    exp: now + seconds,
    ...(jti ? { jti: randomUUID() } : {}),
  };
  const name = header === 'kid' ? { kid: `${partner.id}-key` } : { x5t: X5T };
  return new SignJWT(claims).setProtectedHeader({ alg: partner.alg, ...name }).sign(partner.privateKey);
};

/** What comes of the first and of the second request with one assertion. */
const outcomes = async (shape: string, profile: Profile): Promise<readonly string[]> => {
  const partner = partners.get(profile);
  const wanted = SHAPES[shape];
  if (partner === undefined || wanted === undefined) throw new Error('no such case');
  const form = tokenForm(await assertionLike(wanted, partner));
  return [(await tokenOutcome(service, form)).reason, (await tokenOutcome(service, form)).reason];
};

const once = ['granted', 'assertion_replayed'];
const again = ['granted', 'granted'];
const never = (reason: string) => [reason, reason];

describe('an assertion as a library makes it', () => {
  it.each<[shape: string, expected: Readonly<Record<Profile, readonly string[]>>]>([
    ['openid-client', { strict: once, 'token-endpoint-audience': once, authlib: once, msal: again, google: once }],
    [
      'a library that names the token endpoint',
      {
        strict: never('assertion_audience'),
        'token-endpoint-audience': once,
        authlib: once,
        msal: again,
        google: once,
      },
    ],
    [
      'Authlib',
      {
        strict: never('assertion_audience'),
        'token-endpoint-audience': never('assertion_lifetime'),
        authlib: once,
        msal: never('assertion_lifetime'),
        google: once,
      },
    ],
    [
      'MSAL',
      {
        strict: never('assertion_audience'),
        'token-endpoint-audience': never('assertion_lifetime'),
        authlib: once,
        msal: again,
        google: once,
      },
    ],
    [
      'google-auth',
      {
        strict: never('assertion_malformed'),
        'token-endpoint-audience': never('assertion_malformed'),
        authlib: never('assertion_malformed'),
        msal: never('assertion_malformed'),
        google: once,
      },
    ],
  ])('passes under the profiles that are for it: %s', async (shape, expected) => {
    for (const profile of PROFILES)
      expect([profile, await outcomes(shape, profile)]).toEqual([profile, expected[profile]]);
  });

  it('leaves the profile in the record of the decision, unless it is the strict one', async () => {
    await outcomes('openid-client', 'authlib');
    await outcomes('openid-client', 'strict');
    const noted = (client: string) =>
      new Set(
        decisions(service)
          .filter(({ facts }) => facts.client === client && facts.clientKey !== undefined)
          .map(({ facts }) => facts.compatibility),
      );
    expect([noted('by-authlib'), noted('by-strict')]).toEqual([new Set(['authlib']), new Set([undefined])]);
  });

  it('never passes with two audiences, whatever the profile', async () => {
    for (const profile of PROFILES) {
      const partner = partners.get(profile);
      if (partner === undefined) throw new Error('no such partner');
      const now = Math.floor(Date.now() / 1_000);
      const assertion = await new SignJWT({
        iss: partner.id,
        sub: partner.id,
        aud: [service.issuer, `${service.issuer}/token`],
        jti: randomUUID(),
        exp: now + 60,
      })
        .setProtectedHeader({ alg: partner.alg, kid: `${partner.id}-key` })
        .sign(partner.privateKey);
      expect((await tokenOutcome(service, tokenForm(assertion))).reason).toBe('assertion_audience');
    }
  });

  it('is of a profile that there is', async () => {
    const { status } = await administer(service, 'POST', '/partners', { id: 'other', compatibility: 'anything-goes' });
    expect(status).toBe(400);
  });
});
