import { describe, expect, it } from 'vitest';
import type { Partner } from '../../functions/core/partner.ts';
import {
  changePartner,
  definePartner,
  definitionOf,
  newPartner,
  type PartnerChange,
  type PartnerDefinition,
  replacePartner,
} from '../../functions/core/partner-definition.ts';
import { isPartnerIssuer } from '../../functions/core/partner-members.ts';
import { credential, keyPair, NOW, partner, REALM } from '../support/builders.ts';
import { issue } from '../support/certificate-authority.ts';

const pair = await keyPair();
const other = await keyPair('ES256', 'k2');
const jwkOf = ({ publicJwk, kid }: typeof pair) => ({ ...publicJwk, kid });
const RINGS = ['RS256', 'ES256'] as const;
const LINE = 'x'.repeat(128);

const define = (definition: PartnerDefinition, id = 'crm') => definePartner(REALM, id, definition, RINGS, NOW);
const defined = async (definition: PartnerDefinition): Promise<Partner> => {
  const result = await define(definition);
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value;
};
const pointersOf = async (definition: PartnerDefinition, id?: string): Promise<readonly string[]> => {
  const result = await define(definition, id);
  return result.ok ? ['accepted'] : result.refusal.map(({ pointer }) => pointer);
};
const SECRET = { id: 'abc', hash: 'x', addedAt: 1 };
const OPEN = { hash: 'y', createdAt: 1, expiresAt: 2, methods: ['private_key_jwt' as const] };
const REGISTERED = {
  hash: 'z',
  createdAt: 1,
  methods: ['private_key_jwt' as const],
  method: 'private_key_jwt' as const,
};
const NEW = newPartner(REALM, 'crm', NOW);

describe('a new partner', () => {
  it('of whom nothing is said is a mere resource: enabled, trusted with itself, without a key', async () => {
    expect(await defined({})).toEqual(
      partner({ createdAt: NOW, updatedAt: NOW, enabled: true, trustLevel: 'application', credentials: [] }),
    );
  });

  it('is all that is said of it', async () => {
    const said = {
      name: 'CRM — Köln',
      contact: 'crm@example.com',
      tags: { team: 'sales', 'cost.center': '', 'a:b/c': 'd' },
      enabled: false,
      trustLevel: 'full',
      acceptsSecurityIdentifiers: true,
      issuer: 'https://crm.example.com/',
      tokenPolicy: { accessTokenSeconds: 600, algorithm: 'ES256', binding: 'dpop', profile: 'jwt' },
      claims: { tenant: 'acme' },
      quota: { perMinute: 10, perDay: 100, mode: 'observe' },
      tlsSubject: { sanDns: 'crm.example.com' },
      federation: [{ issuer: 'https://ci.example.com', claims: { sub: { exact: 'repo:crm' } }, reusable: true }],
      trustedIssuer: true,
    } as const;
    const definition = { ...said, jwksUri: 'https://crm.example.com/jwks', credentials: [{ jwk: jwkOf(pair) }] };
    expect(await defined(definition)).toEqual({
      ...NEW,
      ...said,
      source: { type: 'jwks_uri', url: 'https://crm.example.com/jwks' },
      credentials: [credential(pair, { addedAt: NOW })],
    });
  });

  it.each(['a', 'A9', '0', 'a.b_c~d-e', LINE])('may have the id %j', async (id) => {
    expect(await pointersOf({}, id)).toEqual(['accepted']);
  });

  it.each(['', '.', '-a', '~a', '_a', 'a b', 'a/b', 'a#b', 'a%20b', 'ä', 'a\n', `${LINE}x`, '__proto__', 'a:b'])(
    'cannot have the id %j',
    async (id) => {
      expect(await pointersOf({}, id)).toEqual(['/id']);
    },
  );

  it('is told all that is wrong at once, each by its place', async () => {
    const wrong: PartnerDefinition = {
      name: '',
      credentials: [{ jwk: jwkOf(pair) }, {}],
      jwks: { keys: [jwkOf(other), { kty: 'oct', k: 'x' }] },
      tokenPolicy: { binding: 'x' },
      claims: { iss: 'x' },
      quota: { mode: 'observe' },
      tlsSubject: {},
      federation: [{ issuer: 'x', claims: { sub: { exact: 'y' } } }],
      trustedIssuer: true,
    };
    expect(await pointersOf(wrong, '-')).toEqual([
      '/id',
      '/credentials/1',
      '/jwks/keys/1',
      '/name',
      '/claims/iss',
      '/tokenPolicy/binding',
      '/quota',
      '/tlsSubject',
      '/federation/0/issuer',
    ]);
  });
});

describe('a member of a partner', () => {
  const tags = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`t${index}`, '']));
  const url = (length: number) => `https://a.example/${'x'.repeat(length - 18)}`;

  it.each<PartnerChange>([
    { name: LINE, contact: LINE },
    { tags: tags(20) },
    { tags: { ['x'.repeat(64)]: LINE, '0': 'ü' } },
    { issuer: 'https://a' },
    { issuer: url(512) },
    { issuer: '00000002-0000-0ff1-ce00-000000000000@contoso.com' },
    { issuer: 'spiffe://prod.acme.example' },
    { jwksUri: url(1_024) },
    { jwksUri: 'https://a.example:8443/k?v=1&x=%20' },
    { metadataUrl: 'https://[2001:db8::1]/m' },
    { claims: { tenant: { a: ['b'] } } },
    { trustLevel: 'user' },
  ])('may be %j', async (change) => {
    expect(await pointersOf(change)).toEqual(['accepted']);
  });

  const TEXTS = ['', `${LINE}x`, 'a\nb', 'a\u0000', '\u007f', '\u0085', 'half \ud83d'];
  it.each<[PartnerChange, readonly string[]]>([
    ...TEXTS.map((text): [PartnerChange, readonly string[]] => [{ name: text, contact: text }, ['/name', '/contact']]),
    [{ tags: tags(21) }, ['/tags']],
    [{ tags: { '': 'x' } }, ['/tags']],
    [{ tags: { 'a b': 'x', '-a': 'x' } }, ['/tags', '/tags']],
    [{ tags: { ['x'.repeat(65)]: 'x' } }, ['/tags']],
    [{ tags: { a: 'b\nc' } }, ['/tags']],
    [{ tags: { a: `${LINE}x` } }, ['/tags']],
    [{ tags: JSON.parse('{"__proto__":"x"}') }, ['/tags']],
    [{ tags: { constructor: 'x' } }, ['/tags']],
    [{ trustLevel: 'none' as 'full' }, ['/trustLevel']],
    [{ issuer: url(513) }, ['/issuer']],
    [{ jwksUri: url(1_025) }, ['/jwksUri']],
    [{ tokenPolicy: { algorithm: 'PS256' } }, ['/tokenPolicy/algorithm']],
    [{ claims: { sub: 'x' } }, ['/claims/sub']],
    [{ quota: { perDay: 0, mode: 'enforce' } }, ['/quota/perDay']],
  ])('cannot be %j', async (change, pointers) => {
    expect(await pointersOf(change)).toEqual(pointers);
    const changed = changePartner(partner(), change, RINGS, NOW);
    expect(changed.ok ? [] : changed.refusal.map(({ pointer }) => pointer)).toEqual(pointers);
  });

  // What a URL parser mends, drops or takes for something else must not be stored: others compare or parse it differently.
  const ODD_URLS = [
    ...['', 'a', 'http://a.example', 'ftp://a.example', 'https://', 'https:', '//a.example', '/a', 'javascript:x'],
    ...['https:a.example', 'https:/a.example', 'https:\\\\a.example', 'HTTPS://a.example', ' https://a.example'],
    ...['https://a.example ', 'https://a.exa\nmple', 'https://a.example/\u0000', 'https://a.example/\u0009x'],
    ...[
      'https://u@a.example',
      'https://u:p@a.example',
      'https://a.example/#',
      'https://a.example/#f',
      'https://ä.example',
    ],
    ...['https://a.example/ä', 'https://a.example/"', 'https://a.example/<x>', 'https://a.example\\b', 'https://a b'],
    ...['https://a.example:99999', 'https://[::1', 'https://%00'],
  ];

  it.each(ODD_URLS)('cannot be the URL %j', async (text) => {
    expect(await pointersOf({ jwksUri: text })).toEqual(['/jwksUri']);
    expect(await pointersOf({ metadataUrl: text })).toEqual(['/metadataUrl']);
    expect(isPartnerIssuer(text)).toBe(false);
  });

  it.each([
    ...[
      'https://a.example?x',
      'https://a.example/?',
      '*',
      'a@',
      '@b',
      'a@b@c',
      '*@contoso.com',
      'a@*',
      'a b@c',
      'a@b/c',
    ],
    ...['a@b\n', 'ä@b', 'crm'],
  ])('cannot be the issuer %j', async (issuer) => {
    expect(await pointersOf({ issuer })).toEqual(['/issuer']);
  });
});

describe('the keys of a new partner', () => {
  it('come as credentials, as a key set, or as both, in that order', async () => {
    const { pem } = await issue({ name: 'crm' });
    const { credentials } = await defined({
      credentials: [{ jwk: jwkOf(pair), label: 'blue' }, { certificate: pem }],
      jwks: { keys: [jwkOf(other)] },
    });
    expect(credentials.map(({ kid, label, source }) => [kid, label, source])).toEqual([
      ['k1', 'blue', 'registered'],
      [credentials[1]?.thumbprint, undefined, 'registered'],
      ['k2', undefined, 'registered'],
    ]);
  });

  it.each<[string, PartnerDefinition]>([
    ['of one kid', { jwks: { keys: [jwkOf(pair), { ...jwkOf(other), kid: 'k1' }] } }],
    ['that are one', { credentials: [{ jwk: jwkOf(pair) }], jwks: { keys: [{ ...jwkOf(pair), kid: 'k9' }] } }],
    ['that are one, of which one is pasted', { jwks: { keys: [jwkOf(pair)] }, metadata: { keys: [jwkOf(pair)] } }],
  ])('cannot be two %s', async (_what, definition) => {
    expect(new Set(await pointersOf(definition))).toEqual(new Set(['/credentials']));
  });

  it('are ten at most, wherever they come from', async () => {
    const keys = await Promise.all(
      Array.from({ length: 11 }, async (_, index) => jwkOf(await keyPair('EdDSA', `${index}`))),
    );
    const split = (count: number) => ({ jwks: { keys: keys.slice(0, 5) }, metadata: { keys: keys.slice(5, count) } });
    expect([await pointersOf(split(10)), await pointersOf(split(11))]).toEqual([['accepted'], ['/credentials']]);
  });
});

describe('a change of a partner', () => {
  const source = { type: 'jwks_uri', url: 'https://a.example/jwks' } as const;
  const before = partner({
    ...{ name: 'CRM', contact: 'ada', tags: { a: 'b' }, issuer: 'https://a.example', version: 7, source },
    ...{ tokenPolicy: { accessTokenSeconds: 60 }, claims: { tenant: 'x' }, quota: { perDay: 5, mode: 'observe' } },
    credentials: [credential(pair), credential(other, { source: 'document' })],
    ...{ tlsSubject: { sanDns: 'a.example' }, secrets: [SECRET], onboarding: OPEN, registration: REGISTERED },
    federation: [{ issuer: 'https://ci.example', claims: { sub: { exact: 'crm' } }, reusable: false }],
  });
  const changed = (change: PartnerChange): Partner => {
    const result = changePartner(before, change, RINGS, NOW);
    if (!result.ok) throw new Error(JSON.stringify(result.refusal));
    return result.value;
  };

  it.each<[PartnerChange, Partial<Partner>]>([
    [{}, {}],
    [{ name: 'New' }, { name: 'New' }],
    [{ contact: 'bob' }, { contact: 'bob' }],
    [{ tags: {} }, { tags: {} }],
    [{ enabled: false }, { enabled: false }],
    [{ trustLevel: 'user' }, { trustLevel: 'user' }],
    [{ acceptsSecurityIdentifiers: true }, { acceptsSecurityIdentifiers: true }],
    [{ issuer: 'a@b' }, { issuer: 'a@b' }],
    [{ tokenPolicy: { binding: 'mtls' } }, { tokenPolicy: { binding: 'mtls' } }],
    [{ tokenPolicy: {} }, { tokenPolicy: {} }],
    [{ claims: {} }, { claims: {} }],
    [{ quota: { perMinute: 1, mode: 'enforce' } }, { quota: { perMinute: 1, mode: 'enforce' } }],
    [{ jwksUri: source.url }, {}],
    [{ metadataUrl: null }, {}],
    [{ tlsSubject: { sanUri: 'spiffe://a.example/crm' } }, { tlsSubject: { sanUri: 'spiffe://a.example/crm' } }],
    [{ federation: [] }, { federation: [] }],
    [{ name: undefined, quota: undefined, jwksUri: undefined, tlsSubject: undefined, federation: undefined }, {}],
  ])('by %j replaces that member whole, and no other', (change, difference) => {
    expect(changed(change)).toEqual({ ...before, ...difference, version: 8, updatedAt: NOW });
  });

  it('makes it a trusted issuer unless its own people can give it keys, who could then be whomever it vouches for', () => {
    const { onboarding: _open, registration: _done, ...closed } = before;
    const trust = (from: Partner) => changePartner(from, { trustedIssuer: true }, RINGS, NOW);
    expect(trust(closed)).toMatchObject({ ok: true, value: { trustedIssuer: true } });
    for (const open of [{ onboarding: OPEN }, { registration: REGISTERED }]) {
      expect(trust({ ...closed, ...open })).toMatchObject({ ok: false, refusal: [{ pointer: '/trustedIssuer' }] });
    }
  });

  it.each(['name', 'contact', 'issuer', 'quota', 'tlsSubject'] as const)('by null takes %s away', (member) => {
    const { [member]: _gone, ...rest } = before;
    expect(changed({ [member]: null })).toEqual({ ...rest, version: 8, updatedAt: NOW });
  });

  it.each<[PartnerChange, Partner['source']]>([
    [{ jwksUri: null }, undefined],
    [{ jwksUri: 'https://b.example/jwks' }, { type: 'jwks_uri', url: 'https://b.example/jwks' }],
    [{ metadataUrl: source.url }, { type: 'metadata', url: source.url }],
    [
      { metadataUrl: source.url, jwksUri: null },
      { type: 'metadata', url: source.url },
    ],
  ])('by %j follows another document or none, and drops the keys of the one before', (change, after) => {
    const { source: _source, ...rest } = before;
    expect(changed(change)).toEqual({
      ...rest,
      ...(after === undefined ? {} : { source: after }),
      credentials: [credential(pair)],
      version: 8,
      updatedAt: NOW,
    });
  });

  it('cannot follow two documents', () => {
    const change = { jwksUri: 'https://a.example/k', metadataUrl: 'https://a.example/m' };
    expect(changePartner(before, change, RINGS, NOW)).toMatchObject({ ok: false, refusal: [{ pointer: '' }] });
  });

  it('that is refused says so of every member, and changes nothing', () => {
    const frozen = structuredClone(before);
    expect(changePartner(before, { name: '', quota: { mode: 'enforce' } }, RINGS, NOW)).toMatchObject({
      refusal: [{ pointer: '/name' }, { pointer: '/quota' }],
    });
    expect(before).toEqual(frozen);
  });
});

describe('a trusted issuer', () => {
  const trusted = { trustedIssuer: true } as const;
  const url = 'https://idp.example';

  it.each<[PartnerDefinition, string]>([
    [{ ...trusted, issuer: url }, 'accepted'],
    [{ ...trusted, issuer: 'spiffe://prod.example' }, 'accepted'],
    [{ ...trusted, metadataUrl: `${url}/m` }, 'accepted'],
    [{ ...trusted, metadata: { issuer: url, jwks_uri: `${url}/jwks` } }, 'accepted'],
    [{ ...trusted }, '/trustedIssuer'],
    [{ ...trusted, jwksUri: `${url}/jwks` }, '/trustedIssuer'],
    [{ jwksUri: `${url}/jwks` }, 'accepted'],
  ])('said by %j is %s', async (definition, outcome) => {
    expect(await pointersOf(definition)).toEqual([outcome]);
  });

  it.each<[Partial<Partner>, PartnerChange, string]>([
    [{}, { trustedIssuer: true }, '/trustedIssuer'],
    [{ issuer: url }, { trustedIssuer: true }, 'accepted'],
    [{ issuer: url, ...trusted }, { issuer: null }, '/trustedIssuer'],
    [{ issuer: url, ...trusted }, { issuer: null, trustedIssuer: false }, 'accepted'],
    [{ issuer: url, ...trusted }, { enabled: false }, 'accepted'],
    [{ source: { type: 'metadata', url }, ...trusted }, { metadataUrl: null }, '/trustedIssuer'],
    [{ source: { type: 'metadata', url }, issuer: url, ...trusted }, { metadataUrl: null }, 'accepted'],
  ])('from %j by %j is %s', (before, change, outcome) => {
    const after = changePartner(partner(before), change, RINGS, NOW);
    expect(after.ok ? ['accepted'] : after.refusal.map(({ pointer }) => pointer)).toEqual([outcome]);
  });
});

describe('what is made here and not declared', () => {
  const stored = partner({
    secrets: [SECRET],
    onboarding: OPEN,
    registration: REGISTERED,
    version: 4,
    createdAt: 9,
    tokensNotBefore: 8,
  });

  it('makes no difference to a create that is repeated', () => {
    expect(definitionOf(stored)).toBe(definitionOf(partner()));
  });

  it.each<[Partial<Partner>]>([
    [{ tlsSubject: { sanDns: 'a.example' } }],
    [{ federation: [{ issuer: 'https://a.example', claims: { sub: { exact: 'x' } }, reusable: false }] }],
    [{ trustedIssuer: true }],
  ])('is told from what is: %j', (said) => {
    expect(definitionOf(partner(said))).not.toBe(definitionOf(partner()));
  });

  it('stays when the partner is declared anew, and nobody could declare it', () => {
    const wanted = partner({ secrets: [], federation: [], name: 'New' });
    expect(replacePartner(stored, wanted, NOW)).toEqual({ ...stored, name: 'New', version: 5, updatedAt: NOW });
    expect(replacePartner(partner(), partner({ name: 'New' }), NOW)).toEqual(
      partner({ name: 'New', version: 2, updatedAt: NOW }),
    );
  });
});
