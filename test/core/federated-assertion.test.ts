import { afterAll, describe, expect, it, vi } from 'vitest';
import type { Result } from '../../functions/core/errors.ts';
import {
  type ForeignJwt,
  type ForeignJwtCheck,
  foreignJwtId,
  parseForeignJwt,
  verifyForeignJwt,
} from '../../functions/core/federated-assertion.ts';
import type { Partner } from '../../functions/core/partner.ts';
import { credential, encodeJson, ISSUER, keyPair, NOW, partner, signJws, signTexts } from '../support/builders.ts';
import { workloads } from '../support/workload-tokens.ts';

const IDP = 'https://idp.example';
const pair = await keyPair('ES256', 'idp-key');

const idp = (changes: Partial<Partner> = {}): Partner =>
  partner({ id: 'idp', issuer: IDP, trustedIssuer: true, credentials: [credential(pair)], ...changes });

const claimsOf = (changes: object = {}) => ({
  iss: IDP,
  sub: 'worker',
  aud: ISSUER,
  iat: NOW - 10,
  nbf: NOW - 10,
  exp: NOW + 290,
  jti: 'token-1',
  ...changes,
});

const token = (claims: object = {}, header: object = {}): string =>
  signJws(pair, { alg: 'ES256', kid: 'idp-key', typ: 'JWT', ...header }, claimsOf(claims));

const parsed = (jws: string): ForeignJwt => {
  const jwt = parseForeignJwt(jws, 'grant');
  if (!jwt.ok) throw new Error(JSON.stringify(jwt.refusal));
  return jwt.value;
};

const verify = (jws: string, changes: Partial<ForeignJwtCheck> = {}) => {
  const check = { issuer: idp(), audiences: [ISSUER], maxSeconds: 600, requireJti: false, toleranceSeconds: 30 };
  return verifyForeignJwt({ jwt: parsed(jws), ...check, ...changes }, NOW);
};

const reasonOf = (result: Result<unknown>): string => {
  if (result.ok) return 'accepted';
  return result.refusal.reason === 'assertion_malformed' ? result.refusal.detail : result.refusal.reason;
};

describe('a token of another issuer', () => {
  it('is taken apart, with its claims as they stand', () => {
    const jws = token({ 'kubernetes.io': { namespace: 'billing' } });
    expect(parseForeignJwt(jws, 'grant')).toEqual({
      ok: true,
      value: {
        jws,
        header: { alg: 'ES256', typ: 'JWT', kid: 'idp-key', x5t: undefined, x5tS256: undefined },
        claims: claimsOf(),
        payload: claimsOf({ 'kubernetes.io': { namespace: 'billing' } }),
      },
    });
  });

  const types = (...names: readonly (string | undefined)[]) => names.map((typ) => [typ] as const);

  it.each(types(undefined, 'JWT', 'jwt', 'JOSE', 'at+jwt', 'application/at+jwt', 'authorization-grant+jwt'))(
    'may ask for a grant as the type %j',
    (typ) => {
      expect(reasonOf(parseForeignJwt(token({}, { typ }), 'grant'))).toBe('accepted');
    },
  );

  it.each(types(undefined, 'JWT', 'JOSE', 'client-authentication+jwt'))('may prove a client as the type %j', (typ) => {
    expect(reasonOf(parseForeignJwt(token({}, { typ }), 'client'))).toBe('accepted');
  });

  it.each([
    ['client', 'at+jwt'],
    ['client', 'authorization-grant+jwt'],
    ['grant', 'client-authentication+jwt'],
  ] as const)('cannot serve as %s when its type %j says that it is for something else', (purpose, typ) => {
    expect(reasonOf(parseForeignJwt(token({}, { typ }), purpose))).toBe('assertion_typ');
  });

  it.each(['', 'dpop+jwt', 'logout+jwt', 'secevent+jwt', 'token-introspection+jwt', 'wit+jwt', 'kb+jwt', 'text/jwt'])(
    'cannot be of the type %j',
    (typ) => {
      expect(reasonOf(parseForeignJwt(token({}, { typ }), 'grant'))).toBe('assertion_typ');
      expect(reasonOf(parseForeignJwt(token({}, { typ }), 'client'))).toBe('assertion_typ');
    },
  );

  it.each([
    ['crit', 'assertion_critical_header', { crit: ['exp'] }],
    ['b64', 'assertion_critical_header', { b64: false }],
    ['a number as alg', 'alg', { alg: 1 }],
    ['a number as kid', 'kid', { kid: 1 }],
    ['a list as x5t', 'x5t', { x5t: ['a'] }],
    ['a list as typ', 'typ', { typ: ['JWT'] }],
  ])('cannot have %s in its header', (_case, reason, header) => {
    expect(reasonOf(parseForeignJwt(token({}, header), 'grant'))).toBe(reason);
  });

  it.each([
    ['iss', [1, '', ['a'], null, 'x'.repeat(513)]],
    ['sub', [undefined, 1, '', ['worker'], null, 'x'.repeat(2_049)]],
    ['exp', [undefined, '1', -1, null, Number.MAX_VALUE]],
    ['nbf', ['1', null, -1]],
    ['iat', ['1', null, {}]],
    ['jti', [1, '', null, 'x'.repeat(257)]],
  ])('has to have %s in its form', (name, values) => {
    for (const value of values) expect(reasonOf(parseForeignJwt(token({ [name]: value }), 'grant'))).toBe(name);
  });

  it.each([
    ['nothing', ''],
    ['two parts', 'a.b'],
    ['four parts', `${token()}.a`],
    ['five parts, as of a JWE', 'a.b.c.d.e'],
    ['JSON', '{"payload":"","signatures":[]}'],
    ['more than 8,192 characters', token({ padding: 'x'.repeat(8_192) })],
  ])('is no JWS of %s', (_case, jws) => {
    expect(reasonOf(parseForeignJwt(jws, 'grant'))).toBe('not a compact JWS');
  });

  it('is malformed where a part is no JSON object, or is spelled otherwise than its bytes', () => {
    expect(reasonOf(parseForeignJwt(signTexts(pair, '[]', '{}'), 'grant'))).toBe('header');
    expect(reasonOf(parseForeignJwt(signTexts(pair, '{"alg":"ES256"}', '"x"'), 'grant'))).toBe('payload');
    expect(reasonOf(parseForeignJwt(`${encodeJson({ alg: 'ES256' })}.${encodeJson(claimsOf())}.a=`, 'grant'))).toBe(
      'signature',
    );
  });
});

describe('the check of such a token', () => {
  it('finds it good, and says by which key', async () => {
    const jws = token();
    const issuer = idp();
    const value = { jwt: parsed(jws), issuer, credential: issuer.credentials[0] };
    expect(await verify(jws, { issuer })).toEqual({ ok: true, value });
  });

  it.each<readonly [string, string, Partial<ForeignJwtCheck>]>([
    ['nobody goes by its issuer', 'issuer_unknown', { issuer: undefined }],
    ['the partner goes by another name', 'issuer_unknown', { issuer: idp({ issuer: `${IDP}/` }) }],
    ['the partner goes by that name in capitals', 'issuer_unknown', { issuer: idp({ issuer: 'https://IDP.example' }) }],
    [
      'the partner has no name',
      'issuer_unknown',
      { issuer: partner({ trustedIssuer: true, credentials: [credential(pair)] }) },
    ],
    ['its issuer is not trusted', 'issuer_untrusted', { issuer: idp({ trustedIssuer: false }) }],
    ['its issuer is disabled', 'issuer_disabled', { issuer: idp({ enabled: false }) }],
    ['its issuer has no keys', 'assertion_key_unknown', { issuer: idp({ credentials: [] }) }],
    [
      'its key is not good yet',
      'credential_not_yet_valid',
      { issuer: idp({ credentials: [credential(pair, { notBefore: NOW + 1 })] }) },
    ],
    [
      'its key is good no more',
      'credential_expired',
      { issuer: idp({ credentials: [credential(pair, { expiresAt: NOW })] }) },
    ],
    ['it is for somebody else', 'assertion_audience', { audiences: ['https://elsewhere.example'] }],
    ['it can be for nobody', 'assertion_audience', { audiences: [] }],
    ['it lives too long', 'assertion_lifetime', { maxSeconds: 269 }],
  ])('refuses it when %s', async (_case, reason, changes) => {
    expect(reasonOf(await verify(token(), changes))).toBe(reason);
  });

  it('refuses it when its issuer is disabled and untrusted, and no signature helps', async () => {
    const nobody = await keyPair('ES256', 'nobody');
    const forged = signJws(nobody, { alg: 'ES256', kid: 'idp-key' }, claimsOf());
    expect(reasonOf(await verify(forged))).toBe('assertion_signature');
    expect(reasonOf(await verify(forged, { issuer: idp({ trustedIssuer: false, enabled: false }) }))).toBe(
      'issuer_untrusted',
    );
  });

  it.each<readonly [string, object]>([
    ['accepted', { aud: [ISSUER] }],
    ['accepted', { aud: ['https://other.example', ISSUER] }],
    ['assertion_audience', { aud: undefined }],
    ['assertion_audience', { aud: [] }],
    ['assertion_audience', { aud: [[ISSUER]] }],
    ['assertion_audience', { aud: { [ISSUER]: ISSUER } }],
    ['assertion_audience', { aud: `${ISSUER}/` }],
    ['assertion_audience', { aud: `${ISSUER} https://other.example` }],
    ['assertion_audience', { aud: `${ISSUER}/token` }],
    ['accepted', { exp: NOW - 29 }],
    ['assertion_expired', { exp: NOW - 30 }],
    ['accepted', { nbf: NOW + 30 }],
    ['assertion_not_yet_valid', { nbf: NOW + 31 }],
    ['assertion_not_yet_valid', { iat: NOW + 31 }],
    ['accepted', { iat: undefined, nbf: undefined, exp: NOW + 630 }],
    ['assertion_lifetime', { iat: undefined, exp: NOW + 631 }],
    ['assertion_lifetime', { iat: NOW - 500, exp: NOW + 131 }],
    ['accepted', { jti: undefined }],
  ])('is %s with %j', async (reason, claims) => {
    expect(reasonOf(await verify(token(claims)))).toBe(reason);
  });

  it('wants jti only where it is told to', async () => {
    expect(reasonOf(await verify(token({ jti: undefined }), { requireJti: true }))).toBe('jti');
    expect(reasonOf(await verify(token(), { requireJti: true }))).toBe('accepted');
  });

  it('takes the key by kid or thumbprint, and without a name only where there is one', async () => {
    const second = credential(await keyPair('ES256', 'second'));
    const named = credential(pair, { x5t: 'thumb' });
    const both = idp({ credentials: [second, named] });
    const unnamed = token({}, { kid: undefined });
    expect(reasonOf(await verify(unnamed))).toBe('accepted');
    expect(reasonOf(await verify(unnamed, { issuer: both }))).toBe('assertion_key_unknown');
    expect(reasonOf(await verify(token({}, { kid: 'other' }), { issuer: both }))).toBe('assertion_key_unknown');
    expect(reasonOf(await verify(token({}, { kid: undefined, x5t: 'thumb' }), { issuer: both }))).toBe('accepted');
  });

  it('lets a trust domain speak for its own workloads only', async () => {
    const issuer = idp({ issuer: 'spiffe://acme.example' });
    const svid = (claims: object) => token({ iss: undefined, ...claims });
    expect(reasonOf(await verify(svid({ sub: 'spiffe://acme.example/a' }), { issuer }))).toBe('accepted');
    expect(reasonOf(await verify(svid({ sub: 'spiffe://other.example/a' }), { issuer }))).toBe('issuer_unknown');
    const claimed = { iss: 'spiffe://acme.example', sub: 'spiffe://other.example/a' };
    expect(reasonOf(await verify(token(claimed), { issuer }))).toBe('assertion_issuer');
    expect(reasonOf(await verify(token({ ...claimed, sub: 'worker' }), { issuer }))).toBe('assertion_issuer');
    expect(reasonOf(await verify(svid({ sub: 'worker' }), { issuer }))).toBe('issuer_unknown');
  });

  it.each(Object.entries(workloads(ISSUER, NOW)))('knows tokens of %s', async (_platform, workload) => {
    const key = await keyPair(workload.alg, 'platform');
    const jws = signJws(key, { ...workload.header, alg: workload.alg, kid: 'platform' }, workload.claims);
    const issuer = idp({ issuer: workload.issuer, credentials: [credential(key)] });
    expect(reasonOf(await verify(jws, { issuer, maxSeconds: 3_600 }))).toBe('accepted');
    expect(reasonOf(await verify(jws, { issuer: idp({ issuer: workload.issuer }), maxSeconds: 3_600 }))).toBe(
      'assertion_key_unknown',
    );
  });
});

describe('a refusal costs one signature check', () => {
  const checks = vi.spyOn(crypto.subtle, 'verify');
  afterAll(() => checks.mockRestore());

  it.each<readonly [string, string, Partial<ForeignJwtCheck>]>([
    ['that is unknown', 'issuer_unknown', { issuer: undefined }],
    ['of another name', 'issuer_unknown', { issuer: idp({ issuer: 'https://other.example' }) }],
    ['that is not trusted', 'issuer_untrusted', { issuer: idp({ trustedIssuer: false }) }],
    ['that is disabled', 'issuer_disabled', { issuer: idp({ enabled: false }) }],
    ['without such a key', 'assertion_key_unknown', { issuer: idp({ credentials: [] }) }],
    ['whose token is for others', 'assertion_audience', { audiences: ['x'] }],
  ])('as a good token does: of an issuer %s', async (_case, reason, changes) => {
    checks.mockClear();
    expect([reasonOf(await verify(token(), changes)), checks.mock.calls.length]).toEqual([reason, 1]);
    checks.mockClear();
    expect([reasonOf(await verify(token())), checks.mock.calls.length]).toEqual(['accepted', 1]);
  });
});

describe('what a token is told by', () => {
  it('is its jti', () => {
    expect(foreignJwtId(parsed(token()))).toBe('token-1');
  });

  it('is what was signed where there is none, so that another signature makes no other token', () => {
    const [one, other] = [token({ jti: undefined }), token({ jti: undefined })];
    expect(one).not.toBe(other);
    expect(foreignJwtId(parsed(one))).toMatch(/^sha256:[A-Za-z0-9_-]{43}$/);
    expect(foreignJwtId(parsed(one))).toBe(foreignJwtId(parsed(other)));
    expect(foreignJwtId(parsed(token({ jti: undefined, sub: 'x' })))).not.toBe(foreignJwtId(parsed(one)));
  });
});
