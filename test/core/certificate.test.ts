import { createHash, createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certificateFacts, certificateMembers, expiringCertificates } from '../../functions/core/certificate.ts';
import {
  type KeyRing,
  type KeyState,
  withCertificates,
  withRetiredKey,
  withRevokedKey,
} from '../../functions/core/key-ring.ts';
import { jwks } from '../../functions/core/metadata.ts';
import { keyPair, NOW, REALM, signingKey } from '../support/builders.ts';
import { DAY, issue, issueChain } from '../support/certificate-authority.ts';

const pair = await keyPair('ES256');
const spki = Uint8Array.from(
  createPublicKey({ key: { ...pair.publicJwk }, format: 'jwk' }).export({ type: 'spki', format: 'der' }),
);
const { leaf, intermediate } = await issueChain(spki);
const CHAIN = [leaf.base64, intermediate.base64] as const;

const ringOf = (certificates: readonly string[] | undefined, state: KeyState = 'active'): KeyRing => ({
  realm: REALM,
  algorithm: 'ES256',
  version: 7,
  keys: [signingKey(pair, { state, ...(certificates === undefined ? {} : { certificates }) })],
});

describe('the members of a published key', () => {
  const digest = (hash: string): string =>
    createHash(hash).update(Buffer.from(leaf.base64, 'base64')).digest('base64url');
  const MEMBERS = { x5c: [...CHAIN], x5t: digest('sha1'), 'x5t#S256': digest('sha256') };

  it('speak of its certificates, the thumbprints being those of its own (RFC 7517 4.7 to 4.9)', () => {
    expect(certificateMembers(CHAIN)).toEqual(MEMBERS);
    expect([MEMBERS.x5t.length, MEMBERS['x5t#S256'].length]).toEqual([27, 43]);
  });

  it.each([undefined, []])('are none for a key without certificates: %j', (certificates) => {
    expect(certificateMembers(certificates)).toEqual({});
    expect(Object.keys(jwks([ringOf(certificates)]).keys[0] ?? {})).toEqual([
      'kty',
      'crv',
      'x',
      'y',
      'kid',
      'use',
      'alg',
    ]);
  });

  it('stand at the end of the JWK, in the same bytes every time', () => {
    const [once, again] = [ringOf(CHAIN), structuredClone(ringOf(CHAIN))].map((ring) => JSON.stringify(jwks([ring])));
    expect(once).toBe(again);
    const { kty, crv, x, y } = { kty: 'EC', ...pair.publicJwk };
    const jwk = { kty, crv, x, y, kid: pair.thumbprint, use: 'sig', alg: 'ES256', ...MEMBERS };
    expect(once).toBe(JSON.stringify({ keys: [jwk] }));
  });
});

describe('what a person is told of a certificate', () => {
  it('is whose it is, who has issued it, and when it ends, and when the first of the chain does', async () => {
    const ending = await issue({ name: 'Ending', authority: true, notAfter: NOW + DAY });
    const own = await issue({ name: 'own', spki, issuer: ending });
    expect(certificateFacts([own.base64, ending.base64])).toMatchObject({
      subject: 'CN=own',
      issuer: 'CN=Ending',
      serialNumber: expect.stringMatching(/^[0-9A-F]{30,32}$/),
      notBefore: NOW - DAY,
      notAfter: NOW + 365 * DAY,
      chainNotAfter: NOW + DAY,
    });
  });

  it('is not made up for what is no certificate', () => {
    expect(() => certificateFacts(['AAAA'])).toThrow();
  });
});

describe('certificates that end', () => {
  const END = NOW + 365 * DAY;
  const watch = (left: number, state: KeyState = 'active') =>
    expiringCertificates([ringOf([leaf.base64], state)], END - left);

  it.each([
    [60 * DAY + 1, undefined, undefined],
    [60 * DAY, 60, 60],
    [59 * DAY, 60, 59],
    [30 * DAY + 1, 60, 30],
    [30 * DAY, 30, 30],
    [30 * DAY - 1, 30, 29],
    [7 * DAY + 1, 30, 7],
    [7 * DAY, 7, 7],
    [1, 7, 0],
    [0, 7, 0],
    [-1, 7, -1],
    [-40 * DAY, 7, -40],
  ])('in %i seconds are reported at level %s, with %s days left', (left, withinDays, daysLeft) => {
    const entry = { algorithm: 'ES256', kid: pair.thumbprint, withinDays, daysLeft, notAfter: END };
    expect(watch(left)).toEqual(withinDays === undefined ? [] : [entry]);
  });

  it.each([
    [120 * DAY + 1, []],
    [120 * DAY, [120]],
    [60 * DAY + 1, [120]],
    [60 * DAY, [60]],
  ])('of a standby are reported earlier, since it has its time before it: in %i seconds at %j', (left, levels) => {
    expect(watch(left, 'standby').map(({ withinDays }) => withinDays)).toEqual(levels);
  });

  it.each<[KeyState, number]>([
    ['created', 0],
    ['standby', 1],
    ['active', 1],
    ['retiring', 1],
    ['retired', 0],
    ['revoked', 0],
    ['pending-deletion', 0],
  ])('of a key that is %s are reported %i times', (state, times) => {
    expect(watch(DAY, state)).toHaveLength(times);
  });

  it('are found by the first of a chain that ends', async () => {
    const ending = await issue({ name: 'Ending', authority: true, notAfter: NOW + 5 * DAY });
    const own = await issue({ name: 'own', spki, issuer: ending });
    expect(expiringCertificates([ringOf([own.base64, ending.base64])], NOW)).toMatchObject([
      { withinDays: 7, daysLeft: 5 },
    ]);
  });

  it('are none where there are no certificates', () => {
    expect(expiringCertificates([ringOf(undefined), ringOf([])], END)).toEqual([]);
  });
});

describe('a ring', () => {
  const POLICY = {
    ...{ leadSeconds: 1, periodSeconds: 1, maxTokenSeconds: 1, ringCacheSeconds: 1, propagationSeconds: 1 },
    ...{ clockSkewSeconds: 1, leewaySeconds: 1, graceSeconds: 1, creationSeconds: 1, sweepSeconds: 1 },
  };

  it('takes certificates in place of those that the key had, and counts its version on', () => {
    const changed = withCertificates(ringOf(['old']), pair.thumbprint, CHAIN, NOW);
    expect(changed).toEqual({ ...ringOf(CHAIN), version: 8 });
  });

  it.each(['retired', 'revoked', 'pending-deletion'] as const)('takes none for a key that is %s', (state) => {
    expect(() => withCertificates(ringOf(undefined, state), pair.thumbprint, CHAIN, NOW)).toThrow(state);
  });

  it('keeps no certificates of a key that is published no more, of which there may be dozens in one item', () => {
    const retired = withRetiredKey(ringOf(CHAIN, 'retiring'), pair.thumbprint, POLICY, NOW);
    const revoked = withRevokedKey(ringOf(CHAIN), pair.thumbprint, POLICY, NOW);
    expect([retired, revoked].map(({ keys: [key] }) => [key?.state, key?.certificates])).toEqual([
      ['retired', undefined],
      ['revoked', undefined],
    ]);
  });
});
