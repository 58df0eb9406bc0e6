import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, EmbeddedJWK, type JWK, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { certify, root } from '../support/tls-server.ts';
import { type Reply, serve, type TestServer } from './http-server.ts';
import type { SignedRequest } from './sigv4.ts';
import { countersign, oneLine } from './terminal.ts';

const SECRET = 'csec_a b+c:d%';
const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl';
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const PRIVATE_JWK = JSON.stringify(key.export({ format: 'jwk' }));
const GRANTED = { access_token: 'token', token_type: 'Bearer', expires_in: 60 };

let server: TestServer;
let answerToken: (request: SignedRequest) => Reply | Promise<Reply>;
let metadata: Record<string, unknown>;
let directory: string;
beforeEach(async () => {
  answerToken = () => ({ status: 200, body: GRANTED });
  metadata = {};
  server = await serve((request) => {
    if (request.target === '/token') return answerToken(request);
    const urls = { issuer: server.url, token_endpoint: `${server.url}/token`, jwks_uri: `${server.url}/jwks` };
    return { status: 200, body: { ...urls, ...metadata } };
  });
  directory = await mkdtemp(join(tmpdir(), 'countersign-get-'));
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const write = async (name: string, content: string): Promise<string> => {
  await writeFile(join(directory, name), content);
  return join(directory, name);
};
const get = (...argv: readonly string[]) =>
  countersign(['token', 'get', '--client', 'billing', '--endpoint', server.url, ...argv], { env: {}, stdin: '' });
const sent = () => {
  const last = server.requests.at(-1);
  const { headers = {}, body = '' }: Partial<SignedRequest> = last ?? {};
  return { headers, form: Object.fromEntries(new URLSearchParams(body)) };
};
const byKey = async () => ['--key', await write('key.json', PRIVATE_JWK)];

describe('token get proves the partner', () => {
  it('with a secret in the header, each half form-encoded before they are put together', async () => {
    const outcome = await get('--secret-file', await write('secret', `${SECRET}\n`));
    expect(outcome).toEqual({ exitCode: 0, stdout: 'token\n', stderr: '' });
    const [scheme, credentials = ''] = String(sent().headers.authorization).split(' ');
    expect([scheme, Buffer.from(credentials, 'base64').toString()]).toEqual(['Basic', 'billing:csec_a+b%2Bc%3Ad%25']);
    expect(sent().form).toEqual({ grant_type: 'client_credentials' });
  });

  it('with a secret in the form where told so', async () => {
    await get('--secret-file', await write('secret', SECRET), '--auth', 'client_secret_post');
    expect(sent().headers.authorization).toBeUndefined();
    expect(sent().form).toEqual({ grant_type: 'client_credentials', client_id: 'billing', client_secret: SECRET });
  });

  it('with a token of another issuer', async () => {
    await get('--assertion-file', await write('assertion', `\n${JWT}\n`));
    expect(sent().form).toEqual({
      grant_type: 'client_credentials',
      client_id: 'billing',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: JWT,
    });
  });

  it.each([
    ['nothing', [], 'nothing proves the partner: pass --key, --secret-file, --assertion-file, or --tls-cert'],
    ['two proofs', ['--secret-file', 'FILE', '--assertion-file', 'FILE'], 'cannot be used with'],
    ['a secret and a key', ['--secret-file', 'FILE', '--key', 'FILE'], 'cannot be used with'],
    ['a method without secret', ['--assertion-file', 'FILE', '--auth', 'client_secret_post'], '--auth goes with'],
    ['a key id without key', ['--secret-file', 'FILE', '--kid', 'x'], '--kid and --alg go with --key'],
    ['a certificate without key', ['--tls-cert', 'FILE'], '--tls-cert and --tls-key go together'],
    ['two standard inputs', ['--secret-file', '-', '--tls-cert', '-', '--tls-key', 'FILE'], 'can be read once'],
    ['an assertion that is none', ['--assertion-file', 'FILE'], 'does not hold a signed JWT'],
    ['a private key for a secret', ['--secret-file', 'PEM'], 'does not hold a client secret'],
    ['an empty secret', ['--secret-file', 'EMPTY'], 'does not hold a client secret'],
    ['a certificate that is none', ['--tls-cert', 'FILE', '--tls-key', 'PEM'], '--tls-cert is not a PEM certificate'],
  ])('not with %s', async (_, argv, message) => {
    const files = {
      FILE: await write('file', 'hidden-content'),
      PEM: await write('pem', key.export({ type: 'pkcs8', format: 'pem' }).toString()),
      EMPTY: await write('empty', '\n'),
    };
    const outcome = await get(...argv.map((word) => files[word as keyof typeof files] ?? word));
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr).not.toContain('hidden-content');
    expect(oneLine(outcome.stderr)).toBe(true);
    expect(server.requests).toEqual([]);
  });
});

describe('token get over mutual TLS', () => {
  /** At the door that asks for certificates: answers with the fingerprint of the one that it is shown. */
  async function startDoor() {
    const door = createServer({ ...(await certify(['127.0.0.1'])), requestCert: true, rejectUnauthorized: false });
    door.on('request', (request, response) => {
      const shown = (request.socket as TLSSocket).getPeerCertificate().fingerprint256 ?? 'none';
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ ...GRANTED, access_token: `${request.url} ${shown}` }));
      });
    });
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(door.address() as AddressInfo).port}`;
    return {
      url,
      [Symbol.asyncDispose]: async () => {
        door.closeAllConnections();
        door.close();
      },
    };
  }

  it('shows its certificate at the alias of the endpoint, whatever else proves it', async () => {
    await using door = await startDoor();
    metadata = { mtls_endpoint_aliases: { token_endpoint: `${door.url}/mtls/token` } };
    const client = await certify(['edge.example.com']);
    const files = ['--tls-cert', await write('c.pem', client.cert), '--tls-key', await write('k.pem', client.key)];
    const trust = ['--tls-ca', await write('ca.pem', root.pem)];
    const { fingerprint256 } = new X509Certificate(client.cert);
    expect(await get(...files, ...trust)).toEqual({
      exitCode: 0,
      stdout: `/mtls/token ${fingerprint256}\n`,
      stderr: '',
    });
    expect(await get(...files, ...trust, ...(await byKey()))).toMatchObject({
      stdout: `/mtls/token ${fingerprint256}\n`,
    });
    const untrusted = await get(...files);
    expect(untrusted).toMatchObject({ exitCode: 3, stdout: '' });
    expect(untrusted.stderr).toMatch(/cannot reach https:\S+: .*\(a private CA\? start with NODE_EXTRA_CA_CERTS/);
  });

  it('shows none where there is no TLS, or the key is another one’s', async () => {
    const [one, other] = [await certify(['a.example']), await certify(['b.example'])];
    const cert = ['--tls-cert', await write('c.pem', one.cert)];
    const mixed = await get(...cert, '--tls-key', await write('o.pem', other.key));
    expect(mixed).toEqual({ exitCode: 2, stdout: '', stderr: 'countersign: --tls-key is not the key of --tls-cert\n' });
    const plain = await get(...cert, '--tls-key', await write('k.pem', one.key));
    expect(plain).toMatchObject({ exitCode: 1, stdout: '' });
    expect(plain.stderr).toContain('is no TLS endpoint, so no certificate can be presented there');
    expect(server.requests.map(({ target }) => target)).not.toContain('/token');
  });
});

describe('token get with DPoP', () => {
  const NONCE = 'nonce-1';
  const proofs: { readonly jwk: JWK; readonly claims: Record<string, unknown> }[] = [];

  /** RFC 9449 4.3 and 8: verifies each proof, and wants its own nonce in it. */
  async function answerDpop({ headers }: SignedRequest): Promise<Reply> {
    const proof = String(headers.dpop);
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { typ: 'dpop+jwt', maxTokenAge: 60 });
    proofs.push({ jwk: protectedHeader.jwk ?? {}, claims: payload });
    if (payload.nonce === NONCE) return { status: 200, body: { ...GRANTED, token_type: 'DPoP' } };
    return { status: 400, body: { error: 'use_dpop_nonce' }, headers: { 'dpop-nonce': NONCE } };
  }
  beforeEach(() => {
    proofs.length = 0;
    answerToken = answerDpop;
  });

  it('binds the token to your key, and gives the service the nonce that it asks for', async () => {
    const outcome = await get(...(await byKey()), '--dpop-key', await write('dpop.json', PRIVATE_JWK));
    expect(outcome).toEqual({ exitCode: 0, stdout: 'token\n', stderr: '' });
    expect(proofs.map(({ claims }) => claims.nonce)).toEqual([undefined, NONCE]);
    expect(proofs[1]?.claims).toMatchObject({ htm: 'POST', htu: `${server.url}/token`, jti: expect.any(String) });
    expect(new Set(proofs.map(({ claims }) => claims.jti)).size).toBe(2);
    const { kty, crv, x, y } = key.export({ format: 'jwk' });
    expect(proofs[1]?.jwk).toEqual({ kty, crv, x, y });
    const assertions = server.requests.flatMap(({ body }) => new URLSearchParams(body).get('client_assertion') ?? []);
    expect(new Set(assertions.map((assertion) => decodeJwt(assertion).jti)).size).toBe(2);
  });

  it('makes a key for one token, and says that it is gone', async () => {
    const outcome = await get(...(await byKey()), '--dpop');
    expect(outcome).toMatchObject({ exitCode: 0, stdout: 'token\n' });
    expect(outcome.stderr).toMatch(/^countersign: the token is bound to a key that is gone now; .*--dpop-key FILE\n$/);
    const own = await calculateJwkThumbprint(key.export({ format: 'jwk' }));
    expect(await calculateJwkThumbprint(proofs[0]?.jwk ?? {})).not.toBe(own);
  });

  it('takes no token that is not bound, and asks no third time', async () => {
    answerToken = () => ({ status: 200, body: GRANTED });
    const unbound = await get(...(await byKey()), '--dpop');
    expect(unbound).toMatchObject({ exitCode: 1, stdout: '' });
    expect(unbound.stderr).toContain('the token is not bound to the DPoP key');
    answerToken = () => ({ status: 400, body: { error: 'use_dpop_nonce' }, headers: { 'dpop-nonce': 'another' } });
    const before = server.requests.length;
    expect(await get(...(await byKey()), '--dpop')).toMatchObject({
      exitCode: 1,
      stderr: 'countersign: use_dpop_nonce\n',
    });
    expect(server.requests.slice(before).filter(({ target }) => target === '/token')).toHaveLength(2);
  });

  it('sends no proof unless it is asked to', async () => {
    answerToken = () => ({ status: 400, body: { error: 'use_dpop_nonce' }, headers: { 'dpop-nonce': 'x' } });
    expect(await get(...(await byKey()))).toMatchObject({ exitCode: 1 });
    expect(sent().headers.dpop).toBeUndefined();
  });
});

describe('token get asks for', () => {
  it.each([
    [
      'jwt-bearer',
      ['--grant', 'jwt-bearer', '--grant-assertion-file', 'FILE'],
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: JWT,
      },
    ],
    [
      'token exchange',
      ['--grant', 'token-exchange', '--subject-token-file', 'FILE'],
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: JWT,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      },
    ],
    [
      'an exchange of another type',
      ['--grant', 'token-exchange', '--subject-token-file', 'FILE', '--subject-token-type', 'jwt'],
      {
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      },
    ],
    [
      'an exchange of a type of one’s own',
      ['--grant', 'token-exchange', '--subject-token-file', 'FILE', '--subject-token-type', 'urn:x'],
      {
        subject_token_type: 'urn:x',
      },
    ],
    [
      'authorization details',
      ['--authorization-details', '[{"type":"payment"}]'],
      {
        grant_type: 'client_credentials',
        authorization_details: '[{"type":"payment"}]',
      },
    ],
    [
      'client credentials by name',
      ['--grant', 'client-credentials', '--scope', 'a'],
      { grant_type: 'client_credentials', scope: 'a' },
    ],
  ])('%s', async (_, argv, form) => {
    const file = await write('token', `${JWT}\n`);
    const outcome = await get(...(await byKey()), ...argv.map((word) => (word === 'FILE' ? file : word)));
    expect(outcome).toEqual({ exitCode: 0, stdout: 'token\n', stderr: '' });
    expect(sent().form).toMatchObject(form);
    expect(decodeProtectedHeader(sent().form.client_assertion ?? '').typ).toBe('client-authentication+jwt');
  });

  it.each([
    [
      'an assertion without its grant',
      ['--grant-assertion-file', 'FILE'],
      '--grant-assertion-file goes with --grant jwt-bearer',
    ],
    ['a subject without its grant', ['--subject-token-file', 'FILE'], 'go with --grant token-exchange'],
    [
      'a type without its grant',
      ['--grant', 'jwt-bearer', '--subject-token-type', 'jwt'],
      'go with --grant token-exchange',
    ],
    ['a grant without its assertion', ['--grant', 'jwt-bearer'], 'no token: pass --grant-assertion-file FILE'],
    ['a grant without its subject', ['--grant', 'token-exchange'], 'no token: pass --subject-token-file FILE'],
    ['a grant that is none', ['--grant', 'password'], 'Allowed choices are client-credentials, jwt-bearer'],
    [
      'a subject that is no token',
      ['--grant', 'token-exchange', '--subject-token-file', 'BAD'],
      'does not hold a signed JWT',
    ],
    ['details that are no list', ['--authorization-details', '{"type":"payment"}'], 'Not a JSON list of objects'],
    ['details without type', ['--authorization-details', '[{}]'], 'Not a JSON list of objects'],
    ['details that are no JSON', ['--authorization-details', 'payment'], 'Not a JSON list of objects'],
  ])('not %s', async (_, argv, message) => {
    const files = { FILE: await write('token', JWT), BAD: await write('bad', 'hidden-content') };
    const outcome = await get(...(await byKey()), ...argv.map((word) => files[word as keyof typeof files] ?? word));
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr).not.toContain('hidden-content');
    expect(server.requests).toEqual([]);
  });
});
