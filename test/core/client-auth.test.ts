import { createHmac } from 'node:crypto';
import { base64url, exportSPKI } from 'jose';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { JWS_ALGORITHMS, type JwsAlgorithm } from '../../functions/core/algorithms.ts';
import { type AssertionRules, parseAssertion } from '../../functions/core/assertion.ts';
import { verifyAssertion } from '../../functions/core/client-auth.ts';
import type { Partner, PartnerCredential } from '../../functions/core/partner.ts';
import {
  assertion,
  assertionClaims,
  CLIENT,
  credential,
  encodeJson,
  ISSUER,
  keyPair,
  NOW,
  partner,
  signBytes,
  signJws,
} from '../support/builders.ts';

const RULES: AssertionRules = {
  ...{ issuers: [CLIENT], aboutItself: true, subjectOptional: false, jtiOptional: false },
  ...{ audiences: [ISSUER], maxSeconds: 300, toleranceSeconds: 60 },
};

const verify = async (known: Partner | undefined, jws: string): Promise<string> => {
  const parsed = parseAssertion(jws, 'client');
  if (!parsed.ok) return parsed.refusal.reason;
  const result = await verifyAssertion(known, parsed.value, RULES, NOW);
  return result.ok ? `${result.value.partner.id}/${result.value.credential.kid}` : result.refusal.reason;
};

const withKeys = async (algorithm: JwsAlgorithm = 'ES256', ...names: string[]): Promise<Partner> =>
  partner({
    credentials: await Promise.all(
      (names.length === 0 ? ['k1'] : names).map(async (name) => credential(await keyPair(algorithm, name))),
    ),
  });

/** Signature checks that the platform was asked for: what authentication costs, whichever library asks. */
const checks = vi.spyOn(SubtleCrypto.prototype, 'verify');
beforeEach(() => {
  checks.mockClear();
});

describe('a client is verified', () => {
  it.each(JWS_ALGORITHMS)('by an assertion under %s', async (algorithm) => {
    const jws = assertion(await keyPair(algorithm));
    await expect(verify(await withKeys(algorithm), jws)).resolves.toBe('crm/k1');
  });

  it('under both names of Ed25519', async () => {
    const pair = await keyPair('EdDSA');
    const known = await withKeys('EdDSA');
    expect([
      await verify(known, assertion(pair)),
      await verify(known, assertion(pair, {}, { alg: 'Ed25519' })),
    ]).toEqual(['crm/k1', 'crm/k1']);
  });

  it('by the second of two keys, or by its only key unnamed', async () => {
    const jws = assertion(await keyPair('ES256', 'k2'));
    const unnamed = assertion(await keyPair('ES256', 'k2'), {}, { kid: undefined });
    expect([
      await verify(await withKeys('ES256', 'k1', 'k2'), jws),
      await verify(await withKeys('ES256', 'k2'), unnamed),
    ]).toEqual(['crm/k2', 'crm/k2']);
  });
});

describe('a client names its key', () => {
  const NAMES = { x5t: 'dGh1bWJwcmludA', x5tS256: 'c2hhMjU2' } as const;

  it.each([
    ['by kid', { kid: 'k2' }, 'crm/k2'],
    ['by x5t alone', { kid: undefined, x5t: NAMES.x5t }, 'crm/k2'],
    ['by x5t#S256 alone', { kid: undefined, 'x5t#S256': NAMES.x5tS256 }, 'crm/k2'],
    ['by a kid of its own beside a thumbprint that is known', { kid: NAMES.x5t, x5t: NAMES.x5t }, 'crm/k2'],
    ['by nothing, having two', { kid: undefined }, 'assertion_key_unknown'],
    ['by thumbprints that nobody has', { kid: undefined, x5t: 'eA', 'x5t#S256': 'eA' }, 'assertion_key_unknown'],
    ['by the thumbprint of the other sort', { kid: undefined, x5t: NAMES.x5tS256 }, 'assertion_key_unknown'],
    ['by the kid of its other key', { kid: 'k1', x5t: NAMES.x5t }, 'assertion_signature'],
  ])('%s', async (_how, header, outcome) => {
    const [first, second] = [await keyPair('ES256', 'k1'), await keyPair('ES256', 'k2')];
    const known = partner({ credentials: [credential(first), credential(second, NAMES)] });
    await expect(verify(known, assertion(second, {}, header))).resolves.toBe(outcome);
  });
});

describe('a client is refused', () => {
  it('when the signature is of another key', async () => {
    const jws = assertion(await keyPair('ES256', 'other'), {}, { kid: 'k1' });
    await expect(verify(await withKeys(), jws)).resolves.toBe('assertion_signature');
  });

  it.each(['header', 'payload', 'signature'])('when a letter of the %s was changed', async (part) => {
    const parts = assertion(await keyPair()).split('.');
    const at = ['header', 'payload', 'signature'].indexOf(part);
    const changed = [...parts];
    if (part === 'header') changed[0] = encodeJson({ alg: 'ES256', kid: 'k1', extra: 1 });
    else if (part === 'payload') changed[1] = encodeJson(assertionClaims({ jti: 'other' }));
    else changed[at] = `${parts[at]?.[0] === 'A' ? 'B' : 'A'}${parts[at]?.slice(1)}`;
    await expect(verify(await withKeys(), changed.join('.'))).resolves.toBe('assertion_signature');
  });

  it('with a signature of zeros (CVE-2022-21449)', async () => {
    const [header, payload] = assertion(await keyPair()).split('.');
    const jws = `${header}.${payload}.${base64url.encode(new Uint8Array(64))}`;
    await expect(verify(await withKeys(), jws)).resolves.toBe('assertion_signature');
  });

  it('with alg none, signed or not', async () => {
    const jws = signJws(await keyPair(), { alg: 'none', kid: 'k1' }, assertionClaims());
    const unsigned = `${encodeJson({ alg: 'none', kid: 'k1' })}.${encodeJson(assertionClaims())}.`;
    const known = await withKeys();
    expect([await verify(known, jws), await verify(known, unsigned)]).toEqual([
      'assertion_algorithm',
      'assertion_malformed',
    ]);
  });

  it('with an HMAC whose secret is its public key, as JSON or as PEM', async () => {
    const pair = await keyPair('RS256');
    const known = await withKeys('RS256');
    const pem = await exportSPKI(
      await crypto.subtle.importKey('jwk', pair.publicJwk, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, true, [
        'verify',
      ]),
    );
    const input = `${encodeJson({ alg: 'HS256', kid: 'k1' })}.${encodeJson(assertionClaims())}`;
    const outcomes = [JSON.stringify(pair.publicJwk), pem].map((secret) =>
      verify(known, `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`),
    );
    await expect(Promise.all(outcomes)).resolves.toEqual(['assertion_algorithm', 'assertion_algorithm']);
  });

  it('with a PS256 signature by a key registered for RS256, and the other way round', async () => {
    const [pkcs, pss] = [await keyPair('RS256'), await keyPair('PS256')];
    expect([
      await verify(await withKeys('RS256'), assertion({ ...pkcs, algorithm: 'PS256' })),
      await verify(await withKeys('PS256'), assertion({ ...pss, algorithm: 'RS256' })),
      await verify(await withKeys('RS256'), assertion({ ...pkcs, algorithm: 'PS256' }, {}, { alg: 'RS256' })),
    ]).toEqual(['assertion_algorithm', 'assertion_algorithm', 'assertion_signature']);
  });

  it('with an EC signature under a header that says RS256', async () => {
    const jws = assertion(await keyPair(), {}, { alg: 'RS256' });
    await expect(verify(await withKeys(), jws)).resolves.toBe('assertion_algorithm');
  });

  it('with a good signature by a key that the header brings along', async () => {
    const evil = await keyPair('ES256', 'evil');
    const embedded = { jwk: evil.publicJwk, x5c: ['MII'], jku: 'https://evil.example/jwks' };
    await expect(verify(await withKeys(), assertion(evil, {}, { kid: 'k1', ...embedded }))).resolves.toBe(
      'assertion_signature',
    );
  });

  it('with a DER signature, which is not the form of JOSE', async () => {
    const pair = await keyPair();
    const input = assertion(pair).split('.').slice(0, 2).join('.');
    const raw = signBytes(pair, input);
    const integer = (bytes: Uint8Array) => [0x02, 33, 0, ...bytes];
    const der = Uint8Array.from([0x30, 70, ...integer(raw.subarray(0, 32)), ...integer(raw.subarray(32))]);
    await expect(verify(await withKeys(), `${input}.${base64url.encode(der)}`)).resolves.toBe('assertion_signature');
  });

  it('when it is disabled, though all else is right', async () => {
    const known = { ...(await withKeys()), enabled: false };
    await expect(verify(known, assertion(await keyPair()))).resolves.toBe('client_disabled');
  });

  it.each<[Partial<PartnerCredential>, string]>([
    [{ notBefore: NOW + 1 }, 'credential_not_yet_valid'],
    [{ notBefore: NOW }, 'crm/k1'],
    [{ expiresAt: NOW }, 'credential_expired'],
    [{ expiresAt: NOW + 1 }, 'crm/k1'],
    [{ notBefore: NOW, expiresAt: NOW + 1 }, 'crm/k1'],
    [{ notBefore: NOW - 9, expiresAt: NOW - 1 }, 'credential_expired'],
    [{ source: 'document', expiresAt: NOW }, 'credential_expired'],
  ])('by a credential good within %j, to the second and whatever the tolerance: %s', async (changes, outcome) => {
    const pair = await keyPair();
    const known = partner({ credentials: [credential(pair, changes)] });
    await expect(verify(known, assertion(pair))).resolves.toBe(outcome);
  });

  it('for its signature before it is for the time of its credential, and for that before it is for being disabled', async () => {
    const pair = await keyPair();
    const known = partner({ enabled: false, credentials: [credential(pair, { expiresAt: NOW })] });
    expect([
      await verify(known, assertion(await keyPair('ES256', 'other'), {}, { kid: 'k1' })),
      await verify(known, assertion(pair)),
    ]).toEqual(['assertion_signature', 'credential_expired']);
  });

  it('for its signature before it is for being disabled, and for that before its claims', async () => {
    const known = { ...(await withKeys()), enabled: false };
    const expired = { exp: NOW - 1_000 };
    expect([
      await verify(known, assertion(await keyPair('ES256', 'other'), expired, { kid: 'k1' })),
      await verify(known, assertion(await keyPair(), expired)),
      await verify(await withKeys(), assertion(await keyPair(), expired)),
    ]).toEqual(['assertion_signature', 'client_disabled', 'assertion_expired']);
  });
});

describe('a refusal costs one signature check', () => {
  it.each(JWS_ALGORITHMS)('whoever the client is, under %s', async (algorithm) => {
    const pair = await keyPair(algorithm);
    const known = await withKeys(algorithm);
    const costs: [string, number][] = [];
    for (const [who, jws] of [
      [known, assertion(pair, { jti: 'changed' }).replace(/\.[^.]*$/, `.${assertion(pair).split('.')[2]}`)],
      [undefined, assertion(pair)],
      [known, assertion(pair, {}, { kid: 'unknown' })],
      [{ ...known, enabled: false }, assertion(pair)],
      [{ ...known, credentials: known.credentials.map((each) => ({ ...each, expiresAt: NOW })) }, assertion(pair)],
      [{ ...known, credentials: [] }, assertion(pair)],
    ] as const) {
      checks.mockClear();
      costs.push([await verify(who, jws), checks.mock.calls.length]);
    }
    expect(costs).toEqual([
      ['assertion_signature', 1],
      ['client_unknown', 1],
      ['assertion_key_unknown', 1],
      ['client_disabled', 1],
      ['credential_expired', 1],
      ['assertion_key_unknown', 1],
    ]);
  });

  it('also where the algorithm is not that of the key', async () => {
    const jws = assertion(await keyPair('RS256'));
    expect([await verify(await withKeys('ES256'), jws), checks.mock.calls.length]).toEqual(['assertion_algorithm', 1]);
  });

  it('or none, known or unknown, where no key could verify it', async () => {
    const jws = assertion(await keyPair(), {}, { alg: 'none' });
    await verify(await withKeys(), jws);
    await verify(undefined, jws);
    expect(checks).not.toHaveBeenCalled();
  });
});
