import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { AWS_ENV, countersign } from './terminal.ts';

const PAY = 'https://pay.example.com';
const FILE = `
partners:
  - id: pay
    issuer: https://pay.example.com
    trustedIssuer: true
    audiences:
      - audience: ${PAY}
        scopes: [access]
        authorizationDetails:
          payment: { actions: [initiate, cancel], fields: [amount] }
          account: {}
  - id: edge
    tlsSubject: { subjectDn: "CN=edge, O=Example" }
    federation:
      - issuer: https://pay.example.com
        claims: { sub: { exact: edge } }
        reusable: true
      - issuer: https://cluster.example.com
        audience: pay
        claims: { sub: { glob: "system:serviceaccount:pay:*" } }
        audited: { /kubernetes.io/pod: { oneOf: [a, b] } }
        maxSeconds: 7200
    tokenPolicy: { binding: mtls-optional }
    grants:
      - { audience: ${PAY}, scopes: [access], authorizationDetailsTypes: [payment] }
`;

describe('countersign apply of ways in', () => {
  let server: AdminServer;
  let directory: string;
  beforeEach(async () => {
    server = await startAdminServer();
    directory = await mkdtemp(join(tmpdir(), 'countersign-ways-in-'));
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const call = (...argv: readonly string[]) => countersign([...argv, '--endpoint', server.url], { env: AWS_ENV });
  async function apply(content: string, ...argv: readonly string[]) {
    const file = join(directory, 'partners.yaml');
    await writeFile(file, content);
    return call('apply', '-f', file, ...(argv.length === 0 ? ['--yes'] : argv));
  }
  const bodies = (method: string) =>
    server.requests.filter((each) => each.method === method).map(({ body }) => JSON.parse(body));

  it('makes them so, and has nothing to do afterwards', async () => {
    const outcome = await apply(FILE);
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
    expect(outcome.stdout.split('\n').slice(0, -3)).toEqual([
      '+ partner pay',
      '    ~ trustedIssuer: false -> true',
      '    + issuer: "https://pay.example.com"',
      '+ partner edge',
      '    + tokenPolicy.binding: "mtls-optional"',
      '    + tlsSubject.subjectDn: "CN=edge, O=Example"',
      '    + federation: {"claims":{"sub":{"exact":"edge"}},"issuer":"https://pay.example.com","reusable":true}',
      expect.stringMatching(/^ {4}\+ federation: \{"audience":"pay","audited":/),
      `+ audience ${PAY}`,
      '    + owner: pay',
      '    + scope: access',
      '    + authorizationDetails.payment: {"actions":["initiate","cancel"],"fields":["amount"]}',
      '    + authorizationDetails.account: {}',
      `+ grant edge -> ${PAY}`,
      '    + scope: access',
      '    + authorization details: payment',
    ]);
    expect((await apply(FILE, '--check')).stdout).toBe('Nothing to do: realm default is as declared.\n');
  });

  it('knows the spelling in which the service keeps a name, and a real change from it', async () => {
    await apply(FILE);
    server.registry().touch('edge', { tlsSubject: { subjectDn: 'CN=edge,O=Example' } });
    expect((await apply(FILE, '--check')).exitCode).toBe(0);
    expect((await apply(FILE.replace('CN=edge, O=', 'cn = edge,o='), '--check')).exitCode).toBe(0);
    const other = await apply(FILE.replace('CN=edge,', 'CN=edge2,'), '--check');
    expect(other.exitCode).toBe(1);
    expect(other.stdout).toContain('    ~ tlsSubject.subjectDn: "CN=edge,O=Example" -> "CN=edge2, O=Example"\n');
  });

  it.each([
    [{ sanDns: 'Edge.example.com' }, { sanDns: 'edge.example.com' }],
    [{ sanIp: '2001:DB8:0::1' }, { sanIp: '2001:db8::1' }],
    [{ sanUri: 'HTTPS://Edge.example.com/A' }, { sanUri: 'https://edge.example.com/A' }],
    [{ sanEmail: 'Edge@Example.com' }, { sanEmail: 'Edge@example.com' }],
    [{ subjectDn: 'E=a@b.example,S=X\\, Y' }, { subjectDn: 'emailAddress=a@b.example,ST=X\\, Y' }],
  ])('takes %j for what the service makes of it', async (written, stored) => {
    const file = JSON.stringify({ partners: [{ id: 'edge', tlsSubject: written }] });
    await apply(file);
    server.registry().touch('edge', { tlsSubject: stored });
    expect(await apply(file, '--check')).toMatchObject({ exitCode: 0 });
  });

  it.each([
    [{ sanUri: 'https://edge.example.com/A' }, { sanUri: 'https://edge.example.com/a' }],
    [{ sanEmail: 'Edge@example.com' }, { sanEmail: 'edge@example.com' }],
    [{ sanDns: 'edge.example.com' }, { sanUri: 'edge.example.com' }],
  ])('takes %j for something else than %j', async (written, stored) => {
    const file = JSON.stringify({ partners: [{ id: 'edge', tlsSubject: written }] });
    await apply(file);
    server.registry().touch('edge', { tlsSubject: stored });
    expect(await apply(file, '--check')).toMatchObject({ exitCode: 1 });
  });

  it('takes away what the file no longer says, and sees an identity that differs in a word', async () => {
    await apply(FILE);
    const changed = FILE.replace('exact: edge', 'exact: edge2')
      .replace(/ {4}tlsSubject: .*\n/, '')
      .replace('    trustedIssuer: true\n', '');
    const { stdout } = await apply(changed);
    expect(stdout.split('\n').slice(0, 6)).toEqual([
      '~ partner pay',
      '    ~ trustedIssuer: true -> false',
      '~ partner edge',
      '    - tlsSubject.subjectDn: "CN=edge, O=Example"',
      '    - federation: {"claims":{"sub":{"exact":"edge"}},"issuer":"https://pay.example.com","reusable":true}',
      '    + federation: {"claims":{"sub":{"exact":"edge2"}},"issuer":"https://pay.example.com","reusable":true}',
    ]);
    expect((await apply(changed, '--check')).exitCode).toBe(0);
  });

  it('takes a type of details only after the grants have let go of it', async () => {
    await apply(FILE);
    const changed = FILE.replace(/ {10}payment: .*\n/, '          refund: { actions: [ask] }\n').replace(
      '[payment]',
      '[refund]',
    );
    const outcome = await apply(changed);
    expect(outcome).toMatchObject({ exitCode: 0 });
    expect(bodies('PATCH').map(({ authorizationDetails }) => Object.keys(authorizationDetails).sort())).toEqual([
      ['account', 'payment', 'refund'],
      ['account', 'refund'],
    ]);
    expect((await apply(changed, '--check')).exitCode).toBe(0);
    const without = changed
      .replace(/ {8}authorizationDetails:\n(?: {10}.*\n)*/, '')
      .replace(', authorizationDetailsTypes: [refund]', '');
    expect(await apply(without)).toMatchObject({ exitCode: 0 });
    expect(server.registry().audiences.get(PAY)?.authorizationDetails).toEqual({});
    expect((await apply(without, '--check')).exitCode).toBe(0);
  });

  it('says nothing of details to a service where nobody has any', async () => {
    const plain = FILE.replace(/ {8}authorizationDetails:\n(?: {10}.*\n)*/, '').replace(
      ', authorizationDetailsTypes: [payment]',
      '',
    );
    await apply(plain);
    await apply(plain.replace('[access]', '[access, more]'));
    const sent = [...bodies('POST'), ...bodies('PATCH')].filter((body) => 'audience' in body);
    expect(sent).toHaveLength(3);
    for (const body of sent) expect(Object.keys(body).join()).not.toContain('authorizationDetails');
  });

  it('leaves alone what nobody can declare: secrets, onboarding, and keys of the partner’s own people', async () => {
    await apply(FILE);
    await call('secret', 'add', 'edge');
    await call('partner', 'onboard', 'edge');
    const own = {
      kid: 'k',
      alg: 'ES256',
      kty: 'EC',
      thumbprint: 't',
      source: 'self-registered',
      addedAt: '2026-01-01T00:00:00Z',
    };
    server.registry().touch('edge', { credentials: [own], registered: true });
    expect((await apply(FILE, '--prune', '--check')).exitCode).toBe(0);
    await apply(FILE.replace('CN=edge,', 'CN=edge2,'), '--prune', '--yes');
    expect(server.registry().partners.get('edge')).toMatchObject({
      secrets: [{ id: 'secret-1' }],
      onboarding: { methods: ['private_key_jwt'] },
      credentials: [own],
      registered: true,
    });
  });

  it('exports them so that applying the export again is nothing to do, and without anything secret', async () => {
    await apply(FILE);
    await call('secret', 'add', 'edge');
    await call('partner', 'onboard', 'edge');
    const own = {
      kid: 'k',
      alg: 'ES256',
      kty: 'EC',
      thumbprint: 't',
      source: 'self-registered',
      addedAt: '2026-01-01T00:00:00Z',
    };
    const source = { type: 'jwks_uri', url: 'https://edge.example.com/jwks', selfRegistered: true };
    server.registry().touch('edge', { credentials: [own], source });
    const exported = (await call('partner', 'export')).stdout;
    for (const word of ['secret', 'onboarding', 'registered', 'credentials', 'jwksUri'])
      expect(exported).not.toContain(word);
    for (const word of ['tlsSubject', 'federation', 'trustedIssuer: true', 'authorizationDetails', 'mtls-optional']) {
      expect(exported).toContain(word);
    }
    expect(await apply(exported, '--prune', '--check')).toMatchObject({
      exitCode: 0,
      stdout: 'Nothing to do: realm default is as declared.\n',
    });
  });

  it.each([
    ['tlsSubject: { sanDns: a, sanIp: b }', 'tlsSubject must have exactly one of subjectDn, sanDns'],
    ['tlsSubject: { sanDNS: a }', 'has no member "sanDNS"'],
    ['federation: [{ issuer: https://i }]', 'federation[0].claims is missing'],
    ['federation: [{ issuer: https://i, claims: { sub: { equals: a } } }]', 'has no member "equals"'],
    ['secrets: []', 'has no member "secrets"'],
    ['onboarding: {}', 'has no member "onboarding"'],
    ['trustedIssuer: "yes"', 'trustedIssuer expected boolean'],
    [
      'audiences: [{ audience: a, scopes: [b], authorizationDetails: { c: { locations: [] } } }]',
      'no member "locations"',
    ],
  ])('refuses %s with its line', async (member, message) => {
    const outcome = await apply(`partners:\n  - id: a\n    ${member}\n`);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toMatch(/partners\.yaml:3: /);
    expect(outcome.stderr).toContain(message);
    expect(server.requests).toEqual([]);
  });
});
