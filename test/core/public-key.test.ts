import { generateKeyPairSync } from 'node:crypto';
import { base64url, type JWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { JWS_ALGORITHMS } from '../../functions/core/algorithms.ts';
import { parsePublicKey } from '../../functions/core/public-key.ts';
import { keyPair, NOW } from '../support/builders.ts';

const parse = (jwk: Record<string, unknown>) => parsePublicKey(jwk, '/jwks/keys/0', NOW);
const detailOf = async (jwk: Record<string, unknown>): Promise<string> => {
  const result = await parse(jwk);
  return result.ok ? `accepted as ${result.value.algorithm}` : result.refusal.detail;
};
const codeOf = async (jwk: Record<string, unknown>): Promise<string> => {
  const result = await parse(jwk);
  return result.ok ? 'accepted' : result.refusal.code;
};
const rsaOf = (bits: number, exponent = 65_537): JWK =>
  generateKeyPairSync('rsa', { modulusLength: bits, publicExponent: exponent }).publicKey.export({
    format: 'jwk',
  }) as JWK;
const octets = (...bytes: number[]): string => base64url.encode(Uint8Array.from(bytes));
const withZero = (member: string | undefined, count = 1): string =>
  base64url.encode(Uint8Array.from([...new Uint8Array(count), ...base64url.decode(member ?? '')]));

/** A second spelling of the same 256 octets: the last of 342 letters carries two bits only. */
const withUnusedBit = (member = ''): string =>
  `${member.slice(0, -1)}${String.fromCharCode(member.charCodeAt(member.length - 1) + 1)}`;

let rsa: JWK;
let ec: JWK;
let ed: JWK;
beforeAll(async () => {
  rsa = (await keyPair('RS256')).publicJwk;
  ec = (await keyPair('ES256')).publicJwk;
  ed = (await keyPair('EdDSA')).publicJwk;
});

describe('a good public key', () => {
  it.each(JWS_ALGORITHMS)('of %s is registered with its members and nothing else', async (algorithm) => {
    const { publicJwk, thumbprint } = await keyPair(algorithm);
    const sent = {
      ...publicJwk,
      alg: algorithm,
      kid: 'mine',
      use: 'sig',
      key_ops: ['verify'],
      x5t: 'dGh1bWI',
      note: 'x',
    };
    await expect(parse(sent)).resolves.toEqual({
      ok: true,
      value: { kid: 'mine', algorithm, jwk: publicJwk, thumbprint, addedAt: NOW },
    });
  });

  it.each(['RS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const)('without alg is one of %s', async (algorithm) => {
    const { publicJwk } = await keyPair(algorithm);
    await expect(detailOf({ ...publicJwk })).resolves.toBe(`accepted as ${algorithm}`);
  });

  it('is PS256 only where it says so', async () => {
    await expect(detailOf({ ...rsa, alg: 'PS256' })).resolves.toBe('accepted as PS256');
  });

  it.each(['EdDSA', 'Ed25519'])('of Ed25519 may call its algorithm %s', async (alg) => {
    await expect(detailOf({ ...ed, alg })).resolves.toBe('accepted as EdDSA');
  });

  it('is known by its thumbprint where it has no kid (RFC 7638)', async () => {
    const { thumbprint } = await keyPair('ES256');
    const outcomes = await Promise.all([
      parse({ ...ec }),
      parse({ ...ec, kid: undefined }),
      parse({ ...ec, kid: null }),
    ]);
    expect(outcomes.map((result) => result.ok && result.value.kid)).toEqual([thumbprint, thumbprint, thumbprint]);
  });

  it('has the thumbprint of the example in RFC 7638 3.1', async () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
    const result = await parse({ kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' });
    expect(result.ok && result.value.thumbprint).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
  });

  it('may have 8192 bits or an exponent of eight octets', async () => {
    const large = octets(...new Array<number>(1_024).fill(255));
    await expect(detailOf({ kty: 'RSA', e: 'AQAB', n: large })).resolves.toBe('accepted as RS256');
    await expect(detailOf({ ...rsa, e: octets(0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) })).resolves.toBe(
      'accepted as RS256',
    );
  });
});

describe('private or symmetric key material', () => {
  it.each(JWS_ALGORITHMS)('of %s is refused with the advice to give it up', async (algorithm) => {
    const { privateKey } = await keyPair(algorithm);
    const jwk = await crypto.subtle.exportKey('jwk', privateKey);
    await expect(detailOf({ ...jwk, key_ops: undefined })).resolves.toMatch(/treat this key as exposed/);
  });

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv', 'seed'])(
    'is seen by the member %s alone',
    async (name) => {
      await expect(detailOf({ ...rsa, [name]: 'AQAB' })).resolves.toMatch(/exposed/);
      await expect(detailOf({ ...rsa, [name]: null })).resolves.toMatch(/exposed/);
    },
  );

  it('is a secret of kty oct', async () => {
    await expect(detailOf({ kty: 'oct', k: 'c2VjcmV0' })).resolves.toMatch(/exposed/);
    await expect(detailOf({ kty: 'oct' })).resolves.toMatch(/exposed/);
  });
});

describe('a weak RSA key', () => {
  it.each([512, 1_024, 2_040])('of %i bits is refused', async (bits) => {
    await expect(detailOf({ ...rsaOf(bits) })).resolves.toBe('an RSA key has 2048 to 8192 bits');
  });

  it('of 2047 bits is refused', async () => {
    const n = base64url.decode(rsa.n ?? '');
    n[0] = (n[0] ?? 0) & 0x7f;
    await expect(detailOf({ ...rsa, n: base64url.encode(n) })).resolves.toBe('an RSA key has 2048 to 8192 bits');
  });

  it('of 8193 bits is refused', async () => {
    await expect(detailOf({ ...rsa, n: octets(1, ...new Array<number>(1_024).fill(255)) })).resolves.toBe(
      'an RSA key has 2048 to 8192 bits',
    );
  });

  it.each([1, 129, 256])('does not become long by %i leading zeros', async (count) => {
    const { n } = rsaOf(1_024);
    await expect(detailOf({ kty: 'RSA', e: 'AQAB', n: withZero(n, count) })).resolves.toBe(
      'n and e have no leading zero octets',
    );
  });

  it.each([
    ['0', octets(0), 'n and e have no leading zero octets'],
    ['1', octets(1), 'the RSA exponent must be odd and at least 65537'],
    ['3', octets(3), 'the RSA exponent must be odd and at least 65537'],
    ['17', octets(17), 'the RSA exponent must be odd and at least 65537'],
    ['65535', octets(0xff, 0xff), 'the RSA exponent must be odd and at least 65537'],
    ['65536', octets(1, 0, 0), 'the RSA exponent must be odd and at least 65537'],
    ['65538', octets(1, 0, 2), 'the RSA exponent must be odd and at least 65537'],
    ['of nine octets', octets(1, 0, 0, 0, 0, 0, 0, 0, 1), 'the RSA exponent must be odd and at least 65537'],
    ['65537 with a leading zero', octets(0, 1, 0, 1), 'n and e have no leading zero octets'],
  ])('with the exponent %s is refused', async (_what, e, detail) => {
    await expect(detailOf({ ...rsa, e })).resolves.toBe(detail);
  });
});

describe('a weak Ed25519 key', () => {
  it.each([
    ['the neutral element', octets(1, ...new Array<number>(31).fill(0))],
    ['y = 0', octets(...new Array<number>(32).fill(0))],
    ['a point of order 8', 'xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o'],
  ])('is refused: %s', async (_what, x) => {
    await expect(detailOf({ ...ed, x })).resolves.toMatch(/of small order/);
  });
});

describe('the code of a problem', () => {
  it.each<[string, () => Record<string, unknown>]>([
    ['key_exposed', () => ({ ...rsa, d: 'AQAB' })],
    ['key_exposed', () => ({ kty: 'oct', k: 'c2VjcmV0' })],
    ['key_weak', () => ({ ...rsaOf(1_024) })],
    ['key_weak', () => ({ ...rsa, e: octets(3) })],
    ['key_weak', () => ({ ...ed, x: octets(...new Array<number>(32).fill(0)) })],
    ['key_unsupported', () => ({ ...ec, use: 'enc' })],
    ['key_malformed', () => ({ ...rsa, n: withZero(rsa.n) })],
  ])('is %s', async (code, jwk) => {
    await expect(codeOf(jwk())).resolves.toBe(code);
  });
});

describe('a key that is not what it says', () => {
  const KIND = 'kty, crv and alg are not those of a supported signature algorithm';
  const MEMBER = 'a member of the key is missing, or not base64url as RFC 7515 2 spells it';
  const INVALID = 'the key is not a valid public key of its kind';
  const [UNSUPPORTED, MALFORMED] = ['key_unsupported', 'key_malformed'];
  const bad: [string, () => Record<string, unknown>, string][] = [
    ['no kty', () => ({ ...ec, kty: undefined }), KIND],
    ['kty in small letters', () => ({ ...rsa, kty: 'rsa' }), KIND],
    ['kty that is a list', () => ({ ...rsa, kty: ['RSA'] }), KIND],
    ['kty that cannot be text', () => ({ ...rsa, kty: { toString: 1 } }), KIND],
    ['an unknown curve', () => ({ ...ec, crv: 'P-192' }), KIND],
    ['the curve of Bitcoin', () => ({ ...ec, crv: 'secp256k1' }), KIND],
    ['no curve', () => ({ ...ec, crv: undefined }), KIND],
    ['a curve on an RSA key', () => ({ ...rsa, crv: 'P-256' }), KIND],
    ['a key for encryption by curve', () => ({ ...ed, crv: 'X25519' }), KIND],
    ['Ed448', () => ({ ...ed, crv: 'Ed448' }), KIND],
    ['an RSA key for ES256', () => ({ ...rsa, alg: 'ES256' }), KIND],
    ['an EC key for RS256', () => ({ ...ec, alg: 'RS256' }), KIND],
    ['a P-256 key for ES384', () => ({ ...ec, alg: 'ES384' }), KIND],
    ['an RSA key for encryption', () => ({ ...rsa, alg: 'RSA-OAEP-256' }), KIND],
    ['RS512', () => ({ ...rsa, alg: 'RS512' }), KIND],
    ['RS1', () => ({ ...rsa, alg: 'RS1' }), KIND],
    ['none', () => ({ ...rsa, alg: 'none' }), KIND],
    ['HS256', () => ({ ...rsa, alg: 'HS256' }), KIND],
    ['alg null', () => ({ ...rsa, alg: null }), KIND],
    ['alg of a prototype', () => ({ ...rsa, alg: 'constructor' }), KIND],
    ['an AKP key without alg', () => ({ kty: 'AKP', pub: 'AAAA' }), KIND],
    ['an AKP key for ES256', () => ({ kty: 'AKP', alg: 'ES256', pub: 'AAAA' }), KIND],
    ['use enc', () => ({ ...ec, use: 'enc' }), 'use must be "sig"'],
    ['use null', () => ({ ...ec, use: null }), 'use must be "sig"'],
    ['key_ops sign', () => ({ ...ec, key_ops: ['sign'] }), 'key_ops must be ["verify"]'],
    ['key_ops sign and verify', () => ({ ...ec, key_ops: ['sign', 'verify'] }), 'key_ops must be ["verify"]'],
    ['key_ops empty', () => ({ ...ec, key_ops: [] }), 'key_ops must be ["verify"]'],
    ['key_ops as text', () => ({ ...ec, key_ops: 'verify' }), 'key_ops must be ["verify"]'],
    ['key_ops within a list', () => ({ ...ec, key_ops: [['verify']] }), 'key_ops must be ["verify"]'],
    ['key_ops that cannot be text', () => ({ ...ec, key_ops: [{ toString: 1 }] }), 'key_ops must be ["verify"]'],
    ['no n', () => ({ ...rsa, n: undefined }), MEMBER],
    ['no e', () => ({ ...rsa, e: undefined }), MEMBER],
    ['an empty n', () => ({ ...rsa, n: '' }), MEMBER],
    ['e as a number', () => ({ ...rsa, e: 65_537 }), MEMBER],
    ['n with padding', () => ({ ...rsa, n: `${rsa.n}==` }), MEMBER],
    ['n with a line break', () => ({ ...rsa, n: `${rsa.n}\n` }), MEMBER],
    ['n in plain base64', () => ({ ...rsa, n: `+/${rsa.n?.slice(2)}` }), MEMBER],
    ['n with unused bits set', () => ({ ...rsa, n: withUnusedBit(rsa.n) }), MEMBER],
    ['no y', () => ({ ...ec, y: undefined }), MEMBER],
    ['x with a blank', () => ({ ...ec, x: ` ${ec.x}` }), MEMBER],
    ['x with padding', () => ({ ...ec, x: `${ec.x}=` }), MEMBER],
    ['x with a leading zero too many', () => ({ ...ec, x: withZero(ec.x) }), 'x and y have 32 octets each'],
    ['a short y', () => ({ ...ec, y: octets(1, 2, 3) }), 'x and y have 32 octets each'],
    ['a point off the curve', () => ({ ...ec, y: ec.x }), INVALID],
    [
      'the point 0,0',
      () => ({ ...ec, x: octets(...new Array<number>(32).fill(0)), y: octets(...new Array<number>(32).fill(0)) }),
      INVALID,
    ],
    ['an Ed25519 key that is short', () => ({ ...ed, x: octets(1, 2, 3) }), INVALID],
    ['an Ed25519 key that is no point', () => ({ ...ed, x: octets(2, ...new Array<number>(31).fill(0)) }), INVALID],
    ['an Ed25519 key above the prime', () => ({ ...ed, x: octets(...new Array<number>(32).fill(255)) }), INVALID],
    ['an ML-DSA key that is short', () => ({ kty: 'AKP', alg: 'ML-DSA-44', pub: octets(1, 2, 3) }), INVALID],
    ['an empty kid', () => ({ ...ec, kid: '' }), 'kid is not a short string'],
    ['a long kid', () => ({ ...ec, kid: 'x'.repeat(129) }), 'kid is not a short string'],
    ['a kid that is a number', () => ({ ...ec, kid: 1 }), 'kid is not a short string'],
    ['a kid that is half a character', () => ({ ...ec, kid: '\ud83d' }), 'kid is not a short string'],
  ];

  it.each(bad)('is refused: %s', async (_what, jwk, detail) => {
    const code = detail === KIND || detail.startsWith('use') || detail.startsWith('key_ops') ? UNSUPPORTED : MALFORMED;
    await expect(parse(jwk())).resolves.toEqual({ ok: false, refusal: { pointer: '/jwks/keys/0', detail, code } });
  });

  it('is refused as a whole where it is empty', async () => {
    await expect(detailOf({})).resolves.toBe(KIND);
  });
});
