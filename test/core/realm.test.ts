import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GRANT_TYPES, JWT_BEARER } from '../../functions/core/grant-type.ts';
import {
  changeRealm,
  isLine,
  isRealmName,
  type Realm,
  type RealmInput,
  type RealmPolicy,
  realmPath,
  realmTerms,
  untouchedRealm,
} from '../../functions/core/realm.ts';
import { ISSUER, NOW, REALM, realmDefaults } from '../support/builders.ts';

const realm = (changes: Partial<Realm> = {}): Realm => ({
  ...untouchedRealm('acme'),
  version: 3,
  createdAt: NOW - 1_000,
  updatedAt: NOW - 500,
  ...changes,
});
const pointersOf = (input: RealmInput, of = realm()): readonly string[] => {
  const changed = changeRealm(of, input, NOW);
  return changed.ok ? ['accepted'] : changed.refusal.map(({ pointer }) => pointer);
};
const changed = (input: RealmInput, of = realm()): Realm => {
  const result = changeRealm(of, input, NOW);
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value;
};

describe('the name of a realm', () => {
  it.each(['a', '0', 'acme', 'a-b', 'exchange.example.com', 'a.b-c', 'a..b', 'x'.repeat(63)])('may be %j', (name) => {
    expect(isRealmName(name)).toBe(true);
  });

  it.each([
    ...['', 'A', 'Acme', '-a', 'a-', '.a', 'a.', '.', '..', 'a b', 'a/b', 'a_b', 'a~', 'ä', 'a\n', 'a%2f', '__proto__'],
    ...['a:b', 'a#b', '\u00e9', 'ſ', 'K', 'x'.repeat(64)],
  ])('cannot be %j', (name) => {
    expect(isRealmName(name)).toBe(false);
    expect(pointersOf({}, realm({ name }))).toEqual(['/name']);
    expect(pointersOf({ aliases: ['ok', name] })).toEqual(['/aliases/1']);
  });

  it('stands in a URL path as it is', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9.-]{1,63}$/).filter(isRealmName), (name) => {
        expect(new URL(`${ISSUER}/realms/${name}/token`).pathname).toBe(`/realms/${name}/token`);
      }),
    );
  });
});

describe('a realm', () => {
  it('is written for the first time as version 1, enabled, with its times', () => {
    const policy = { algorithms: ['ES256', 'Ed25519'], accessTokenSeconds: 600, assertionSeconds: 60 };
    expect(changeRealm(untouchedRealm('acme'), { description: 'Acme — Köln', aliases: ['a'], policy }, NOW)).toEqual({
      ok: true,
      value: {
        name: 'acme',
        description: 'Acme — Köln',
        aliases: ['a'],
        enabled: true,
        policy: { algorithms: ['ES256', 'EdDSA'], accessTokenSeconds: 600, assertionSeconds: 60 },
        version: 1,
        createdAt: NOW,
        updatedAt: NOW,
      },
    });
  });

  const before = realm({ description: 'old', aliases: ['x'], enabled: false, policy: { accessTokenSeconds: 60 } });
  it.each<[RealmInput, Partial<Realm>]>([
    [{}, {}],
    [{ description: 'new' }, { description: 'new' }],
    [{ aliases: ['y', 'z'] }, { aliases: ['y', 'z'] }],
    [{ aliases: [] }, { aliases: [] }],
    [{ enabled: true }, { enabled: true }],
    [{ policy: {} }, { policy: {} }],
    [{ policy: { assertionSeconds: 30 } }, { policy: { assertionSeconds: 30 } }],
  ])('changed by %j is different in that alone', (input, difference) => {
    expect(changed(input, before)).toEqual({ ...before, ...difference, version: 4, updatedAt: NOW });
  });

  it('loses its description by null', () => {
    const { description: _gone, ...rest } = before;
    expect(changed({ description: null }, before)).toEqual({ ...rest, version: 4, updatedAt: NOW });
  });

  it.each<[RealmInput, readonly string[]]>([
    [{ description: '' }, ['/description']],
    [{ description: 'x'.repeat(257) }, ['/description']],
    [{ description: 'a\nb' }, ['/description']],
    [{ aliases: ['acme'] }, ['/aliases']],
    [{ aliases: ['x', 'x'] }, ['/aliases']],
    [{ aliases: Array.from({ length: 21 }, (_, index) => `a${index}`) }, ['/aliases']],
    [{ policy: { algorithms: [] } }, ['/policy/algorithms']],
    [{ policy: { algorithms: ['RS256', 'RS256'] } }, ['/policy/algorithms']],
    [{ policy: { algorithms: ['EdDSA', 'Ed25519'] } }, ['/policy/algorithms']],
    [{ policy: { algorithms: ['none'] } }, ['/policy/algorithms']],
    [{ policy: { algorithms: ['RS256', 'HS256'] } }, ['/policy/algorithms']],
    [{ policy: { accessTokenSeconds: 59 } }, ['/policy/accessTokenSeconds']],
    [{ policy: { accessTokenSeconds: 86_401 } }, ['/policy/accessTokenSeconds']],
    [{ policy: { grantTypes: [] } }, ['/policy/grantTypes']],
    [{ policy: { grantTypes: ['password'] } }, ['/policy/grantTypes']],
    [{ policy: { grantTypes: [JWT_BEARER, 'password'] } }, ['/policy/grantTypes']],
    [{ policy: { grantTypes: [JWT_BEARER, JWT_BEARER] } }, ['/policy/grantTypes']],
    [{ policy: { dpopNonces: 'none' } }, ['/policy/dpopNonces']],
    [{ policy: { dpopNonces: '' } }, ['/policy/dpopNonces']],
    [{ policy: { authorizationDetailsTypes: ['a b'] } }, ['/policy/authorizationDetailsTypes']],
    [{ policy: { authorizationDetailsTypes: ['a', 'a'] } }, ['/policy/authorizationDetailsTypes']],
    [{ policy: { authorizationDetailsTypes: ['__proto__'] } }, ['/policy/authorizationDetailsTypes']],
    [{ policy: { assertionSeconds: 29 } }, ['/policy/assertionSeconds']],
    [{ policy: { assertionSeconds: 3_601 } }, ['/policy/assertionSeconds']],
    [
      { policy: { assertionSeconds: 60.5, accessTokenSeconds: Number.NaN } },
      ['/policy/accessTokenSeconds', '/policy/assertionSeconds'],
    ],
    [
      { description: '', aliases: ['A'], policy: { algorithms: [] } },
      ['/aliases/0', '/description', '/policy/algorithms'],
    ],
  ])('cannot be changed by %j', (input, pointers) => {
    expect(pointersOf(input)).toEqual(pointers);
  });

  it.each<RealmInput>([
    { description: 'x'.repeat(256) },
    { aliases: Array.from({ length: 20 }, (_, index) => `a${index}`) },
    { policy: { accessTokenSeconds: 60, assertionSeconds: 30 } },
    { policy: { accessTokenSeconds: 86_400, assertionSeconds: 3_600 } },
    { policy: { clientSecrets: true, grantTypes: [...GRANT_TYPES], dpopNonces: 'optional' } },
    { policy: { clientSecrets: false, grantTypes: [JWT_BEARER], dpopNonces: 'required' } },
    { policy: { authorizationDetailsTypes: Array.from({ length: 20 }, (_, index) => `t${index}`) } },
    { policy: { authorizationDetailsTypes: [] } },
  ])('may go to the bounds: %j', (input) => {
    expect(pointersOf(input)).toEqual(['accepted']);
  });
});

describe('the terms of a realm', () => {
  it('of the default realm are those of the deployment, until its policy says less', () => {
    const terms = realmTerms(untouchedRealm(REALM), realmDefaults());
    expect(terms).toEqual({
      name: REALM,
      issuer: ISSUER,
      algorithms: ['RS256', 'ES256'],
      accessTokenSeconds: 3_600,
      assertionSeconds: 300,
      clientSecrets: false,
      grantTypes: GRANT_TYPES,
      dpopNonces: 'required',
      authorizationDetailsTypes: [],
    });
    expect(realmTerms(realm({ name: REALM, policy: { algorithms: ['PS256'] } }), realmDefaults())).toEqual({
      ...terms,
      algorithms: ['PS256'],
    });
  });

  it('of another have its own issuer, whatever it is called by, and one ring unless it says more', () => {
    expect(realmTerms(realm({ aliases: ['x'] }), realmDefaults())).toMatchObject({
      issuer: `${ISSUER}/realms/acme`,
      algorithms: ['RS256'],
    });
    expect(realmTerms(realm({ policy: { algorithms: ['ES256', 'RS256'] } }), realmDefaults()).algorithms).toEqual([
      'ES256',
      'RS256',
    ]);
  });

  it('are what its policy says of secrets, grants, nonces and types of details', () => {
    const policy: RealmPolicy = {
      ...{ clientSecrets: true, grantTypes: [JWT_BEARER], dpopNonces: 'optional' },
      authorizationDetailsTypes: ['payment'],
    };
    expect(realmTerms(realm({ policy }), realmDefaults())).toMatchObject(policy);
  });

  it('have its endpoints at the door that asks for certificates, if there is one', () => {
    const mutualTlsUrl = 'https://mtls.example.com';
    const urls = [realm(), untouchedRealm(REALM)].flatMap((each) => [
      realmTerms(each, realmDefaults({ mutualTlsUrl })).mutualTlsUrl,
      realmTerms(each, realmDefaults()).mutualTlsUrl,
    ]);
    expect(urls).toEqual([`${mutualTlsUrl}/realms/acme`, undefined, mutualTlsUrl, undefined]);
  });

  it('never go beyond those of the deployment', () => {
    const seconds = fc.integer({ min: 60, max: 3_600 });
    const policies = fc.record({ accessTokenSeconds: seconds, assertionSeconds: seconds }, { requiredKeys: [] });
    fc.assert(
      fc.property(policies, seconds, seconds, (policy, accessTokenSeconds, assertionSeconds) => {
        const terms = realmTerms(realm({ policy }), realmDefaults({ accessTokenSeconds, assertionSeconds }));
        expect(terms.accessTokenSeconds).toBe(
          Math.min(accessTokenSeconds, policy.accessTokenSeconds ?? accessTokenSeconds),
        );
        expect(terms.assertionSeconds).toBe(Math.min(assertionSeconds, policy.assertionSeconds ?? assertionSeconds));
      }),
    );
  });

  it('have different issuers for different names', () => {
    expect([realmPath(REALM, REALM), realmPath('acme', REALM), realmPath('a.b', REALM)]).toEqual([
      '',
      '/realms/acme',
      '/realms/a.b',
    ]);
  });
});

describe('a line of text', () => {
  it.each([
    ['a', true],
    ['x'.repeat(10), true],
    ['Köln — 東京 🗼', false],
    ['🗼🗼🗼🗼🗼', true],
    ['x'.repeat(11), false],
    ['', false],
    ['a\tb', false],
    ['a\u0000', false],
    ['a\u007f', false],
    ['a\u0085', false],
    ['\ud83d', false],
  ])('%j is one of at most ten characters: %s', (text, is) => {
    expect(isLine(text, 10)).toBe(is);
  });
});
