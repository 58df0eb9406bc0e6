import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartnerCredential } from '../../functions/core/partner.ts';
import {
  type CredentialInput,
  changeCredential,
  credentialConflicts,
  isSameCredentials,
  MAX_CREDENTIALS,
  parseCredential,
  withDocumentKeys,
} from '../../functions/core/partner-credential.ts';
import { credential, keyPair, NOW } from '../support/builders.ts';
import { DAY, issue } from '../support/certificate-authority.ts';

const pair = await keyPair();
const jwk = { ...pair.publicJwk, kid: 'k1' };
const FROM = NOW - DAY;
const UNTIL = NOW + 365 * DAY;
const certified = await issue({ name: 'crm', notBefore: FROM, notAfter: UNTIL });

const parse = (input: CredentialInput) => parseCredential(input, '/credentials/3', NOW);
const parsed = async (input: CredentialInput): Promise<PartnerCredential> => {
  const result = await parse(input);
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value;
};
const problemOf = async (input: CredentialInput): Promise<string> => {
  const result = await parse(input);
  return result.ok ? 'accepted' : result.refusal.pointer;
};
const timesOf = async (input: CredentialInput) => {
  const result = await parse(input);
  return result.ok ? [result.value.notBefore, result.value.expiresAt] : result.refusal.pointer;
};

describe('a credential', () => {
  it('of a JWK is its public key, registered now, on the terms of the operator', async () => {
    const terms = { label: 'blue — ü', notBefore: NOW + 1, expiresAt: NOW + 2 };
    expect(await parsed({ jwk: { ...jwk, use: 'sig', alg: 'ES256', x5c: ['MII'] }, ...terms })).toEqual({
      ...credential(pair, { addedAt: NOW }),
      ...terms,
    });
    expect(await parsed({ jwk })).toEqual(credential(pair, { addedAt: NOW }));
  });

  it('of a certificate signs with what its kind implies, or with what is said if that fits', async () => {
    const algorithmOf = async (certificate: string, alg?: string) => {
      const result = await parse({ certificate, alg });
      return result.ok ? result.value.algorithm : result.refusal.code;
    };
    const rsa = readFileSync(new URL('../fixtures/microsoft-s2s/exchange-test-cert.pem', import.meta.url), 'utf8');
    expect([await algorithmOf(rsa), await algorithmOf(rsa, 'PS256'), await algorithmOf(rsa, 'RS256')]).toEqual([
      'RS256',
      'PS256',
      'RS256',
    ]);
    expect([await algorithmOf(rsa, 'ES256'), await algorithmOf(rsa, 'HS256'), await algorithmOf(rsa, '')]).toEqual([
      'key_unsupported',
      'key_unsupported',
      'key_unsupported',
    ]);
    expect(await parse({ jwk, alg: 'ES256' })).toMatchObject({ ok: false, refusal: { pointer: '/credentials/3/alg' } });
  });

  it('of a certificate is its key with thumbprints, as long as the certificate is good', async () => {
    const made = await parsed({ certificate: certified.pem, label: 'auth' });
    expect(made).toEqual({
      kid: made.thumbprint,
      algorithm: 'ES256',
      jwk: { kty: 'EC', crv: 'P-256', x: expect.any(String), y: expect.any(String) },
      thumbprint: expect.stringMatching(/^[\w-]{43}$/),
      addedAt: NOW,
      source: 'registered',
      label: 'auth',
      x5t: expect.stringMatching(/^[\w-]{27}$/),
      x5tS256: expect.stringMatching(/^[\w-]{43}$/),
      notBefore: FROM,
      expiresAt: UNTIL + 1,
    });
    expect(await parsed({ certificate: certified.base64 })).toEqual(await parsed({ certificate: certified.pem }));
  });

  it('of a JWK goes by the thumbprints of a certificate that it names (RFC 7517 4.8, 4.9)', async () => {
    const [x5t, x5tS256] = ['A'.repeat(27), 'b'.repeat(43)];
    expect(await parsed({ jwk: { ...jwk, x5t, 'x5t#S256': x5tS256 } })).toEqual(
      credential(pair, { addedAt: NOW, x5t, x5tS256 }),
    );
    const wrong = ['', 'A'.repeat(26), `${'A'.repeat(26)}=`, 'b'.repeat(43), 1, null, ['A'.repeat(27)]];
    for (const value of wrong) expect(await problemOf({ jwk: { ...jwk, x5t: value } })).toBe('/credentials/3/jwk');
    expect(await problemOf({ jwk: { ...jwk, 'x5t#S256': x5t } })).toBe('/credentials/3/jwk');
  });

  it.each<[string, CredentialInput]>([
    ['neither', {}],
    ['both', { jwk, certificate: certified.pem }],
  ])('is either a JWK or a certificate, not %s', async (_what, input) => {
    expect(await problemOf(input)).toBe('/credentials/3');
  });

  it.each<[CredentialInput, string]>([
    [{ jwk: { ...jwk, d: 'x' } }, '/credentials/3/jwk'],
    [{ jwk: { kty: 'oct', k: 'x' } }, '/credentials/3/jwk'],
    [{ jwk: {} }, '/credentials/3/jwk'],
    [{ certificate: '' }, '/credentials/3/certificate'],
    [{ certificate: 'x' }, '/credentials/3/certificate'],
    [{ jwk, label: '' }, '/credentials/3/label'],
    [{ jwk, label: 'x'.repeat(65) }, '/credentials/3/label'],
    [{ jwk, label: 'a\nb' }, '/credentials/3/label'],
    [{ jwk, label: 'x'.repeat(64) }, 'accepted'],
    [{ jwk, notBefore: NOW, expiresAt: NOW }, '/credentials/3/expiresAt'],
    [{ jwk, notBefore: NOW + 1, expiresAt: NOW }, '/credentials/3/expiresAt'],
    [{ jwk, notBefore: NOW, expiresAt: NOW + 1 }, 'accepted'],
    [{ jwk, expiresAt: NOW - 1 }, 'accepted'],
  ])('%j is told by its place: %s', async (input, outcome) => {
    expect(await problemOf(input)).toBe(outcome);
  });

  it('that is private is refused with the advice to give the key up, and with a code for machines', async () => {
    expect(await parse({ jwk: { ...jwk, d: 'x' } })).toMatchObject({
      refusal: { code: 'key_exposed', detail: expect.stringContaining('treat this key as exposed') },
    });
  });
});

describe('an operator says how long a certificate is good', () => {
  it.each<[Pick<CredentialInput, 'notBefore' | 'expiresAt'>, unknown]>([
    [{}, [FROM, UNTIL + 1]],
    [{ notBefore: NOW }, [NOW, UNTIL + 1]],
    [{ notBefore: FROM - 1 }, [FROM, UNTIL + 1]],
    [{ expiresAt: NOW }, [FROM, NOW]],
    [{ expiresAt: UNTIL }, [FROM, UNTIL]],
    [{ expiresAt: UNTIL + 1 }, [FROM, UNTIL + 1]],
    [{ expiresAt: UNTIL + 2 }, [FROM, UNTIL + 1]],
    [{ expiresAt: FROM }, '/credentials/3/expiresAt'],
    [{ notBefore: UNTIL }, [UNTIL, UNTIL + 1]],
    [{ notBefore: UNTIL + 1 }, '/credentials/3/expiresAt'],
  ])('with %j, and can only say less', async (times, outcome) => {
    expect(await timesOf({ certificate: certified.pem, ...times })).toEqual(outcome);
  });

  it('and never more, whatever is said', async () => {
    const time = fc.option(fc.integer({ min: FROM - DAY, max: UNTIL + DAY }), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(time, time, async (notBefore, expiresAt) => {
        const result = await parse({ certificate: certified.pem, notBefore, expiresAt });
        if (!result.ok) return;
        const { notBefore: from = 0, expiresAt: until = Number.POSITIVE_INFINITY } = result.value;
        expect(from).toBeGreaterThanOrEqual(Math.max(FROM, notBefore ?? FROM));
        expect(until).toBeLessThanOrEqual(Math.min(UNTIL + 1, expiresAt ?? UNTIL + 1));
        expect(until).toBeGreaterThan(from);
      }),
      { numRuns: 50 },
    );
  });

  it('and of one that never ends, from 9999 on, it has no end (RFC 5280 4.1.2.5)', async () => {
    const { pem } = await issue({
      name: 'device',
      notBefore: FROM,
      notAfter: Date.UTC(9999, 11, 31, 23, 59, 59) / 1_000,
    });
    expect([await timesOf({ certificate: pem }), await timesOf({ certificate: pem, expiresAt: NOW })]).toEqual([
      [FROM, undefined],
      [FROM, NOW],
    ]);
    const { pem: almost } = await issue({ name: 'almost', notBefore: FROM, notAfter: Date.UTC(9999, 11, 31) / 1_000 });
    expect(await timesOf({ certificate: almost })).toEqual([FROM, Date.UTC(9999, 11, 31) / 1_000 + 1]);
  });
});

describe('credentials side by side', () => {
  const many = (count: number, changes: Partial<PartnerCredential> = {}) =>
    Array.from({ length: count }, (_, index) =>
      credential(pair, {
        kid: `${changes.source ?? 'k'}${index}`,
        thumbprint: `${changes.source ?? 't'}${index}`,
        ...changes,
      }),
    );

  it.each<[string, readonly PartnerCredential[], readonly RegExp[]]>([
    ['are ten that are registered', many(MAX_CREDENTIALS), []],
    ['are not eleven', many(MAX_CREDENTIALS + 1), [/at most 10/]],
    ['are any number from a document', [...many(10), ...many(30, { source: 'document' })], []],
    ['have not one kid', [credential(pair), credential(pair, { thumbprint: 'other' })], [/same kid/]],
    ['are not one key', [credential(pair), credential(pair, { kid: 'k2' })], [/same key/]],
    [
      'are not one key of two algorithms, of which one comes from a document (RFC 8725 3.1)',
      [credential(pair), credential(pair, { kid: 'k2', algorithm: 'PS256', source: 'document' })],
      [/same key/],
    ],
    ['differ in both', [credential(pair), credential(pair)], [/same kid/, /same key/]],
  ])('%s', (_what, credentials, details) => {
    expect(credentialConflicts(credentials, '/credentials')).toEqual(
      details.map((detail) => ({ pointer: '/credentials', detail: expect.stringMatching(detail) })),
    );
  });

  it('are the same whatever their order and whenever they came', () => {
    const [a, b] = many(2);
    if (a === undefined || b === undefined) throw new Error('two are wanted');
    expect(isSameCredentials([a, b], [{ ...b, addedAt: 1 }, a])).toBe(true);
    for (const changes of [
      { kid: 'x' },
      { algorithm: 'PS256' },
      { thumbprint: 'x' },
      { source: 'document' },
      { label: 'x' },
      { x5tS256: 'x' },
      { notBefore: 1 },
      { expiresAt: 1 },
    ] as const) {
      expect(isSameCredentials([a, b], [a, { ...b, ...changes }])).toBe(false);
    }
    expect([isSameCredentials([a], [a, b]), isSameCredentials([a, a], [a])]).toEqual([false, false]);
  });
});

describe("the keys of a partner's document", () => {
  const key = (name: string, addedAt = NOW): Omit<PartnerCredential, 'source'> => {
    const { source: _source, ...rest } = credential(pair, { kid: name, thumbprint: `t-${name}`, addedAt });
    return rest;
  };
  const registered = (name: string) => ({ ...key(name, NOW - 500), source: 'registered' as const });
  const followed = (name: string, addedAt = NOW) => ({ ...key(name, addedAt), source: 'document' as const });

  it('stand behind the registered ones, which stay as they are', () => {
    expect(withDocumentKeys([registered('a')], [key('b'), key('c')])).toEqual([
      registered('a'),
      followed('b'),
      followed('c'),
    ]);
  });

  it('replace those of the document before; a key that stays keeps the time it came', () => {
    const before = [registered('a'), followed('b', NOW - 300), followed('c', NOW - 300)];
    expect(withDocumentKeys(before, [key('c'), key('d')])).toEqual([
      registered('a'),
      followed('c', NOW - 300),
      followed('d'),
    ]);
    expect(withDocumentKeys(before, [])).toEqual([registered('a')]);
  });

  it.each([
    ['has the kid', { ...key('b'), kid: 'a' }],
    ['is the key', { ...key('b'), thumbprint: 't-a' }],
  ])('are left out where one %s of a registered one', (_what, taken) => {
    expect(withDocumentKeys([registered('a')], [taken, key('c')])).toEqual([registered('a'), followed('c')]);
  });

  it('never touch a registered one, and never stand in conflict with it', () => {
    const names: fc.Arbitrary<string[]> = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'));
    fc.assert(
      fc.property(names, names, names, (own, before, now) => {
        const first = withDocumentKeys(
          own.map(registered),
          before.map((name) => key(name)),
        );
        const second = withDocumentKeys(
          first,
          now.map((name) => key(name, NOW + 9)),
        );
        expect(second.filter(({ source }) => source === 'registered')).toEqual(own.map(registered));
        expect(credentialConflicts(second, '')).toEqual([]);
        expect(new Set(second.map(({ kid }) => kid))).toEqual(new Set([...own, ...now]));
        for (const { kid, source, addedAt } of second) {
          if (source === 'document') expect(addedAt).toBe(before.includes(kid) ? NOW : NOW + 9);
        }
      }),
    );
  });
});

describe('the terms of a credential that is there', () => {
  const plain = credential(pair, { label: 'old', notBefore: NOW, expiresAt: NOW + 100 });
  const fromCertificate = { ...plain, x5tS256: 'x'.repeat(43) };
  const { label: _label, notBefore: _from, expiresAt: _until, ...bare } = plain;

  it.each([
    [{ label: 'new' }, { ...bare, label: 'new', notBefore: NOW, expiresAt: NOW + 100 }],
    [{ label: null, notBefore: null, expiresAt: null }, bare],
    [{ expiresAt: NOW + 500 }, { ...plain, expiresAt: NOW + 500 }],
    [{}, plain],
  ])('become what is said, and stay where nothing is: %j', (change, expected) => {
    expect(changeCredential(plain, change)).toEqual({ ok: true, value: expected });
  });

  it.each([
    [{ label: '' }, '/label'],
    [{ label: 'a\nb' }, '/label'],
    [{ notBefore: NOW + 100 }, '/expiresAt'],
    [{ expiresAt: NOW }, '/expiresAt'],
  ])('cannot be %j', (change, pointer) => {
    expect(changeCredential(plain, change)).toMatchObject({ ok: false, refusal: { pointer } });
  });

  it.each([
    [{ expiresAt: NOW + 101 }, false],
    [{ expiresAt: null }, false],
    [{ notBefore: NOW - 1 }, false],
    [{ notBefore: null }, false],
    [{ expiresAt: NOW + 50, notBefore: NOW + 10 }, true],
    [{ label: null }, true],
  ])('of a key that came in a certificate only get shorter: %j', (change, isTaken) => {
    expect(changeCredential(fromCertificate, change).ok).toBe(isTaken);
  });
});
