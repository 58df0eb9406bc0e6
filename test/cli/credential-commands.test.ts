import { generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { CERTIFICATE } from './certificate.ts';
import { AWS_ENV, countersign } from './terminal.ts';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = ec.publicKey.export({ format: 'jwk' });
const kid = await calculateJwkThumbprint(jwk);

describe('countersign credential', () => {
  let server: AdminServer;
  const call = (argv: readonly string[], stdin = '') =>
    countersign([...argv, '--endpoint', server.url], { env: AWS_ENV, stdin });
  const lastBody = () => JSON.parse(server.requests.at(-1)?.body ?? '');

  beforeEach(async () => {
    server = await startAdminServer();
    await call(['partner', 'add', 'billing']);
  });
  afterEach(() => server[Symbol.asyncDispose]());

  it('adds a key with its terms, once however often it is told to', async () => {
    const add = ['credential', 'add', 'billing', '--jwk', '-', '--label', 'next', '--not-before', '2027-01-01'];
    const first = await call(add, JSON.stringify({ keys: [jwk] }));
    expect(lastBody()).toEqual({
      jwk: { ...jwk, alg: 'ES256', use: 'sig', kid },
      label: 'next',
      notBefore: '2027-01-01T00:00:00Z',
    });
    expect(first.stdout).toMatch(new RegExp(`^Partner billing has the key ${kid}\\.\\nKEY `));
    const again = await call(add, JSON.stringify({ keys: [jwk] }));
    expect(again.stdout).toBe(first.stdout);
  });

  it('gives a key an end and takes it away again, from the version that was read', async () => {
    await call(['credential', 'add', 'billing', '--jwk', '-'], JSON.stringify(jwk));
    const ended = await call(['credential', 'set', 'billing', kid, '--expires-at', '2027-03-31', '--label', 'old']);
    expect(lastBody()).toEqual({ version: 2, kid, label: 'old', expiresAt: '2027-03-31T00:00:00Z' });
    expect(ended.stdout).toContain('old');
    await call(['credential', 'set', 'billing', kid, '--unset', 'expires-at']);
    expect(lastBody()).toEqual({ version: 3, kid, expiresAt: null });
  });

  it('changes nothing of a key without being told what', async () => {
    const outcomes = [
      await call(['credential', 'set', 'billing', kid]),
      await call(['credential', 'set', 'billing', kid, '--unset', 'thumbprint']),
    ];
    expect(outcomes.map(({ exitCode }) => exitCode)).toEqual([2, 2]);
  });

  it('adds a PEM key under a name, and a certificate', async () => {
    const pem = ec.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    await call(['credential', 'add', 'billing', '--public-key', '-', '--kid', 'k1'], pem);
    expect(lastBody()).toMatchObject({ jwk: { kid: 'k1' } });
    await call(['credential', 'add', 'billing', '--certificate', '-', '--expires-at', '2030-01-01'], CERTIFICATE);
    expect(lastBody()).toEqual({
      certificate: CERTIFICATE.replace(/-----.*-----|\n/g, ''),
      expiresAt: '2030-01-01T00:00:00Z',
    });
  });

  it('lists keys with label, end and last use', async () => {
    await call(['credential', 'add', 'billing', '--jwk', '-', '--label', 'next'], JSON.stringify(jwk));
    const [stored] = server.registry().partners.get('billing')?.credentials ?? [];
    server.registry().touch('billing', { credentials: [{ ...stored, lastUsedAt: '2026-11-23T09:00:00Z' }] });
    const { stdout } = await call(['credential', 'list', 'billing']);
    expect(stdout).toMatch(/^KEY +ALG +TYPE +SOURCE +LABEL +LAST USED +ADDED\n/);
    expect(stdout).toMatch(new RegExp(`\\n${kid} +ES256 +EC +registered +next +2026-11-23T09:00:00Z \\(`));
    const json = JSON.parse((await call(['credential', 'list', 'billing', '--json'])).stdout);
    expect(json).toMatchObject([{ kid, label: 'next' }]);
  });

  it('removes a key, also one whose id begins with a hyphen', async () => {
    const hyphened = `-${'a'.repeat(42)}`;
    await call(['credential', 'add', 'billing', '--jwk', '-'], JSON.stringify({ ...jwk, kid: hyphened }));
    const outcome = await call(['credential', 'remove', 'billing', hyphened]);
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
    expect(outcome.stdout).toMatch(new RegExp(`^The key ${hyphened} of partner billing is removed: `));
    expect(server.requests.at(-1)).toMatchObject({
      method: 'DELETE',
      target: `/admin/realms/default/partners/billing/credentials?kid=${hyphened}`,
    });
    expect(server.registry().partners.get('billing')?.credentials).toEqual([]);
    expect(await call(['credential', 'remove', 'billing', hyphened])).toMatchObject({ exitCode: 1, stdout: '' });
  });

  it('adds one key at a time', async () => {
    const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
    const before = server.requests.length;
    const outcome = await call(['credential', 'add', 'billing', '--jwk', '-'], JSON.stringify({ keys: [jwk, other] }));
    expect(outcome).toMatchObject({ exitCode: 2, stderr: 'countersign: one key at a time, not 2\n' });
    expect(server.requests).toHaveLength(before);
  });
});

describe('countersign audience and grant', () => {
  const AUDIENCE = 'https://ledger.example.com/';
  let server: AdminServer;
  const call = (...argv: string[]) => countersign([...argv, '--endpoint', server.url], { env: AWS_ENV });
  const lastBody = () => JSON.parse(server.requests.at(-1)?.body ?? '');

  beforeEach(async () => {
    server = await startAdminServer();
    await call('partner', 'add', 'ledger');
    await call('audience', 'add', AUDIENCE, '--owner', 'ledger', '--scope', 'read write', '--token-seconds', '60');
  });
  afterEach(() => server[Symbol.asyncDispose]());

  it('changes scopes one by one or altogether, and the policy', async () => {
    const change = [
      '--add-scope',
      'delete',
      '--remove-scope',
      'write',
      '--algorithm',
      'ES256',
      '--unset',
      'token-seconds',
    ];
    const { stdout } = await call('audience', 'set', AUDIENCE, ...change);
    expect(stdout).toBe(`Audience ${AUDIENCE} of ledger is changed: read delete\n`);
    expect(lastBody()).toEqual({
      audience: AUDIENCE,
      version: 1,
      scopes: ['read', 'delete'],
      tokenPolicy: { algorithm: 'ES256' },
    });
    await call('audience', 'set', AUDIENCE, '--scope', 'only');
    expect(lastBody()).toEqual({ audience: AUDIENCE, version: 2, scopes: ['only'] });
    expect(await call('audience', 'set', 'https://nobody.example', '--scope', 'a')).toMatchObject({
      exitCode: 1,
      stderr: 'countersign: no audience https://nobody.example\n',
    });
  });

  it('tells who uses a scope that would go, and loses no race', async () => {
    await call('grant', 'add', '--client', 'ledger', '--audience', AUDIENCE, '--scope', 'write');
    const outcome = await call('audience', 'set', AUDIENCE, '--remove-scope', 'write');
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
    expect(outcome.stderr).toContain(`these grants depend on it: ledger -> ${AUDIENCE}`);
    server.meddlers.push((registry) => registry.patchAudience({ audience: AUDIENCE, version: 1, scopes: ['write'] }));
    const lost = await call('audience', 'set', AUDIENCE, '--add-scope', 'delete');
    expect(lost.stderr).toMatch(/was changed by somebody else since it was read/);
    expect(server.registry().audiences.get(AUDIENCE)?.scopes).toEqual(['write']);
  });

  it('removes grants, then the audience that they held', async () => {
    await call('grant', 'add', '--client', 'ledger', '--audience', AUDIENCE, '--scope', 'write');
    expect(await call('audience', 'remove', AUDIENCE)).toMatchObject({ exitCode: 1 });
    const removed = await call('grant', 'remove', '--client', 'ledger', '--audience', AUDIENCE);
    expect(removed.stdout).toBe(
      `Partner ledger may no longer call ${AUDIENCE}: no new tokens after at most 30 seconds.\n`,
    );
    expect((await call('audience', 'remove', AUDIENCE)).stdout).toBe(`Audience ${AUDIENCE} is removed.\n`);
    expect(server.registry().audiences.size).toBe(0);
    expect(await call('grant', 'remove', '--client', 'ledger', '--audience', AUDIENCE)).toMatchObject({ exitCode: 1 });
  });
});
