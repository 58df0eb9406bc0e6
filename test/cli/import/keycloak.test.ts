import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { importKeycloak } from '../../../cli/import/keycloak.ts';
import { CERTIFICATE } from '../certificate.ts';
import { fixture, notesOf, partnerOf } from './fixture.ts';

const machine = (more: object) => ({ clientId: 'a', serviceAccountsEnabled: true, ...more });
const signing = (attributes: object) => machine({ clientAuthenticatorType: 'client-jwt', attributes });

describe('importKeycloak', () => {
  it('makes partners of service accounts and of what they call, and of nothing else', () => {
    const { partners } = importKeycloak(fixture('keycloak-realm.json'));
    expect(partners.map(({ id, name, enabled }) => [id, name, enabled])).toEqual([
      ['archive', 'Archive', false],
      ['billing', 'Billing', undefined],
      ['crm', 'CRM', undefined],
      ['edge', undefined, undefined],
      ['gateway.example.com', undefined, undefined],
      ['ledger', undefined, false],
      ['nightly-export', 'Nightly export', undefined],
      ['reports', undefined, undefined],
      ['stock.example.com', undefined, undefined],
    ]);
  });

  it('turns client roles with what they bring along into scopes, and audience mappers of scopes into grants', () => {
    const imported = importKeycloak(fixture('keycloak-realm.json'));
    expect(partnerOf(imported, 'crm')).toEqual({
      id: 'crm',
      name: 'CRM',
      jwksUri: 'https://crm.example.com/jwks.json',
      tokenPolicy: { accessTokenSeconds: 600, algorithm: 'ES256', binding: 'dpop' },
      claims: { region: 'eu', tier: 2 },
      grants: [
        { audience: 'api://billing', scopes: ['invoices:read', 'invoices:write'] },
        { audience: 'https://stock.example.com', scopes: ['stock:read'] },
      ],
    });
    expect(partnerOf(imported, 'billing').audiences).toEqual([
      { audience: 'api://billing', scopes: ['invoices:admin', 'invoices:read', 'invoices:write'] },
    ]);
  });

  it('grants only the roles that scope mappings let into tokens', () => {
    const imported = importKeycloak(fixture('keycloak-realm.json'));
    // The account has invoices:admin as well.
    expect(partnerOf(imported, 'reports').grants).toEqual([{ audience: 'api://billing', scopes: ['invoices:read'] }]);
  });

  it('gives a scope without audience to the one audience of the client, and makes one up for access without scope', () => {
    const imported = importKeycloak(fixture('keycloak-realm.json'));
    expect(partnerOf(imported, 'ledger').grants).toEqual([{ audience: 'api://archive', scopes: ['archive-put'] }]);
    expect(partnerOf(imported, 'edge').grants).toEqual([
      { audience: 'https://gateway.example.com', scopes: ['access'] },
    ]);
  });

  it('carries over keys of every form that Keycloak has', () => {
    const imported = importKeycloak(fixture('keycloak-realm.json'));
    const [certificate] = partnerOf(imported, 'reports').credentials ?? [];
    expect(new X509Certificate(Buffer.from(certificate?.certificate ?? '', 'base64')).subject).toBe(
      'CN=reports.example.com',
    );
    expect(partnerOf(imported, 'ledger').credentials).toEqual([
      { jwk: { kty: 'EC', crv: 'P-256', x: expect.any(String), y: expect.any(String), alg: 'ES256', kid: 'ledger-1' } },
    ]);
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const base64 = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    const direct = importKeycloak(signing({ 'jwt.credential.public.key': base64, 'jwt.credential.kid': 'k1' }));
    expect(partnerOf(direct, 'a').credentials).toEqual([
      { jwk: { ...publicKey.export({ format: 'jwk' }), kid: 'k1' } },
    ]);
  });

  it('takes a certificate as PEM too', () => {
    const imported = importKeycloak(signing({ 'jwt.credential.certificate': CERTIFICATE }));
    const base64 = new X509Certificate(CERTIFICATE).raw.toString('base64');
    expect(partnerOf(imported, 'a').credentials).toEqual([{ certificate: base64 }]);
  });

  it('ignores keys that the client does not prove itself with', () => {
    const attributes = {
      'jwt.credential.certificate': CERTIFICATE,
      'use.jwks.url': 'true',
      'jwks.url': 'https://a.example/jwks',
    };
    const imported = importKeycloak(machine({ clientAuthenticatorType: 'client-secret', attributes }));
    expect(partnerOf(imported, 'a')).toEqual({ id: 'a' });
  });

  it('says what was left out of the realm and of each client', () => {
    const imported = importKeycloak(fixture('keycloak-realm.json'));
    expect(notesOf(imported)).toEqual([
      'client "shop" was left out: it has no service account, and nobody calls it',
      'private key material in the export (/components/org.keycloak.keys.KeyProvider/0/config/privateKey/0) was not carried ' +
        'over: treat it as exposed and replace it where it is used',
      'roles of "edge", "ledger", "nightly export" were not seen: the export lacks the users of these service accounts',
      'tokens of the realm live 300 s unless a client says otherwise: to keep that: countersign realm set REALM --token-seconds 300',
      'the export holds secrets: delete it when the import is done',
      '"billing" is not a URI: its audience is api://billing (--map api://billing=URI for another), and what checks "aud" has to know that',
      '"archive" is not a URI: its audience is api://archive (--map api://archive=URI for another), and what checks "aud" has to know that',
      'the scope "access" was made up for "https://gateway.example.com": access without any scope has to be named here',
    ]);
    expect(notesOf(imported, 'crm')).toEqual([
      'protocol mappers left out: "place"',
      'its roles of Keycloak\'s own client "account" were left out',
      'its realm roles belong to no resource and were left out: "auditor"',
      'what its service account may do through groups was left out',
      'its scope "loose" belongs to no audience and was left out',
    ]);
    expect(notesOf(imported, 'edge')).toEqual([]);
    expect(notesOf(imported, 'ledger')).toEqual(['a key for encryption was left out']);
    expect(notesOf(imported, 'nightly-export')[0]).toBe('a token lifetime of 30 s became 60 s');
  });

  it('knows a client by the subject of its TLS certificate, and not by a pattern', () => {
    expect(partnerOf(importKeycloak(fixture('keycloak-realm.json')), 'edge').tlsSubject).toEqual({
      subjectDn: 'CN=edge.example.com',
    });
    const attributes = { 'x509.subjectdn': 'CN=.*', 'x509.allow.regex.pattern.comparison': 'true' };
    const imported = importKeycloak({ clients: [machine({ clientAuthenticatorType: 'client-x509', attributes })] });
    expect(partnerOf(imported, 'a')).not.toHaveProperty('tlsSubject');
    expect(notesOf(imported, 'a')).toEqual([
      'proves itself with a TLS certificate there whose subject is a pattern or not told: say it in tlsSubject',
      expect.stringContaining('no public key came along'),
    ]);
  });

  it('tells of a private key and a secret in a client, and repeats neither', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const base64 = privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');
    const attributes = { 'jwt.credential.private.key': base64 };
    const imported = importKeycloak({ clients: [machine({ attributes, secret: 'made-up-client-secret' })] });
    expect(notesOf(imported, 'a').slice(0, 2)).toEqual([
      expect.stringContaining('private key material in its entry (/attributes/jwt.credential.private.key)'),
      'its client secret was not carried over: partners prove themselves with a key, or where the realm allows it with a new secret (countersign secret add)',
    ]);
    expect(JSON.stringify(imported)).not.toMatch(/made-up-client-secret|MIGHAgEA/);
  });

  it('finds a private key inside a JWKS that is text', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const jwks = JSON.stringify({ keys: [privateKey.export({ format: 'jwk' })] });
    const imported = importKeycloak(signing({ 'use.jwks.string': 'true', 'jwks.string': jwks }));
    expect(partnerOf(imported, 'a')).toEqual({ id: 'a' });
    expect(notesOf(imported, 'a')[0]).toContain('(/attributes/jwks.string/keys/0)');
  });

  it.each([
    ['a client', machine({})],
    ['a list of clients', [machine({})]],
    ['a realm', { realm: 'r', clients: [machine({})] }],
    ['a file with one realm', [{ realm: 'r', clients: [machine({})] }]],
  ])('takes %s', (_name, document) => {
    expect(importKeycloak(document).partners).toEqual([{ id: 'a' }]);
  });

  it("leaves out Keycloak's own clients, and those of other realms in master", () => {
    const clients = ['account', 'broker', 'realm-management', 'shop-realm', 'a'].map((clientId) =>
      machine({ clientId }),
    );
    expect(importKeycloak({ realm: 'master', clients }).partners).toEqual([{ id: 'a' }]);
    expect(importKeycloak({ realm: 'shop', clients }).partners.map(({ id }) => id)).toEqual(['a', 'shop-realm']);
  });

  it('survives roles that bring each other along', () => {
    const client = {
      b: [
        { name: 'x', composites: { client: { b: ['y'] } } },
        { name: 'y', composites: { client: { b: ['x'] } } },
      ],
    };
    const users = [{ serviceAccountClientId: 'a', clientRoles: { b: ['x'] } }];
    const imported = importKeycloak({ clients: [machine({})], roles: { client }, users });
    expect(partnerOf(imported, 'a').grants).toEqual([{ audience: 'api://b', scopes: ['x', 'y'] }]);
  });

  it('refuses several realms at once, and what is no export', () => {
    const realm = { realm: 'r', clients: [] };
    expect(() => importKeycloak([realm, realm])).toThrow(/^these are several realms: export one/);
    for (const document of [{}, { clients: {} }, 'text', null, [{}]]) {
      expect(() => importKeycloak(document)).toThrow(expect.objectContaining({ exitCode: 2 }));
    }
  });
});
