import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ProofRules, verifyDpopProof } from '../../functions/core/dpop-proof.ts';
import { keyPair, NOW, signTexts } from '../support/builders.ts';
import { dpopProof, proofClaims, proofHeader, TARGET, tokenHash } from '../support/dpop.ts';

const TOKEN = 'header.payload.signature';
const NONCE = 'current-nonce';
const RULES: ProofRules = {
  method: 'GET',
  urls: [TARGET],
  nonces: { accepted: [NONCE], required: true },
  accessToken: TOKEN,
  toleranceSeconds: 5,
};
const GOOD = { nonce: NONCE, ath: tokenHash(TOKEN) };

const passes = async (proof: string): Promise<boolean> => (await verifyDpopProof(proof, RULES, NOW)).ok;
const CHARACTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=, '];

describe('a proof that was tampered with', () => {
  it.each(['ES256', 'EdDSA', 'RS256'] as const)(
    'never passes, whatever character was changed (%s)',
    async (algorithm) => {
      const proof = dpopProof(await keyPair(algorithm), GOOD);
      expect(await passes(proof)).toBe(true);
      const change = fc.tuple(fc.nat(proof.length - 1), fc.constantFrom(...CHARACTERS));
      await fc.assert(
        fc.asyncProperty(change, async ([at, character]) => {
          fc.pre(proof[at] !== character);
          expect(await passes(proof.slice(0, at) + character + proof.slice(at + 1))).toBe(false);
        }),
        { numRuns: 300 },
      );
    },
  );

  it('never passes with something inserted, left out or doubled', async () => {
    const proof = dpopProof(await keyPair(), GOOD);
    const edit = fc.record({
      at: fc.nat(proof.length),
      dropped: fc.nat(40),
      inserted: fc.string({ maxLength: 10 }),
    });
    await fc.assert(
      fc.asyncProperty(edit, async ({ at, dropped, inserted }) => {
        const edited = proof.slice(0, at) + inserted + proof.slice(at + dropped);
        fc.pre(edited !== proof);
        expect(await passes(edited)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('never passes made of the parts of two good ones', async () => {
    const [one, other] = [
      dpopProof(await keyPair(), GOOD),
      dpopProof(await keyPair('ES256', 'other'), { ...GOOD, jti: 'x' }),
    ];
    const parts = [one.split('.'), other.split('.')];
    for (const mix of [1, 2, 3, 4, 5, 6]) {
      expect(await passes([0, 1, 2].map((index) => parts[(mix >> index) & 1]?.[index]).join('.'))).toBe(false);
    }
  });
});

describe('a signed proof with one member that is anything', () => {
  const members = ['typ', 'alg', 'jwk', 'crit', 'b64', 'kid', 'jti', 'htm', 'htu', 'iat', 'nonce', 'ath'];
  /** Members that nobody asks for, or of which more than one value is right. */
  const free = ['kid', 'jti', 'iat'];

  it('is judged without an exception, and passes with its right value only', async () => {
    const pair = await keyPair();
    const value = fc.oneof(fc.jsonValue(), fc.string(), fc.constantFrom('__proto__', 'constructor', -0, 1e308));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...members), value, async (member, changed) => {
        const header = proofHeader(pair);
        const claims = proofClaims(GOOD);
        const part = member in claims ? claims : header;
        Object.assign(part, { [member]: changed });
        const isPassed = await passes(signTexts(pair, JSON.stringify(header), JSON.stringify(claims)));
        if (!free.includes(member)) expect(isPassed).toBe(false);
      }),
      { numRuns: 400 },
    );
  });

  it('is judged without an exception, whatever members its key has', async () => {
    const pair = await keyPair();
    const jwk = fc.dictionary(
      fc.constantFrom('kty', 'crv', 'x', 'y', 'n', 'e', 'd', 'k', 'alg', 'use', 'key_ops', 'kid', 'x5c', '__proto__'),
      fc.oneof(fc.jsonValue(), fc.constantFrom('EC', 'RSA', 'OKP', 'AKP', 'oct', 'P-256', 'Ed25519', 'AQAB')),
    );
    await fc.assert(
      fc.asyncProperty(jwk, fc.constantFrom('ES256', 'RS256', 'EdDSA', 'ES512'), async (key, alg) => {
        const header = JSON.stringify(proofHeader(pair, { jwk: key, alg }));
        expect(await passes(signTexts(pair, header, JSON.stringify(proofClaims(GOOD))))).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

describe('what is no proof at all', () => {
  it('is refused without an exception', async () => {
    const text = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.array(fc.base64String({ maxLength: 60 }), { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.')),
    );
    await fc.assert(
      fc.asyncProperty(text, async (header) => {
        expect(await passes(header)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
