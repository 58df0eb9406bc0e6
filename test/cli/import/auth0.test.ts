import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { importAuth0 } from '../../../cli/import/auth0.ts';
import { fixture, notesOf, partnerOf } from './fixture.ts';

const CRM = 'CrmExAmPlE0000000000000000000000';
const NIGHTLY = 'NightlyExAmPlE000000000000000000';
const BILLING = 'BillingExAmPlE000000000000000000';

const machine = (more: object) => ({ client_id: 'a', grant_types: ['client_credentials'], ...more });

describe('importAuth0', () => {
  it('takes machine-to-machine applications, and makes a partner for an API that is none of them', () => {
    const { partners } = importAuth0(fixture('auth0-tenant.json'));
    expect(partners.map(({ id, name }) => [id, name])).toEqual([
      [BILLING, 'Billing backend'],
      [CRM, 'CRM'],
      [NIGHTLY, 'Nightly export'],
      ['stock-api', 'Stock'],
    ]);
  });

  it('carries over name, metadata, keys in the file and the quota', () => {
    const imported = importAuth0(fixture('auth0-tenant.json'));
    expect(partnerOf(imported, CRM)).toEqual({
      id: CRM,
      name: 'CRM',
      tags: { 'cost-center': '4711', team: 'sales' },
      credentials: [
        {
          jwk: { kty: 'RSA', n: expect.stringMatching(/^wd3SVImH/), e: 'AQAB', alg: 'PS256', kid: 'crm-2026-key' },
          label: 'crm 2026',
          expiresAt: '2027-06-30T00:00:00.000Z',
        },
      ],
      quota: { perDay: 5000, mode: 'enforce' },
      grants: [
        { audience: 'api://stock-api', scopes: ['access'] },
        { audience: 'https://billing.example.com/', scopes: ['read:invoices'] },
      ],
    });
    expect(notesOf(imported, CRM)).toEqual([
      'Auth0 does not give out its key "crm 2027": register the public key again',
      'client metadata left out, being no tag: "notes for us"',
      'its quota per hour was left out: quotas are per minute and per day',
      '"https://billing.example.com/" has no scope "delete:invoices": left out',
    ]);
  });

  it('gives an API to the application that it is linked to, with what it asks of tokens', () => {
    const imported = importAuth0(fixture('auth0-tenant.json'));
    expect(partnerOf(imported, BILLING).audiences).toEqual([
      {
        audience: 'https://billing.example.com/',
        scopes: ['read:invoices', 'write:invoices'],
        tokenPolicy: { accessTokenSeconds: 900, algorithm: 'PS256', binding: 'dpop' },
      },
    ]);
  });

  it('grants all scopes where the grant is of all, and leaves out grants on the Management API', () => {
    const imported = importAuth0(fixture('auth0-tenant.json'));
    expect(partnerOf(imported, NIGHTLY).grants).toEqual([
      { audience: 'https://billing.example.com/', scopes: ['read:invoices', 'write:invoices'] },
    ]);
    expect(notesOf(imported, NIGHTLY)).toContain(
      'its grant on Auth0\'s own API "https://example.eu.auth0.com/api/v2/" was left out',
    );
  });

  it('makes up a scope for an API without permissions, bounds its lifetime and tells of its symmetric signature', () => {
    const imported = importAuth0(fixture('auth0-tenant.json'));
    expect(partnerOf(imported, 'stock-api').audiences).toEqual([
      { audience: 'api://stock-api', scopes: ['access'], tokenPolicy: { accessTokenSeconds: 86_400 } },
    ]);
    expect(notesOf(imported)).toEqual([
      'client "Web shop" was left out: it may not use the client_credentials grant',
      'a token lifetime of 2592000 s became 86400 s',
      'tokens for "stock-api" are signed with "HS256" there, and as the realm does here',
      'the export holds secrets: delete it when the import is done',
      '"stock-api" is not a URI: its audience is api://stock-api (--map api://stock-api=URI for another), and what checks "aud" has to know that',
      'the scope "access" was made up for "stock-api": access without any scope has to be named here',
    ]);
  });

  it('never gives a client without scopes one that the API has a meaning for', () => {
    const imported = importAuth0({
      clients: [machine({})],
      resourceServers: [{ identifier: 'https://a.example', scopes: [{ value: 'access' }] }],
      clientGrants: [{ client_id: 'a', audience: 'https://a.example', scope: [] }],
    });
    expect(partnerOf(imported, 'a').grants).toEqual([{ audience: 'https://a.example', scopes: ['access-2'] }]);
  });

  it('reads tenant.yaml of the Deploy CLI, where grants name clients and ids are missing', () => {
    const imported = importAuth0(fixture('auth0-tenant.yaml'));
    expect(imported.partners.map(({ id, grants }) => [id, grants?.length ?? 0])).toEqual([
      ['CRM-sales', 1],
      ['Nightly-export', 1],
      ['billing.example.com', 0],
    ]);
    expect(notesOf(imported, 'CRM-sales')).toContain(
      'the export does not tell its client id (a0deploy export --export_ids=true does), so its name was taken',
    );
  });

  it('does not guess whose a grant is when two clients have the name', () => {
    const imported = importAuth0({
      clients: [machine({ client_id: 'a', name: 'Twin' }), machine({ client_id: 'b', name: 'Twin' })],
      clientGrants: [{ client_id: 'Twin', audience: 'https://a.example', scope: ['read'] }],
    });
    expect(imported.partners).toEqual([
      { id: 'a', name: 'Twin' },
      { id: 'b', name: 'Twin' },
    ]);
    expect(notesOf(imported)).toContain(
      'the grant of "Twin" on "https://a.example" was left out: no client or several have this name',
    );
  });

  it.each([
    ['the list of the API', (clients: unknown) => clients],
    ['its answer with totals', (clients: unknown) => ({ start: 0, limit: 50, total: 1, clients })],
    ['wrapped answers', (clients: unknown) => ({ clients: { total: 1, clients } })],
    ['one client', ([client]: readonly unknown[]) => client],
  ])('takes %s', (_name, wrap) => {
    expect(importAuth0(wrap([machine({})])).partners).toEqual([{ id: 'a' }]);
  });

  it('takes answers of the API side by side', () => {
    const imported = importAuth0({
      clients: [machine({})],
      resource_servers: {
        total: 1,
        resource_servers: [{ identifier: 'https://a.example', scopes: [{ value: 'read' }] }],
      },
      client_grants: [{ client_id: 'a', audience: 'https://a.example', scope: ['read'] }],
    });
    expect(partnerOf(imported, 'a').grants).toEqual([{ audience: 'https://a.example', scopes: ['read'] }]);
  });

  it('leaves out a private key that stands where a public one belongs, and says that it is exposed', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const methods = { private_key_jwt: { credentials: [{ name: 'oops', credential_type: 'public_key', pem }] } };
    const imported = importAuth0([machine({ client_authentication_methods: methods })]);
    expect(partnerOf(imported, 'a')).toEqual({ id: 'a' });
    expect(notesOf(imported, 'a')[0]).toBe(
      'private key material in its entry (/client_authentication_methods/private_key_jwt/credentials/0/pem) was not carried over: ' +
        'treat it as exposed and replace it where it is used',
    );
    expect(JSON.stringify(imported)).not.toContain(pem.split('\n')[1]);
  });

  it.each([
    ['ec', generateKeyPairSync('ec', { namedCurve: 'P-521' }), undefined],
    ['ed25519', generateKeyPairSync('ed25519'), undefined],
    ['ml-dsa-65', generateKeyPairSync('ml-dsa-65'), 'ML-DSA-65'],
  ])('takes a PEM public key of the kind %s', (_kind, { publicKey }, alg) => {
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    const methods = { private_key_jwt: { credentials: [{ kid: 'key-0123456789', pem }] } };
    const imported = importAuth0([machine({ client_authentication_methods: methods })]);
    const jwk = {
      ...publicKey.export({ format: 'jwk' }),
      ...(alg === undefined ? {} : { alg }),
      kid: 'key-0123456789',
    };
    expect(partnerOf(imported, 'a').credentials).toEqual([{ jwk }]);
  });

  it('tells when a key is for an algorithm that is not taken here', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    const methods = { private_key_jwt: { credentials: [{ name: 'k', alg: 'RS384', pem }] } };
    const imported = importAuth0([machine({ client_authentication_methods: methods })]);
    expect(partnerOf(imported, 'a').credentials?.[0]?.jwk).not.toHaveProperty('alg');
    expect(notesOf(imported, 'a')[0]).toMatch(
      /^signs with "RS384", which is not taken here: it has to change to one of RS256/,
    );
  });

  it('refuses client grants alone, and anything else', () => {
    for (const document of [[{ client_id: 'a', audience: 'b', scope: [] }], { client_grants: [] }, 'text', null, 7]) {
      expect(() => importAuth0(document)).toThrow(expect.objectContaining({ exitCode: 2 }));
    }
  });
});
