import { describe, expect, it } from 'vitest';
import { certificateNames, type MicrosoftPartner } from '../../functions/core/microsoft-profile.ts';
import type { Partner } from '../../functions/core/partner.ts';
import {
  changePartner,
  definitionOf,
  type PartnerChange,
  replacePartner,
} from '../../functions/core/partner-definition.ts';
import { changeRealm, type Realm, realmTerms, untouchedRealm } from '../../functions/core/realm.ts';
import { credential, keyPair, NOW, partner, realmDefaults } from '../support/builders.ts';

const EXCHANGE = '00000002-0000-0ff1-ce00-000000000000';
const LYNC = '00000004-0000-0ff1-ce00-000000000000';
const ISSUER = `${EXCHANGE}@contoso.example`;
const OFF: MicrosoftPartner = { issuedBy: 'itself', actors: [], userTokens: false, delegation: false };
const pair = await keyPair();

const change = (input: PartnerChange, of = partner()) => changePartner(of, input, ['RS256'], NOW);
const changed = (input: PartnerChange, of = partner()): Partner => {
  const result = change(input, of);
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value;
};
const pointersOf = (input: PartnerChange): readonly string[] => {
  const result = change(input);
  return result.ok ? ['accepted'] : result.refusal.map(({ pointer }) => pointer);
};
const principals = (count: number, realm = 'contoso.example') =>
  Array.from({ length: count }, (_, index) => `${LYNC.slice(0, -3)}${String(index).padStart(3, '0')}@${realm}`);

describe('a partner in the Microsoft profile', () => {
  it('takes part with nothing but that said, and may do as little as there is', () => {
    expect(changed({ microsoft: {} }).microsoft).toEqual(OFF);
    expect(partner().microsoft).toBeUndefined();
  });

  it('has what was said last, whole, and keeps it until something else is said', () => {
    const said = { issuedBy: 'itself', actors: [ISSUER], userTokens: true, delegation: true } as const;
    const once = changed({ microsoft: said });
    expect(once.microsoft).toEqual(said);
    expect(changed({ name: 'Exchange' }, once).microsoft).toEqual(said);
    expect(changed({ microsoft: { userTokens: true } }, once).microsoft).toEqual({ ...OFF, userTokens: true });
    expect(changed({ microsoft: null }, once)).not.toHaveProperty('microsoft');
  });

  it('is another one to a repeated create with it than without, and loses it when it is declared without', () => {
    const on = changed({ microsoft: {} });
    expect(definitionOf(on)).not.toBe(definitionOf(partner()));
    expect(definitionOf(on)).not.toBe(definitionOf(changed({ microsoft: { delegation: true } })));
    expect(replacePartner(on, partner(), NOW)).not.toHaveProperty('microsoft');
  });

  it.each<PartnerChange>([
    { issuer: ISSUER, microsoft: { issuedBy: 'authorization-server', userTokens: true, delegation: true } },
    { issuer: ISSUER, trustedIssuer: true, microsoft: { actors: principals(1) } },
    { microsoft: { actors: principals(50) } },
    { microsoft: { actors: [`${LYNC}@11112222-3333-4444-5555-666677778888`] } },
    { issuer: 'https://sts.example', microsoft: null },
  ])('may be %j', (input) => {
    expect(pointersOf(input)).toEqual(['accepted']);
  });

  it.each<[PartnerChange, readonly string[]]>([
    [{ microsoft: { issuedBy: 'nobody' } }, ['/microsoft/issuedBy']],
    [{ microsoft: { actors: principals(51) } }, ['/microsoft/actors']],
    [{ microsoft: { actors: [LYNC] } }, ['/microsoft/actors']],
    [{ microsoft: { actors: [`${LYNC}@*`] } }, ['/microsoft/actors']],
    [{ microsoft: { actors: [ISSUER, ISSUER.toUpperCase()] } }, ['/microsoft/actors']],
    [{ microsoft: { issuedBy: 'authorization-server', actors: [ISSUER] } }, ['/microsoft/actors']],
    [{ issuer: ISSUER, trustedIssuer: true, microsoft: { issuedBy: 'authorization-server' } }, ['/microsoft/issuedBy']],
    [{ issuer: 'https://sts.example', microsoft: {} }, ['/issuer']],
    [{ issuer: 'exchange@contoso.example', microsoft: {} }, ['/issuer']],
    [
      { microsoft: { issuedBy: 'x', actors: ['y'] }, tlsSubject: {} },
      ['/tlsSubject', '/microsoft/issuedBy', '/microsoft/actors'],
    ],
  ])('cannot be %j', (input, pointers) => {
    expect(pointersOf(input)).toEqual(pointers);
  });

  it('cannot get an issuer that nobody could be known by there, nor the profile with such an issuer', () => {
    const on = changed({ issuer: ISSUER, microsoft: {} });
    expect(change({ issuer: 'https://sts.example' }, on)).toMatchObject({ refusal: [{ pointer: '/issuer' }] });
    const elsewhere = changed({ issuer: 'https://sts.example' });
    expect(change({ microsoft: {} }, elsewhere)).toMatchObject({ refusal: [{ pointer: '/issuer' }] });
  });
});

describe('the names of its certificates', () => {
  const keys = [
    credential(pair, { x5t: 'registered' }),
    credential(pair, { kid: 'k2', x5t: 'document', source: 'document' }),
    credential(pair, { kid: 'k3', x5t: 'own', source: 'self-registered' }),
    credential(pair, { kid: 'k4' }),
    credential(pair, { kid: 'k5', x5t: 'registered' }),
  ];
  const source = { type: 'jwks_uri', url: 'https://exchange.example' } as const;

  it.each<[string, Partial<Partner>, readonly string[]]>([
    ['are none where it takes no part', { source, credentials: keys }, []],
    ['are those of an operator', { source, credentials: keys, microsoft: OFF }, ['registered', 'document']],
    [
      'are not those of an address that its own people have registered',
      { source: { ...source, selfRegistered: true }, credentials: keys, microsoft: OFF },
      ['registered'],
    ],
  ])('%s', (_, members, names) => {
    expect(certificateNames(partner(members))).toEqual(names);
  });

  it('are none of nobody', () => {
    expect(certificateNames(undefined)).toEqual([]);
  });
});

describe('a realm in the Microsoft profile', () => {
  const SAID = { applicationId: EXCHANGE, realms: ['contoso.example'] } as const;
  const set = (microsoft: object): Realm => {
    const result = changeRealm(untouchedRealm('acme'), { policy: { microsoft: { ...SAID, ...microsoft } } }, NOW);
    if (!result.ok) throw new Error(JSON.stringify(result.refusal));
    return result.value;
  };
  const refusedFor = (microsoft: object): readonly string[] => {
    const result = changeRealm(untouchedRealm('acme'), { policy: { microsoft: { ...SAID, ...microsoft } } }, NOW);
    return result.ok ? ['accepted'] : result.refusal.map(({ pointer }) => pointer.replace('/policy/microsoft', ''));
  };

  it('goes by its name, has no resources yet, and knows registered users only', () => {
    const realm = set({});
    const expected = { ...SAID, hosts: [], tokenHosts: [], users: 'registered' };
    expect(realm.policy).toEqual({ microsoft: expected });
    expect(realmTerms(realm, realmDefaults()).microsoft).toEqual(expected);
    expect(realmTerms(untouchedRealm('acme'), realmDefaults())).not.toHaveProperty('microsoft');
  });

  it.each([
    { realms: ['contoso.example', '11112222-3333-4444-5555-666677778888'] },
    { realms: Array.from({ length: 10 }, (_, index) => `r${index}.example`) },
    { hosts: ['api.contoso.example', 'API2.contoso.example:8443'], tokenHosts: ['tokens.contoso.example'] },
    { hosts: Array.from({ length: 50 }, (_, index) => `h${index}.example`) },
    { users: 'as-stated' },
  ])('may be %j', (microsoft) => {
    expect(refusedFor(microsoft)).toEqual(['accepted']);
    expect(set(microsoft).policy.microsoft).toMatchObject(microsoft);
  });

  it.each<[object, readonly string[]]>([
    [{ applicationId: 'exchange' }, ['/applicationId']],
    [{ applicationId: 'ABCDEF02-0000-0ff1-ce00-000000000000' }, ['/applicationId']],
    [{ realms: [] }, ['/realms']],
    [{ realms: ['*'] }, ['/realms']],
    [{ realms: ['Contoso.example'] }, ['/realms']],
    [{ realms: ['a.example', 'a.example'] }, ['/realms']],
    [{ realms: Array.from({ length: 11 }, (_, index) => `r${index}.example`) }, ['/realms']],
    [{ hosts: ['https://api.contoso.example'] }, ['/hosts']],
    [{ hosts: ['api.contoso.example', 'API.contoso.example'] }, ['/hosts']],
    [{ hosts: Array.from({ length: 51 }, (_, index) => `h${index}.example`) }, ['/hosts']],
    [{ tokenHosts: ['a b'] }, ['/tokenHosts']],
    [{ hosts: ['a.example'], tokenHosts: ['a.example'] }, ['/tokenHosts']],
    [{ hosts: ['A.example'], tokenHosts: ['a.example'] }, ['/tokenHosts']],
    [{ users: 'all' }, ['/users']],
  ])('cannot be %j', (microsoft, pointers) => {
    expect(refusedFor(microsoft)).toEqual(pointers);
  });
});
