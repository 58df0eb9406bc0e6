import { createHmac, generateKeyPairSync } from 'node:crypto';
import { base64url } from 'jose';
import { describe, expect, it } from 'vitest';
import { PROOF_ALGORITHM_NAMES, type ProofRules, verifyDpopProof } from '../../functions/core/dpop-proof.ts';
import { type Result, refuse } from '../../functions/core/errors.ts';
import { encodeJson, keyPair, NOW, signTexts } from '../support/builders.ts';
import { dpopProof, proofClaims, proofHeader, TARGET, tokenHash } from '../support/dpop.ts';

const TOKEN = 'header.payload.signature';
const RULES: ProofRules = { method: 'GET', urls: [TARGET], toleranceSeconds: 5 };

const reasonOf = (result: Result<unknown>): string => {
  if (result.ok) return 'accepted';
  const { refusal } = result;
  return 'detail' in refusal ? `${refusal.reason}: ${refusal.detail}` : refusal.reason;
};
const outcomeOf = async (proof: string, rules: Partial<ProofRules> = {}, now = NOW): Promise<string> =>
  reasonOf(await verifyDpopProof(proof, { ...RULES, ...rules }, now));
const withClaims = async (claims: object, rules: Partial<ProofRules> = {}) =>
  outcomeOf(dpopProof(await keyPair(), claims), rules);
const withHeader = async (header: object) => outcomeOf(dpopProof(await keyPair(), {}, header));

describe('a proof', () => {
  it('is accepted, and says whose it is and for how long it has to be remembered', async () => {
    const pair = await keyPair();
    expect(await verifyDpopProof(dpopProof(pair), RULES, NOW)).toEqual({
      ok: true,
      value: { jkt: pair.thumbprint, jti: 'proof-1', issuedAt: NOW, forgetAfter: NOW + 65 },
    });
  });

  it.each(PROOF_ALGORITHM_NAMES)('may be signed with %s', async (alg) => {
    const algorithm = alg === 'Ed25519' ? 'EdDSA' : (alg as 'ES256');
    expect(await outcomeOf(dpopProof(await keyPair(algorithm), {}, { alg }))).toBe('accepted');
  });

  it('may be signed with the algorithms that are named, and those are asymmetric and fit into a header', () => {
    expect(PROOF_ALGORITHM_NAMES).toEqual(['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']);
  });

  it('has room for the largest RSA key and its signature', async () => {
    const jwk = { kty: 'RSA', e: 'AQAB', n: base64url.encode(new Uint8Array(1_024).fill(0xff)) };
    const claims = proofClaims({ jti: 'j'.repeat(64), nonce: 'n'.repeat(27), ath: tokenHash(TOKEN) });
    const input = `${encodeJson({ typ: 'dpop+jwt', alg: 'RS256', jwk })}.${encodeJson(claims)}`;
    // Nobody has that key; what counts is that its proof is looked at.
    expect(await outcomeOf(`${input}.${base64url.encode(new Uint8Array(1_024))}`)).toBe('dpop_signature');
  });
});

describe('RFC 9449 4.3, item 1 and 2: one well-formed JWT', async () => {
  const good = dpopProof(await keyPair());
  const [h = '', p = '', s = ''] = good.split('.');
  it.each([
    ['nothing', '', 'not a compact JWS'],
    ['two headers', `${good},${good}`, 'several proofs'],
    ['two headers with a blank between', `${good}, ${good}`, 'several proofs'],
    ['a comma behind', `${good},`, 'several proofs'],
    ['two parts', `${h}.${p}`, 'not a compact JWS'],
    ['four parts', `${good}.${s}`, 'not a compact JWS'],
    ['the parts of a JWE', `${h}.${p}.${s}.${s}.${s}`, 'not a compact JWS'],
    ['no signature', `${h}.${p}.`, 'not a compact JWS'],
    ['a padded signature', `${good}=`, 'not a compact JWS'],
    ['a blank before', ` ${good}`, 'not JSON'],
    ['a line break behind', `${good}\n`, 'not a compact JWS'],
    ['a header that is a list', `${encodeJson([])}.${p}.${s}`, 'not JSON'],
    ['claims that are text', `${h}.${encodeJson('x')}.${s}`, 'not JSON'],
    ['claims that are no JSON', `${h}.${base64url.encode('{')}.${s}`, 'not JSON'],
  ])('is none: %s', async (_what, proof, detail) => {
    expect(await outcomeOf(proof)).toBe(`dpop_malformed: ${detail}`);
  });

  it('has 4,096 characters at most', async () => {
    const pair = await keyPair();
    const padded = (length: number) => dpopProof(pair, { more: 'x'.repeat(length) });
    const room = Array.from({ length: 3_000 }, (_, length) => length).findLast((n) => padded(n).length <= 4_096) ?? 0;
    expect([await outcomeOf(padded(room)), await outcomeOf(padded(room + 3))]).toEqual([
      'accepted',
      'dpop_malformed: too long',
    ]);
  });
});

describe('RFC 9449 4.3, item 3: the claims', () => {
  it.each([
    ...[undefined, null, '', 1, ['j'], 'j'.repeat(257)].map((jti) => ({ jti })),
    ...[undefined, null, '', 1].map((htm) => ({ htm })),
    ...[undefined, null, '', 1, [TARGET]].map((htu) => ({ htu })),
    ...[undefined, null, '', String(NOW), -1, 2 ** 54, [NOW]].map((iat) => ({ iat })),
    ...[null, '', 1, ['n']].map((nonce) => ({ nonce })),
    ...[null, '', 1].map((ath) => ({ ath })),
  ])('are refused with %j', async (claims) => {
    expect(await withClaims(claims)).toBe(`dpop_malformed: ${Object.keys(claims)[0]}`);
  });

  it.each(['1e400', '-0.1'])('are refused where iat is %s', async (iat) => {
    const pair = await keyPair();
    const payload = JSON.stringify(proofClaims({ iat: 0 })).replace('"iat":0', `"iat":${iat}`);
    expect(await outcomeOf(signTexts(pair, JSON.stringify(proofHeader(pair)), payload))).toBe('dpop_malformed: iat');
  });

  it('may have the longest jti, fractions of seconds and others that nobody knows', async () => {
    expect(await withClaims({ jti: 'j'.repeat(256), iat: NOW + 0.5, exp: 1, aud: 'x' })).toBe('accepted');
  });
});

describe('RFC 9449 4.3, item 4: the type', () => {
  it.each([undefined, null, '', 'JWT', 'at+jwt', 'DPoP+JWT', 'dpop+jwt ', 'application/dpop+jwt', 1, ['dpop+jwt']])(
    'is not %j',
    async (typ) => {
      expect(await withHeader({ typ })).toBe('dpop_malformed: typ');
    },
  );
});

describe('RFC 9449 4.3, item 5: the algorithm', () => {
  it.each([
    undefined,
    null,
    'none',
    'None',
    'HS256',
    'HS512',
    'es256',
    'ES256K',
    'RS1',
    'RS512',
    'ML-DSA-44',
    'dir',
    '',
    1,
    '__proto__',
    'constructor',
  ])('is not %j', async (alg) => {
    expect(await withHeader({ alg })).toBe('dpop_malformed: alg');
  });

  it('is never an HMAC under the public key', async () => {
    const pair = await keyPair('RS256');
    const input = `${encodeJson(proofHeader(pair, { alg: 'HS256' }))}.${encodeJson(proofClaims())}`;
    const mac = createHmac('sha256', JSON.stringify(pair.publicJwk)).update(input).digest('base64url');
    expect(await outcomeOf(`${input}.${mac}`)).toBe('dpop_malformed: alg');
  });

  it.each([{ crit: ['b64'], b64: false }, { crit: [] }, { crit: ['exp'] }, { b64: true }, { b64: null }])(
    'comes with no extension: %j',
    async (header) => {
      expect(await withHeader(header)).toBe('dpop_malformed: critical header');
    },
  );
});

describe('RFC 9449 4.3, item 6: the signature', () => {
  it('is by the key in the header, and by no other', async () => {
    const { publicJwk } = await keyPair('ES256', 'other');
    expect(await withHeader({ jwk: publicJwk })).toBe('dpop_signature');
  });

  it('is of the algorithm that the header names', async () => {
    const pair = await keyPair('RS256');
    expect(await outcomeOf(dpopProof(pair, {}, { alg: 'PS256' }))).toBe('dpop_signature');
  });

  it('is over these claims', async () => {
    const [h, , s] = dpopProof(await keyPair()).split('.');
    expect(await outcomeOf(`${h}.${encodeJson(proofClaims({ jti: 'other' }))}.${s}`)).toBe('dpop_signature');
  });
});

describe('RFC 9449 4.3, item 7: the key', () => {
  it.each([undefined, null, 'jwk', [], 1])('is no %j', async (jwk) => {
    expect(await withHeader({ jwk })).toBe('dpop_malformed: jwk');
  });

  it.each([
    ['a private member', { d: 'AQAB' }, 'key_exposed'],
    ['a private member of RSA', { p: 'AQAB' }, 'key_exposed'],
    ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0' }, 'key_exposed'],
    ['another curve', { crv: 'P-384' }, 'key_unsupported'],
    ['a curve that nobody here knows', { crv: 'secp256k1' }, 'key_unsupported'],
    ['a kind that does not fit the algorithm', { kty: 'RSA' }, 'key_unsupported'],
    ['a use that is not signing', { use: 'enc' }, 'key_unsupported'],
    ['operations beyond verifying', { key_ops: ['sign'] }, 'key_unsupported'],
    ['no y', { y: undefined }, 'key_malformed'],
    ['a point off the curve', { x: base64url.encode(new Uint8Array(32).fill(1)) }, 'key_malformed'],
    ['a padded coordinate', { x: `${base64url.encode(new Uint8Array(32))}=` }, 'key_malformed'],
    ['another algorithm', { alg: 'ES384' }, 'alg'],
    ['an algorithm that is no text', { alg: null }, 'alg'],
  ])('has not %s', async (_what, change, detail) => {
    const { publicJwk } = await keyPair();
    expect(await withHeader({ jwk: { ...publicJwk, ...change } })).toBe(`dpop_key: ${detail}`);
  });

  it('is none for which anybody can sign', async () => {
    const smallOrder = {
      kty: 'OKP',
      crv: 'Ed25519',
      x: base64url.encode(new Uint8Array([1, ...new Array(31).fill(0)])),
    };
    expect(await withHeader({ alg: 'EdDSA', jwk: smallOrder })).toBe('dpop_key: key_weak');
  });

  it('is no short RSA key', async () => {
    const jwk = generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey.export({ format: 'jwk' });
    expect(await withHeader({ alg: 'RS256', jwk })).toBe('dpop_key: key_weak');
  });

  it('is told by its material alone, whatever stands beside it', async () => {
    const pair = await keyPair();
    const jwk = { ...pair.publicJwk, alg: 'ES256', use: 'sig', key_ops: ['verify'], kid: 'mine', ext: true };
    const result = await verifyDpopProof(dpopProof(pair, {}, { jwk }), RULES, NOW);
    expect(result).toMatchObject({ ok: true, value: { jkt: pair.thumbprint } });
  });
});

describe('RFC 9449 4.3, item 8 and 9: the request', () => {
  it.each(['POST', 'get', 'GET ', 'HEAD'])('has not the method %j', async (htm) => {
    expect(await verifyDpopProof(dpopProof(await keyPair(), { htm }), RULES, NOW)).toEqual(
      refuse({ reason: 'dpop_method', expected: 'GET' }),
    );
  });

  it.each(['https://api.example.com/', `${TARGET}/`, `${TARGET}/x`, 'https://api.example.com/who', '/whoami', 'x'])(
    'has not the URI %j',
    async (htu) => {
      expect(await verifyDpopProof(dpopProof(await keyPair(), { htu }), RULES, NOW)).toEqual(
        refuse({ reason: 'dpop_url', expected: TARGET }),
      );
    },
  );

  it('has any of the names of the resource, and its own query and fragment', async () => {
    const urls = ['http://127.0.0.1:8787/whoami', TARGET];
    expect(await withClaims({ htu: `${TARGET}?a=b#c` }, { urls })).toBe('accepted');
    expect(await withClaims({ htu: 'http://127.0.0.1:8787/whoami' }, { urls })).toBe('accepted');
    expect(await withClaims({ htu: 'http://127.0.0.1/whoami' }, { urls })).toBe('dpop_url');
    expect(await withClaims({}, { urls: [] })).toBe('dpop_url');
  });
});

describe('RFC 9449 4.3, item 10: the nonce', () => {
  const accepted = ['current-nonce', 'earlier-nonce'];
  it.each([
    ['needed and current', true, 'current-nonce', 'accepted'],
    ['needed and the one before', true, 'earlier-nonce', 'accepted'],
    ['needed and missing', true, undefined, 'dpop_nonce'],
    ['needed and of another time', true, 'ancient-nonce', 'dpop_nonce'],
    ['needed and cut short', true, 'current', 'dpop_nonce'],
    ['not needed and missing', false, undefined, 'accepted'],
    ['not needed and current', false, 'current-nonce', 'accepted'],
    ['not needed, and there all the same, but of another time', false, 'ancient-nonce', 'dpop_nonce'],
  ])('that is %s', async (_what, required, nonce, outcome) => {
    expect(await withClaims({ nonce }, { nonces: { accepted, required } })).toBe(outcome);
  });

  it('is ignored by a server that gives none', async () => {
    expect(await withClaims({ nonce: 'of the token endpoint' })).toBe('accepted');
  });

  it('is asked for before the time is looked at, since a client without a right clock needs it', async () => {
    expect(await withClaims({ iat: 0 }, { nonces: { accepted, required: true } })).toBe('dpop_nonce');
  });
});

describe('RFC 9449 4.3, item 11: the time', () => {
  it.each([
    [-65, 'accepted'],
    [-66, 'dpop_untimely'],
    [-3_600, 'dpop_untimely'],
    [0, 'accepted'],
    [5, 'accepted'],
    [5.5, 'dpop_untimely'],
    [6, 'dpop_untimely'],
    [3_600, 'dpop_untimely'],
  ])('is within the window at %d s from now: %s', async (offset, outcome) => {
    expect(await withClaims({ iat: NOW + offset })).toBe(outcome);
  });

  it.each([0, 0.5])('ends when the proof is forgotten, not before: %d', async (fraction) => {
    const proof = dpopProof(await keyPair(), { iat: NOW + fraction });
    const result = await verifyDpopProof(proof, RULES, NOW + 1);
    const forgetAfter = result.ok ? result.value.forgetAfter : 0;
    expect([await outcomeOf(proof, {}, forgetAfter), await outcomeOf(proof, {}, forgetAfter + 1)]).toEqual([
      fraction === 0 ? 'accepted' : 'dpop_untimely',
      'dpop_untimely',
    ]);
  });
});

describe('RFC 9449 4.3, item 12: the token', () => {
  it.each([
    ['of the token', tokenHash(TOKEN), 'accepted'],
    ['of another token', tokenHash('x'), 'dpop_token_hash'],
    ['that is missing', undefined, 'dpop_token_hash'],
    ['in hexadecimal', Buffer.from(tokenHash(TOKEN), 'base64url').toString('hex'), 'dpop_token_hash'],
    ['with padding', `${tokenHash(TOKEN)}=`, 'dpop_token_hash'],
    ['that is the token itself', TOKEN, 'dpop_token_hash'],
  ])('hash %s', async (_what, ath, outcome) => {
    expect(await withClaims({ ath }, { accessToken: TOKEN })).toBe(outcome);
  });

  it('needs no hash where there is no token', async () => {
    expect(await withClaims({ ath: tokenHash(TOKEN) })).toBe('accepted');
  });
});
