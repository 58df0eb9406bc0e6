import { describe, expect, it } from 'vitest';
import { chooseIdentity } from '../../functions/core/chosen-identity.ts';
import { type ForeignJwt, parseForeignJwt } from '../../functions/core/federated-assertion.ts';
import type { FederatedIdentity } from '../../functions/core/federated-identity.ts';
import { parseFederation } from '../../functions/core/federation-input.ts';
import { encodeJson, ISSUER, NOW } from '../support/builders.ts';
import { workloads } from '../support/workload-tokens.ts';

const IDP = 'https://idp.example';
const ELSEWHERE = 'https://elsewhere.example';

const identity = (changes: Partial<FederatedIdentity> = {}): FederatedIdentity => ({
  issuer: IDP,
  claims: { sub: { exact: 'worker' } },
  reusable: false,
  ...changes,
});

const tokenOf = (claims: object): ForeignJwt => {
  const jwt = parseForeignJwt(
    `${encodeJson({ alg: 'ES256' })}.${encodeJson({ exp: NOW + 60, ...claims })}.c2ln`,
    'grant',
  );
  if (!jwt.ok) throw new Error(JSON.stringify(jwt.refusal));
  return jwt.value;
};
const token = (changes: object = {}): ForeignJwt => tokenOf({ iss: IDP, sub: 'worker', aud: ISSUER, ...changes });
const missing = (issuer: string) => ({ ok: false, refusal: { reason: 'federation_missing', issuer } });
const wrong = (...claims: readonly string[]) => ({
  ok: false,
  refusal: { reason: 'federation_claims', issuer: IDP, claims },
});

describe('the identity that a token is for', () => {
  it.each(Object.entries(workloads(ISSUER, NOW)))('is found in a token of %s', (_platform, { claims, federation }) => {
    const parsed = parseFederation([federation], '');
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.refusal));
    const audited = federation.audited === undefined ? [] : ['runner_environment'];
    expect(chooseIdentity(parsed.value, tokenOf(claims), ISSUER)).toMatchObject({
      ok: true,
      value: { identity: parsed.value[0], audited },
    });
  });

  it('is never one of another issuer, also where names differ by case, scheme or slash', () => {
    for (const iss of [ELSEWHERE, `${IDP}/`, 'https://IDP.example', 'http://idp.example', `${IDP}.evil.example`]) {
      expect(chooseIdentity([identity()], token({ iss }), ISSUER)).toEqual(missing(iss));
    }
    expect(chooseIdentity([], token(), ISSUER)).toEqual(missing(IDP));
    expect(chooseIdentity([identity()], token({ iss: undefined }), ISSUER)).toEqual(missing(''));
  });

  it('is none where somebody else acts for the subject: it may be a user who is called as an application is', () => {
    expect(chooseIdentity([identity()], token({ act: { sub: 'portal' } }), ISSUER)).toEqual(wrong('act'));
  });

  it('is the one that the claims fit', () => {
    const other = identity({ claims: { sub: { exact: 'tester' } }, reusable: true });
    expect(chooseIdentity([other, identity()], token(), ISSUER)).toMatchObject({ value: { identity: identity() } });
  });

  it('is the one that the audience fits', () => {
    const elsewhere = identity({ audience: ELSEWHERE, reusable: true });
    for (const federation of [
      [elsewhere, identity()],
      [identity(), elsewhere],
    ]) {
      expect(chooseIdentity(federation, token(), ISSUER)).toMatchObject({ value: { identity: identity() } });
      const away = token({ aud: ['x', ELSEWHERE] });
      expect(chooseIdentity(federation, away, ISSUER)).toMatchObject({ value: { identity: elsewhere } });
    }
  });

  it('is none where a claim or the audience is wrong, and the nearest one says which', () => {
    expect(chooseIdentity([identity()], token({ sub: 'x' }), ISSUER)).toEqual(wrong('sub'));
    expect(chooseIdentity([identity()], token({ aud: 'x' }), ISSUER)).toEqual(wrong('aud'));
    expect(chooseIdentity([identity({ audience: ELSEWHERE })], token(), ISSUER)).toEqual(wrong('aud'));
    const far = identity({ audience: ELSEWHERE, claims: { sub: { exact: 'y' }, env: { exact: 'prod' } } });
    expect(chooseIdentity([far, identity()], token({ sub: 'x' }), ISSUER)).toEqual(wrong('sub'));
  });

  it('is none when every claim fits but one, and claims on trial cannot make up for it', () => {
    const claims = { sub: { exact: 'worker' }, env: { exact: 'prod' } } as const;
    const audited = { env: { exact: 'test' } } as const;
    expect(chooseIdentity([identity({ claims, audited })], token({ env: 'test' }), ISSUER)).toEqual(wrong('env'));
  });
});
