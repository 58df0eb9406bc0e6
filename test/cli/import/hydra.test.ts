import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { importHydra } from '../../../cli/import/hydra.ts';
import { fixture, notesOf, partnerOf } from './fixture.ts';

const CRM = '5f0c9a52-0000-4000-8000-000000000001';

const machine = (more: object) => ({ client_id: 'a', grant_types: ['client_credentials'], ...more });

describe('importHydra', () => {
  it('carries over contact, metadata, keys, lifetime, and every scope at every audience', () => {
    const imported = importHydra(fixture('hydra-clients.json'));
    const scopes = ['invoices:read', 'invoices:write'];
    expect(partnerOf(imported, CRM)).toEqual({
      id: CRM,
      name: 'CRM',
      contact: 'crm@example.com, oncall@example.com',
      tags: { team: 'sales' },
      credentials: [
        { jwk: { kty: 'RSA', n: expect.any(String), e: 'AQAB', alg: 'RS256', kid: 'crm-1' } },
        { jwk: { kty: 'EC', crv: 'P-256', x: expect.any(String), y: expect.any(String), kid: 'crm-2' } },
      ],
      tokenPolicy: { accessTokenSeconds: 930 },
      grants: [
        { audience: 'https://api.example.com/billing', scopes },
        { audience: 'https://api.example.com/stock', scopes },
      ],
    });
    expect(notesOf(imported, CRM)).toEqual(['metadata left out, being no tag: "limits"']);
  });

  it.each([
    ['subject_dn', { subjectDn: 'edge.example.com' }],
    ['san_dns', { sanDns: 'edge.example.com' }],
    ['san_uri', { sanUri: 'edge.example.com' }],
    ['san_ip', { sanIp: 'edge.example.com' }],
    ['san_email', { sanEmail: 'edge.example.com' }],
  ])('knows a client by the %s of its TLS certificate', (name, tlsSubject) => {
    const names = { [`tls_client_auth_${name}`]: 'edge.example.com' };
    const imported = importHydra([machine({ token_endpoint_auth_method: 'tls_client_auth', ...names })]);
    expect(partnerOf(imported, 'a').tlsSubject).toEqual(tlsSubject);
    expect(notesOf(imported, 'a').join()).not.toContain('no public key came along');
    const other = importHydra([machine({ token_endpoint_auth_method: 'private_key_jwt', ...names })]);
    expect(partnerOf(other, 'a')).not.toHaveProperty('tlsSubject');
  });

  it('does not choose between two names in a TLS certificate', () => {
    const names = { tls_client_auth_san_dns: 'a.example', tls_client_auth_subject_dn: 'CN=a' };
    const imported = importHydra([machine({ token_endpoint_auth_method: 'tls_client_auth', ...names })]);
    expect(partnerOf(imported, 'a')).not.toHaveProperty('tlsSubject');
    expect(notesOf(imported, 'a')).toContain(
      'proves itself with a TLS certificate there that is not told by one name: say it in tlsSubject',
    );
  });

  it('makes one partner for each host of an audience, with the scopes that clients hold', () => {
    const imported = importHydra(fixture('hydra-clients.json'));
    const scopes = ['invoices:read', 'invoices:write'];
    expect(partnerOf(imported, 'api.example.com')).toEqual({
      id: 'api.example.com',
      audiences: [
        { audience: 'https://api.example.com/billing', scopes },
        { audience: 'https://api.example.com/stock', scopes },
      ],
    });
    expect(imported.partners.map(({ id }) => id)).toEqual([
      CRM,
      'api.example.com',
      'metrics.example.com',
      'monitor-probe',
      'nightly',
      'no-audience',
      'warehouse',
    ]);
  });

  it('follows a jwks_uri, and tells of an algorithm and a token form that are not here', () => {
    const imported = importHydra(fixture('hydra-clients.json'));
    const { jwksUri, contact } = partnerOf(imported, 'nightly');
    expect({ jwksUri, contact }).toEqual({ jwksUri: 'https://nightly.example.com/jwks.json', contact: 'ops team' });
    expect(notesOf(imported, 'nightly')).toEqual([
      expect.stringMatching(/^signs with "RS384", which is not taken here/),
      'gets opaque tokens there, and JWTs here',
    ]);
  });

  it('says what cannot be granted and what changed its name', () => {
    const imported = importHydra(fixture('hydra-clients.json'));
    expect(notesOf(imported, 'no-audience')[0]).toBe(
      'has no audience there, so no grant was made (its scopes: "things:read"): say what it may call',
    );
    expect(notesOf(imported, 'monitor-probe')).toEqual([
      'has scopes with a wildcard, which mean themselves here: name the scopes instead',
      'is "monitor/probe" in the export, which cannot be an id: tell its owner this one',
      'no public key came along, so it gets no tokens until: countersign credential add monitor-probe --public-key FILE',
    ]);
    expect(notesOf(imported)).toEqual([
      'client "Web shop" was left out: it may not use the client_credentials grant',
      'Hydra knows no owner of an audience: one partner was made for each host',
      '"warehouse" is not a URI: its audience is api://warehouse (--map api://warehouse=URI for another), and what checks "aud" has to know that',
    ]);
  });

  it.each([
    ['1h', 3600],
    ['1h0m0s', 3600],
    ['90m', 5400],
    ['120.5s', 121],
    ['500ms', 60],
    ['48h0m0s', 86_400],
  ])('reads the lifetime %s', (lifespan, seconds) => {
    const imported = importHydra([machine({ client_credentials_grant_access_token_lifespan: lifespan })]);
    expect(partnerOf(imported, 'a').tokenPolicy).toEqual({ accessTokenSeconds: seconds });
  });

  it.each([null, '', '0s', 'soon', '5', '-1h'])('asks for no lifetime where there is %j', (lifespan) => {
    const imported = importHydra([machine({ client_credentials_grant_access_token_lifespan: lifespan })]);
    expect(partnerOf(imported, 'a')).not.toHaveProperty('tokenPolicy');
  });

  it('takes keys only of clients that prove themselves with them', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const jwks = { keys: [publicKey.export({ format: 'jwk' })] };
    const by = (token_endpoint_auth_method: string) => importHydra([machine({ jwks, token_endpoint_auth_method })]);
    expect(partnerOf(by('private_key_jwt'), 'a').credentials).toHaveLength(1);
    expect(partnerOf(by('client_secret_basic'), 'a')).not.toHaveProperty('credentials');
  });

  it('leaves out a private JWK, says that it is exposed, and keeps the public ones', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const secret = privateKey.export({ format: 'jwk' });
    const keys = [secret, { ...publicKey.export({ format: 'jwk' }), kid: 'good' }, { kty: 'oct', k: 'c2VjcmV0' }];
    const imported = importHydra([machine({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } })]);
    expect(partnerOf(imported, 'a').credentials?.map(({ jwk }) => jwk?.kid)).toEqual(['good']);
    expect(notesOf(imported, 'a')[0]).toContain('private key material in its entry (/jwks/keys/0, /jwks/keys/2)');
    expect(JSON.stringify(imported)).not.toContain(secret.d);
  });

  it('takes a list of the admin API and a single client, and tells when a page is not the last', () => {
    const client = machine({});
    expect(importHydra([client]).partners).toEqual([{ id: 'a' }]);
    expect(importHydra(client).partners).toEqual([{ id: 'a' }]);
    const page = { items: [client], next_page_token: 'x', is_last_page: false };
    expect(notesOf(importHydra(page))[0]).toMatch(/^this is one page of several/);
  });

  it('refuses what is no such export', () => {
    for (const document of [{}, { items: [{}] }, 'text', null, [[]]]) {
      expect(() => importHydra(document)).toThrow(expect.objectContaining({ exitCode: 2 }));
    }
  });
});
