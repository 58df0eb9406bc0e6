/**
 * Partners that write Python: Authlib, MSAL, Google's library and requests obtain a token by every method, over real HTTP and real TLS.
 * Runs where the interpreter `$PYTHON` (or python3) has these libraries: pip install authlib google-auth msal requests.
 */

import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { decodeJwt, exportPKCS8, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY, type Issued, issue } from '../support/certificate-authority.ts';
import {
  administer,
  assertionOf,
  callAdmin,
  type MutualTlsService,
  makePartner,
  mustCreate,
  postToken,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
} from '../support/service.ts';
import { certify, root } from '../support/tls-server.ts';

const PYTHON = process.env.PYTHON ?? 'python3';
const IMPORTS = 'import authlib, google.oauth2, joserfc, msal, requests';
const isHere = spawnSync(PYTHON, ['-c', IMPORTS]).status === 0;

const SCRIPT = join(import.meta.dirname, '../support/python/token_client.py');
const EXCHANGE_AUDIENCE = 'https://downstream.example.com';

interface Outcome {
  readonly name: string;
  readonly token?: string;
  readonly error?: string;
}

const pemOf = async ({ privateKey }: TestPartner): Promise<string> => exportPKCS8(privateKey);

const keyPem = async ({ keys }: Issued): Promise<string> => {
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/(.{64})/g, '$1\n')}\n-----END PRIVATE KEY-----\n`;
};

describe.runIf(isHere)('a Python client', () => {
  let service: MutualTlsService;
  let outcomes: ReadonlyMap<string, Outcome>;
  const audience = () => `${service.issuer}/whoami`;

  /** A partner with a grant on what stands behind the authorizer. */
  const register = async (id: string, members: object): Promise<void> => {
    await mustCreate(service, '/partners', { id, ...members });
    await mustCreate(service, '/grants', { client: id, audience: audience(), scopes: ['read'] });
  };

  const secretOf = async (id: string): Promise<string> => {
    await register(id, {});
    return String((await mustCreate(service, `/partners/${id}/secrets`, {})).secret);
  };

  beforeAll(async () => {
    const span = { notBefore: 0, notAfter: Math.floor(Date.now() / 1_000) + 365 * DAY };
    const authority = await issue({ name: 'Authority of partners', authority: true, ...span });
    const issued = await issue({ name: 'orders.example.com', issuer: authority, ...span });
    const selfSigned = await issue({ name: 'standalone', ...span });
    service = await startService({ mutualTls: { truststore: `${authority.pem}\n${selfSigned.pem}` } });
    const { version } = (await callAdmin(service, 'GET', '/admin/realms/default')).body;
    await callAdmin(service, 'PATCH', '/admin/realms/default', { version, policy: { clientSecrets: true } });
    await mustCreate(service, '/partners', { id: 'owner' });
    await mustCreate(service, '/audiences', { audience: audience(), owner: 'owner', scopes: ['read', 'write'] });

    const [crm, middle, workload, gcp] = await Promise.all([
      makePartner('crm'),
      makePartner('middle'),
      makePartner('cluster'),
      makePartner('gcp', 'RS256'),
    ]);
    await register('crm', { jwks: { keys: [crm.publicJwk] }, trustLevel: 'full' });
    await mustCreate(service, '/partners', { id: 'middle', jwks: { keys: [middle.publicJwk] }, trustLevel: 'full' });
    await mustCreate(service, '/audiences', {
      audience: 'https://middle.example.com',
      owner: 'middle',
      scopes: ['go'],
    });
    await mustCreate(service, '/audiences', { audience: EXCHANGE_AUDIENCE, owner: 'owner', scopes: ['far'] });
    await mustCreate(service, '/grants', { client: 'crm', audience: 'https://middle.example.com', scopes: ['go'] });
    await mustCreate(service, '/grants', { client: 'middle', audience: EXCHANGE_AUDIENCE, scopes: ['far'] });
    await administer(service, 'DELETE', `/grants?client=crm&audience=${encodeURIComponent(audience())}`);
    const called = await postToken(service, tokenForm(await assertionOf(crm, service.issuer)));
    await mustCreate(service, '/grants', { client: 'crm', audience: audience(), scopes: ['read'] });
    await administer(service, 'DELETE', '/grants?client=crm&audience=https%3A%2F%2Fmiddle.example.com');

    const email = 'reports@project.iam.gserviceaccount.com';
    await register('gcp', { jwks: { keys: [gcp.publicJwk] }, issuer: email, compatibility: 'google' });
    const cluster = 'https://cluster.example.com';
    await mustCreate(service, '/partners', {
      id: 'cluster',
      issuer: cluster,
      trustedIssuer: true,
      jwks: { keys: [workload.publicJwk] },
    });
    await register('pod', {
      federation: [{ issuer: cluster, claims: { sub: { exact: 'system:pod' } }, reusable: true }],
    });
    await register('orders', { tlsSubject: { subjectDn: 'CN=orders.example.com' } });
    await register('standalone', { credentials: [{ certificate: selfSigned.pem }] });

    const directory = mkdtempSync(join(tmpdir(), 'countersign-python-'));
    const file = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    const endpoint = `${service.issuer}/token`;
    const mutual = {
      by: 'certificate',
      endpoint: `${service.mutualTlsUrl}/token`,
      ca_file: file('ca.pem', service.serverCa),
    };
    const key = { issuer: service.issuer, endpoint, client: 'crm', kid: 'crm-key', key: await pemOf(crm) };
    const cases = [
      { name: 'private_key_jwt', by: 'private_key_jwt', ...key },
      { name: 'jwt-bearer about itself', by: 'jwt_bearer', subject: 'crm', ...key },
      { name: 'jwt-bearer about a user', by: 'jwt_bearer', subject: 'alice', ...key },
      {
        ...key,
        name: 'token exchange',
        by: 'token_exchange',
        client: 'middle',
        kid: 'middle-key',
        key: await pemOf(middle),
        subject_token: called.body.access_token,
        resource: EXCHANGE_AUDIENCE,
      },
      {
        name: 'client_secret_basic',
        by: 'client_secret_basic',
        endpoint,
        client: 'basic',
        secret: await secretOf('basic'),
      },
      {
        name: 'client_secret_post',
        by: 'client_secret_post',
        endpoint,
        client: 'post',
        secret: await secretOf('post'),
      },
      { name: 'DPoP', by: 'dpop', endpoint, client: 'bound', secret: await secretOf('bound'), resource: audience() },
      { name: 'Google', by: 'google_service_account', endpoint, email, kid: 'gcp-key', key: await pemOf(gcp) },
      {
        name: 'federated',
        by: 'federated',
        endpoint,
        client: 'pod',
        assertion: await new SignJWT({ iss: cluster, sub: 'system:pod', aud: [service.issuer] })
          .setProtectedHeader({ alg: 'ES256', kid: 'cluster-key' })
          .setIssuedAt()
          .setExpirationTime('10m')
          .sign(workload.privateKey),
      },
      {
        ...mutual,
        name: 'tls_client_auth',
        client: 'orders',
        certificate_file: file('orders.pem', issued.pem),
        key_file: file('orders.key', await keyPem(issued)),
      },
      {
        ...mutual,
        name: 'self_signed_tls_client_auth',
        client: 'standalone',
        certificate_file: file('standalone.pem', selfSigned.pem),
        key_file: file('standalone.key', await keyPem(selfSigned)),
      },
    ];
    outcomes = await runPython(cases);
  }, 120_000);

  afterAll(() => service?.[Symbol.asyncDispose]());

  it.each([
    ['private_key_jwt', 'crm', 'crm'],
    ['jwt-bearer about itself', 'crm', 'crm'],
    ['jwt-bearer about a user', 'alice', 'crm'],
    ['token exchange', 'crm', 'middle'],
    ['client_secret_basic', 'basic', 'basic'],
    ['client_secret_post', 'post', 'post'],
    ['DPoP', 'bound', 'bound'],
    ['Google', 'gcp', 'gcp'],
    ['federated', 'pod', 'pod'],
    ['tls_client_auth', 'orders', 'orders'],
    ['self_signed_tls_client_auth', 'standalone', 'standalone'],
  ])('gets a token by %s', (name, sub, client) => {
    const { token, error } = outcomes.get(name) ?? {};
    expect(error).toBeUndefined();
    expect(decodeJwt(token ?? '')).toMatchObject({ sub, client_id: client, iss: service.issuer });
  });
});

/** MSAL loads an authority over https only, and wants one with a path. */
describe.runIf(isHere)('MSAL for Python', () => {
  let service: Service;
  let outcomes: ReadonlyMap<string, Outcome>;

  beforeAll(async () => {
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), root.pem]);
    service = await startService({ tls: await certify(['127.0.0.1']) });
    const admin = async (path: string, body: object): Promise<void> => {
      const answer = await callAdmin(service, 'POST', `/admin/realms${path}`, body);
      if (answer.status >= 300) throw new Error(`${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
    };
    await admin('', { name: 'contoso', policy: { algorithms: ['RS256'] } });
    await admin('/contoso/keys', { algorithm: 'RS256' });
    await admin('/contoso/partners', { id: 'owner' });
    await admin('/contoso/audiences', { audience: 'https://api.example.com', owner: 'owner', scopes: ['read'] });
    const rsa = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2_048, publicExponent: RSA_EXPONENT };
    const span = { notBefore: 0, notAfter: Math.floor(Date.now() / 1_000) + DAY };
    const certificate = await issue({ name: 'hr', algorithm: rsa, ...span });
    const key = await keyPem(certificate);
    const thumbprint = createHash('sha1').update(Buffer.from(certificate.base64, 'base64')).digest('hex');
    const credentials = {
      thumbprint: { alg: 'RS256', credential: { private_key: key, thumbprint } },
      certificate: { alg: 'PS256', credential: { private_key: key, public_certificate: certificate.pem } },
    };
    const directory = mkdtempSync(join(tmpdir(), 'countersign-msal-'));
    const caFile = join(directory, 'ca.pem');
    writeFileSync(caFile, root.pem);
    const cases = [];
    for (const [name, { alg, credential }] of Object.entries(credentials)) {
      for (const compatibility of ['msal', 'strict']) {
        const client = `${name}-${compatibility}`;
        const registered = [{ certificate: certificate.pem, alg }];
        await admin('/contoso/partners', { id: client, compatibility, credentials: registered });
        await admin('/contoso/grants', { client, audience: 'https://api.example.com', scopes: ['read'] });
        const authority = `${service.issuer}/realms/contoso`;
        cases.push({ name: client, by: 'msal', client, authority, credential });
      }
    }
    outcomes = await runPython(cases, { REQUESTS_CA_BUNDLE: caFile });
  }, 120_000);

  afterAll(() => service?.[Symbol.asyncDispose]());

  it.each(['thumbprint', 'certificate'])('gets tokens with its %s, again and again with one assertion', (name) => {
    const { token, error } = outcomes.get(`${name}-msal`) ?? {};
    expect(error).toBeUndefined();
    expect(decodeJwt(token ?? '')).toMatchObject({ sub: `${name}-msal`, iss: `${service.issuer}/realms/contoso` });
  });

  it.each(['thumbprint', 'certificate'])('is refused under the strict profile with its %s', (name) => {
    expect(outcomes.get(`${name}-strict`)?.error).toContain('invalid_client');
  });
});

const RSA_EXPONENT = new Uint8Array([1, 0, 1]);

/** Not spawnSync: the service answers from this process. */
const runPython = async (cases: readonly object[], env: object = {}): Promise<ReadonlyMap<string, Outcome>> => {
  const { stdout, stderr } = await new Promise<{ readonly stdout: string; readonly stderr: string }>((resolve) => {
    const child = execFile(PYTHON, [SCRIPT], { timeout: 60_000, env: { ...process.env, ...env } }, (_error, out, err) =>
      resolve({ stdout: out, stderr: err }),
    );
    child.stdin?.end(JSON.stringify(cases));
  });
  if (stdout === '') throw new Error(stderr);
  return new Map((JSON.parse(stdout) as Outcome[]).map((outcome) => [outcome.name, outcome]));
};
