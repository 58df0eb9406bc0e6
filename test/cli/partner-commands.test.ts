import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calculateJwkThumbprint } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { CERTIFICATE } from './certificate.ts';
import { AWS_ENV, countersign, type Outcome, oneLine, type Surroundings } from './terminal.ts';

const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
const kid = await calculateJwkThumbprint(jwk);
const JWKS_URI = 'https://crm.example.com/jwks';
const METADATA_URL = 'https://mail.contoso.com/metadata/json/1';

describe('countersign partner', () => {
  let server: AdminServer;
  let directory: string;
  beforeEach(async () => {
    server = await startAdminServer();
    directory = await mkdtemp(join(tmpdir(), 'countersign-partner-'));
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const call = (argv: readonly string[], more: Surroundings = {}): Promise<Outcome> =>
    countersign([...argv, '--endpoint', server.url], { env: AWS_ENV, ...more });
  const callForJson = async (argv: readonly string[], stdin?: string) => {
    const outcome = await call([...argv, '--json'], stdin === undefined ? {} : { stdin });
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
    return JSON.parse(outcome.stdout);
  };
  const add = (id: string, ...argv: string[]) => callForJson(['partner', 'add', id, ...argv]);
  const show = (id: string) => callForJson(['partner', 'show', id]);
  const sent = (method: string) => server.requests.filter((each) => each.method === method);
  const file = async (name: string, content: string | Buffer): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, content);
    return path;
  };

  describe('add', () => {
    it('sends everything that is said of a partner, and nothing that is not', async () => {
      await callForJson(
        [
          ...['partner', 'add', 'billing', '--name', 'Billing', '--contact', 'billing@example.com', '--disabled'],
          ...['--tag', 'team=payments', '--tag', 'env=', '--trust-level', 'full', '--accepts-security-identifiers'],
          ...['--issuer', 'https://billing.example.com', '--token-seconds', '600', '--algorithm', 'Ed25519'],
          ...['--binding', 'dpop', '--profile', 'jwt', '--claim', 'region="eu"', '--claim', 'limits={"max":3}'],
          ...['--quota-per-minute', '60', '--jwks', '-', '--label', 'first', '--expires-at', '2027-12-31'],
        ],
        JSON.stringify(jwk),
      );
      expect(JSON.parse(sent('POST')[0]?.body ?? '')).toEqual({
        id: 'billing',
        name: 'Billing',
        contact: 'billing@example.com',
        enabled: false,
        tags: { team: 'payments', env: '' },
        trustLevel: 'full',
        acceptsSecurityIdentifiers: true,
        issuer: 'https://billing.example.com',
        tokenPolicy: { accessTokenSeconds: 600, algorithm: 'EdDSA', binding: 'dpop', profile: 'jwt' },
        claims: { region: 'eu', limits: { max: 3 } },
        quota: { perMinute: 60, mode: 'enforce' },
        credentials: [
          { jwk: { ...jwk, alg: 'ES256', use: 'sig', kid }, label: 'first', expiresAt: '2027-12-31T00:00:00Z' },
        ],
      });
    });

    it('registers a mere resource with an id of the service', async () => {
      const { stdout } = await call(['partner', 'add']);
      expect(JSON.parse(sent('POST')[0]?.body ?? '')).toEqual({});
      expect(stdout).toMatch(/^Partner generated-1 added\.\n/);
      expect(stdout).toContain('No keys: it can accept tokens, but not ask for any.');
    });

    it.each([
      ['PEM', Buffer.from(CERTIFICATE)],
      ['DER', Buffer.from(CERTIFICATE.replace(/-----.*-----/g, ''), 'base64')],
      ['base64', Buffer.from(CERTIFICATE.replace(/-----.*-----|\n/g, ''))],
    ])('registers a certificate in %s, for the issuer that Skype and Exchange know', async (_, content) => {
      const guid = '00000004-0000-0ff1-ce00-000000000000';
      const names = ['--application-identifier', guid, '--application-realm', 'contoso.com'];
      await add('lync', '--certificate', await file('lync.cer', content), ...names);
      expect(JSON.parse(sent('POST')[0]?.body ?? '')).toEqual({
        id: 'lync',
        issuer: `${guid}@contoso.com`,
        credentials: [{ certificate: CERTIFICATE.replace(/-----.*-----|\n/g, '') }],
      });
      const shown = await call(['partner', 'show', 'lync']);
      expect(shown.stdout).toMatch(/\nKEY +ALG +TYPE +SOURCE +NOT BEFORE +EXPIRES +ADDED\n/);
      expect(shown.stdout).toMatch(/ 2026-11-23T03:52:49Z \(/);
    });

    it.each([
      ['--jwks-uri', JWKS_URI, { jwksUri: JWKS_URI }],
      ['--metadata-url', METADATA_URL, { metadataUrl: METADATA_URL }],
      ['--metadata', METADATA_URL, { metadataUrl: METADATA_URL }],
    ])('follows %s, and has it read at once', async (option, url, members) => {
      server.documents.set(url, { keys: [jwk] });
      const added = await add('crm', option, url);
      expect(JSON.parse(sent('POST')[0]?.body ?? '')).toEqual({ id: 'crm', ...members });
      expect(sent('POST')[1]?.target).toBe('/admin/realms/default/partners/crm/refresh');
      expect(added.credentials).toMatchObject([{ kid, source: 'document' }]);
    });

    it.each(['--metadata-file', '--metadata'])('sends the document of a file (%s)', async (option) => {
      const document = { issuer: 'https://idp.example.com', keys: [jwk] };
      const path = await file('metadata.json', JSON.stringify(document));
      expect(await add('idp', option, path)).toMatchObject({ issuer: 'https://idp.example.com' });
      expect(JSON.parse(sent('POST')[0]?.body ?? '')).toEqual({ id: 'idp', metadata: document });
      expect(sent('POST')).toHaveLength(1);
    });

    it('takes a partner back whose document is refused, and tells why', async () => {
      server.documents.set(METADATA_URL, { code: 'metadata_x5t_mismatch', detail: 'x5t is of another certificate' });
      const outcome = await call(['partner', 'add', 'exchange', '--metadata', METADATA_URL]);
      expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
      expect(outcome.stderr).toContain('x5t is of another certificate [metadata_x5t_mismatch]');
      expect(outcome.stderr).toContain('; partner exchange was not added\n');
      expect(server.registry().partners.size).toBe(0);
    });

    it('says so when it could not be taken back', async () => {
      server.meddlers.push(() => server.interruptions.push({ status: 500, body: { title: 'Broken' } }));
      const outcome = await call(['partner', 'add', 'crm', '--jwks-uri', JWKS_URI]);
      expect(outcome.exitCode).toBe(1);
      expect(outcome.stderr).toMatch(
        / was added without keys and could not be taken back: countersign partner remove crm\n$/,
      );
    });

    it('leaves a partner alone that was there already, whatever its document says', async () => {
      server.documents.set(JWKS_URI, { keys: [] });
      await add('crm', '--jwks-uri', JWKS_URI);
      server.documents.delete(JWKS_URI);
      const again = await call(['partner', 'add', 'crm', '--jwks-uri', JWKS_URI]);
      expect(again.stdout).toMatch(/^Partner crm was already there with the same content\.\n/);
      expect(server.registry().partners.size).toBe(1);
    });

    it('keeps a partner whose address was read a moment ago', async () => {
      server.documents.set(JWKS_URI, { keys: [jwk] });
      await add('crm', '--jwks-uri', JWKS_URI);
      await call(['partner', 'remove', 'crm', '--yes']);
      const outcome = await call(['partner', 'add', 'crm', '--jwks-uri', JWKS_URI]);
      expect(outcome.exitCode).toBe(0);
      expect(outcome.stderr).toMatch(
        /^countersign: https:\/\/crm\.example\.com\/jwks is not read again before 2026-11-23T10:01:00Z/,
      );
      expect(server.registry().partners.has('crm')).toBe(true);
    });

    it.each([
      [
        '--certificate',
        `${CERTIFICATE}\n-----BEGIN PRIVATE KEY-----\n`,
        'holds private key material; nothing was sent.',
      ],
      ['--certificate', 'hello, world', 'is not a certificate (PEM or DER;'],
      ['--metadata-file', '{"keys":[{"kty":"EC","d":"x"}]}', 'holds private key material; nothing was sent.'],
      ['--metadata-file', '[]', 'is not a metadata document (a JSON object)'],
    ])('refuses a %s that holds %j', async (option, content, message) => {
      const outcome = await call(['partner', 'add', 'a', option, await file('file', content)]);
      expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
      expect(oneLine(outcome.stderr)).toBe(true);
      expect(outcome.stderr).toContain(message);
      expect(server.requests).toEqual([]);
    });
  });

  describe('set', () => {
    it('keeps what is not named of tags, claims, policy and quota, and sends the version that it read', async () => {
      const quota = ['--quota-per-minute', '5', '--quota-mode', 'observe'];
      await add('a', '--tag', 'x=1', '--claim', 'c=1', '--token-seconds', '300', ...quota);
      const change = [
        '--tag',
        'y=2',
        '--claim',
        'd=[2]',
        '--algorithm',
        'ES256',
        '--quota-per-day',
        '9',
        '--name',
        'A',
      ];
      const { stdout } = await call(['partner', 'set', 'a', ...change]);
      expect(stdout).toMatch(/^Partner a is changed\.\n/);
      expect(JSON.parse(sent('PATCH')[0]?.body ?? '')).toEqual({
        version: 1,
        name: 'A',
        tags: { x: '1', y: '2' },
        claims: { c: 1, d: [2] },
        tokenPolicy: { accessTokenSeconds: 300, algorithm: 'ES256' },
        quota: { perMinute: 5, perDay: 9, mode: 'observe' },
      });
    });

    it('takes away what it is told to', async () => {
      const words = [
        '--name',
        'A',
        '--contact',
        'B',
        '--tag',
        'x=1',
        '--tag',
        'y=2',
        '--claim',
        'c=1',
        '--claim',
        'd=2',
      ];
      await add('a', ...words, '--token-seconds', '300', '--binding', 'mtls', '--quota-per-minute', '5');
      const unset = 'contact tag:x claim:c token-seconds quota-per-minute issuer'.split(' ');
      await call(['partner', 'set', 'a', '--name', 'Z', ...unset.flatMap((name) => ['--unset', name])]);
      expect(JSON.parse(sent('PATCH')[0]?.body ?? '')).toEqual({
        version: 1,
        name: 'Z',
        contact: null,
        issuer: null,
        tags: { y: '2' },
        claims: { d: 2 },
        tokenPolicy: { binding: 'mtls' },
        quota: null,
      });
      await call(['partner', 'set', 'a', '--unset', 'tags claims token-policy', '--no-accepts-security-identifiers']);
      expect(JSON.parse(sent('PATCH')[1]?.body ?? '')).toEqual({
        version: 2,
        tags: {},
        claims: {},
        tokenPolicy: {},
        acceptsSecurityIdentifiers: false,
      });
    });

    it('refuses to take away what nothing is called', async () => {
      await add('a');
      const outcome = await call(['partner', 'set', 'a', '--unset', 'constructor']);
      expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
      expect(outcome.stderr).toMatch(/nothing is called "constructor"; one of name, contact,.*tag:NAME, claim:NAME\n$/);
      expect(sent('PATCH')).toEqual([]);
    });

    it('overwrites nothing that somebody else has just changed', async () => {
      await add('a', '--tag', 'x=1');
      server.meddlers.push((registry) => registry.touch('a', { tags: { x: 'theirs' } }));
      const outcome = await call(['partner', 'set', 'a', '--tag', 'x=mine']);
      expect(outcome).toEqual({
        exitCode: 1,
        stdout: '',
        stderr:
          'countersign: partner a was changed by somebody else since it was read, and nothing was done; look again\n',
      });
      expect(await show('a')).toMatchObject({ tags: { x: 'theirs' }, version: 2 });
    });

    it('does not blame others for a conflict of another kind', async () => {
      await add('a');
      server.meddlers.push(() =>
        server.interruptions.push({ status: 409, body: { title: 'Conflict', detail: 'b has it' } }),
      );
      const outcome = await call(['partner', 'set', 'a', '--issuer', 'https://b.example.com']);
      expect(outcome).toEqual({ exitCode: 1, stdout: '', stderr: 'countersign: Conflict: b has it\n' });
    });

    it('has a new address read at once, and keeps it when that fails', async () => {
      await add('a');
      server.documents.set(JWKS_URI, { keys: [jwk] });
      const changed = await callForJson(['partner', 'set', 'a', '--jwks-uri', JWKS_URI]);
      expect(changed.credentials).toMatchObject([{ kid, source: 'document' }]);
      await add('b');
      const outcome = await call(['partner', 'set', 'b', '--metadata-url', METADATA_URL]);
      expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
      expect(outcome.stderr).toContain('partner b was changed and its new address is tried again on schedule');
      const shown = await call(['partner', 'show', 'b']);
      expect(shown.stdout).toMatch(
        /\nmetadata from +https:\S+\nlast read +never\nlast failure +unreachable: nobody answers\n/,
      );
    });
  });

  describe('enable and disable', () => {
    it('try once more after a lost race, which they cannot make worse', async () => {
      await add('a');
      server.meddlers.push((registry) => registry.touch('a', { name: 'theirs' }));
      expect((await call(['partner', 'disable', 'a'])).exitCode).toBe(0);
      expect(await show('a')).toMatchObject({ name: 'theirs', enabled: false, version: 3 });
      const touch = (registry: Parameters<(typeof server.meddlers)[number]>[0]) => registry.touch('a');
      server.meddlers.push(touch, touch);
      expect(await call(['partner', 'enable', 'a'])).toMatchObject({ exitCode: 1, stdout: '' });
    });

    it('change nothing where nothing is to be changed', async () => {
      await add('a');
      expect((await call(['partner', 'enable', 'a'])).stdout).toBe('Partner a is enabled.\n');
      expect(sent('PATCH')).toEqual([]);
    });
  });

  describe('list', () => {
    it('shows those with all the tags, or those that are disabled', async () => {
      await add('a', '--tag', 'env=prod', '--tag', 'team=x');
      await add('b', '--tag', 'env=prod', '--disabled');
      await add('c', '--tag', 'env=test');
      const ids = async (...argv: string[]) =>
        (await callForJson(['partner', 'list', ...argv])).map(({ id }: { id: string }) => id);
      expect(await ids('--tag', 'env=prod')).toEqual(['a', 'b']);
      expect(await ids('--tag', 'env=prod', '--tag', 'team=x')).toEqual(['a']);
      expect(await ids('--disabled')).toEqual(['b']);
      expect((await call(['partner', 'list', '--tag', 'env=none'])).stdout).toBe('No such partners.\n');
      const { stdout } = await call(['partner', 'list']);
      expect(stdout).toMatch(/\na +- +enabled +application +env=prod team=x +1 /);
    });
  });

  describe('remove', () => {
    const AUDIENCE = 'https://ledger.example.com';
    beforeEach(async () => {
      await add('ledger', '--name', 'Ledger');
      await call(['audience', 'add', AUDIENCE, '--owner', 'ledger', '--scope', 'read']);
    });

    it('asks first, naming what goes', async () => {
      const outcome = await call(['partner', 'remove', 'ledger'], { typed: 'y\n' });
      expect(outcome).toEqual({
        exitCode: 0,
        stdout: 'Partner ledger is removed.\n',
        stderr: `Remove partner ledger (Ledger) with 0 keys, 0 grants and the audiences ${AUDIENCE}? [y/N] `,
      });
      expect(server.registry().partners.size).toBe(0);
    });

    it.each(['n\n', '\n', '', 'yesterday\n'])('does nothing after %j', async (typed) => {
      const outcome = await call(['partner', 'remove', 'ledger'], { typed });
      expect(outcome.exitCode).toBe(1);
      expect(outcome.stderr).toMatch(/\[y\/N\] countersign: nothing was done\n$/);
      expect(sent('DELETE')).toEqual([]);
    });

    it('wants --yes where there is nobody to ask', async () => {
      const outcome = await call(['partner', 'remove', 'ledger'], { stdin: 'y\n' });
      expect(outcome.exitCode).toBe(2);
      expect(outcome.stderr).toContain('Nobody is there to answer: pass --yes');
      expect((await call(['partner', 'remove', 'ledger', '--yes'], { stdin: '' })).exitCode).toBe(0);
    });

    it('tells who would be hurt', async () => {
      await add('caller');
      await call(['grant', 'add', '--client', 'caller', '--audience', AUDIENCE, '--scope', 'read']);
      const outcome = await call(['partner', 'remove', 'ledger', '--yes']);
      expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
      expect(outcome.stderr).toBe(
        `countersign: Conflict: others hold grants on its audiences; these grants depend on it: caller -> ${AUDIENCE}\n`,
      );
    });
  });

  it('refresh reads the keys now, and tells until when it will not again', async () => {
    server.documents.set(JWKS_URI, { keys: [] });
    await callForJson(['partner', 'add', 'crm']);
    server.registry().touch('crm', { source: { type: 'jwks_uri', url: JWKS_URI } });
    const { stdout } = await call(['partner', 'refresh', 'crm']);
    expect(stdout).toMatch(/^Partner crm was read\.\n.*\nkeys from +https:\S+\nlast read +2026-11-23T10:00:00Z/s);
    const again = await call(['partner', 'refresh', 'crm']);
    expect(again).toMatchObject({ exitCode: 1, stdout: '' });
    expect(again.stderr).toMatch(/Conflict: it was read a moment ago; until 2026-11-23T10:01:00Z \(/);
  });
});
