import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { challenge } from '../../sdk/challenge.ts';
import { VerificationError } from '../../sdk/verification-error.ts';
import type { VerifierOptions, VerifyOptions } from '../../sdk/verifier.ts';
import { keyPair } from '../support/builders.ts';
import { requestOf, signingKey, tokenOf, verifierWorld } from './verifier-world.ts';

const refusalOf = async (request: Request, options: Partial<VerifierOptions> = {}, asked: VerifyOptions = {}) => {
  const error: unknown = await (await verifierWorld())
    .verifier(options)
    .verify(request, asked)
    .catch((each: unknown) => each);
  if (error instanceof VerificationError) return error;
  throw new Error('it was not refused');
};

const METADATA = 'https://api.example.com/.well-known/oauth-protected-resource';
const ALGS = 'algs="ES256 ES384 ES512 EdDSA Ed25519 RS256 PS256"';

describe('the challenge', () => {
  it('of a request without a token names no error, and all schemes (RFC 6750 3.1, RFC 9449 7.2, RFC 9728 5.1)', async () => {
    const refused = await refusalOf(requestOf(undefined), { realm: 'api', resourceMetadata: METADATA });
    expect(refused.status).toBe(401);
    expect(refused.challenge()).toBe(
      `Bearer realm="api", resource_metadata="${METADATA}", DPoP realm="api", resource_metadata="${METADATA}", ${ALGS}`,
    );
  });

  it('of a token that is no good is under the scheme that it came by', async () => {
    const refused = await refusalOf(requestOf('Bearer a.b.c'));
    expect(refused.status).toBe(401);
    expect(refused.challenge()).toBe(
      'Bearer error="invalid_token", error_description="The access token is not valid here."',
    );
    expect(refused.headers()).toEqual({ 'www-authenticate': refused.challenge(), 'cache-control': 'no-store' });
  });

  it('of a missing scope says which ones are needed', async () => {
    const request = requestOf(`Bearer ${tokenOf(await signingKey())}`);
    const refused = await refusalOf(request, { scopes: ['read'] }, { scopes: ['admin'] });
    expect(refused.status).toBe(403);
    expect(refused.challenge()).toMatch(/^Bearer error="insufficient_scope", .*, scope="read admin"$/);
  });

  it('of a bound token without proof names DPoP and its algorithms', async () => {
    const { thumbprint: jkt } = await keyPair('ES256', 'client');
    const token = tokenOf(await signingKey(), { cnf: { jkt } });
    expect((await refusalOf(requestOf(`Bearer ${token}`))).challenge()).toMatch(
      /^DPoP error="invalid_token", .*algs="/,
    );
    const refused = await refusalOf(requestOf(`DPoP ${token}`));
    expect([refused.status, refused.challenge()]).toEqual([
      401,
      expect.stringMatching(/^DPoP error="invalid_dpop_proof", error_description="[^"]+", algs="ES256 /),
    ]);
  });

  it('of a request that cannot be read is 400', async () => {
    expect((await refusalOf(requestOf('Bearer a b'))).status).toBe(400);
  });

  it('is a scheme alone where there is nothing to say', () => {
    expect(challenge()).toBe('Bearer, DPoP');
  });

  it('cannot be broken out of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const value = challenge({ schemes: ['Bearer'], realm: text, errorDescription: text });
        expect(value).toMatch(/^Bearer(?: realm="[^"\\\p{Cc}]*", error_description="[^"\\\p{Cc}]*")?$/u);
        expect(new Headers({ 'www-authenticate': value }).get('www-authenticate')).toBe(value);
      }),
    );
  });
});
