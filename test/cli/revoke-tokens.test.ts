import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { AWS_ENV, countersign, oneLine, type Surroundings } from './terminal.ts';

const LEDGER = 'https://ledger.example.com';
const ISSUER = 'https://tokens.example.com';
const EXP = Date.UTC(2027, 0, 15) / 1_000;
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const SIGNATURE = Buffer.from('nobody shall see this signature').toString('base64url');
const tokenOf = (claims: object = {}): string =>
  `${encode({ alg: 'ES256', typ: 'at+jwt' })}.${encode({ iss: ISSUER, jti: 'token-1', exp: EXP, ...claims })}.${SIGNATURE}`;

let server: AdminServer;
const call = (argv: readonly string[], surroundings: Surroundings = {}) =>
  countersign([...argv, '--endpoint', server.url], { env: AWS_ENV, ...surroundings });

beforeEach(async () => {
  server = await startAdminServer();
  const registry = server.registry();
  for (const id of ['crm', 'ledger']) await registry.addPartner({ id, ...(id === 'crm' ? { name: 'CRM' } : {}) });
  registry.addAudience({ audience: LEDGER, owner: 'ledger', scopes: ['read'] });
  registry.addGrant({ client: 'crm', audience: LEDGER, scopes: ['read'] });
});
afterEach(() => server[Symbol.asyncDispose]());

const mark = (): unknown => server.registry().partners.get('crm')?.tokensNotBefore;
const grantMark = (): unknown => server.registry().grants.get(`crm ${LEDGER}`)?.tokensNotBefore;

const PARTNER = ['partner', 'revoke-tokens', 'crm'];
const GRANT = ['grant', 'revoke-tokens', '--client', 'crm', '--audience', LEDGER];

describe('the end of many tokens', () => {
  it.each([
    ['a partner', PARTNER, 'Revoke all tokens of partner crm (CRM)?', mark],
    ['a grant', GRANT, `Revoke all tokens of partner crm for ${LEDGER}?`, grantMark],
  ])('of %s is asked about first', async (_what, argv, question, read) => {
    const nobody = await call(argv, { stdin: '' });
    expect([nobody, read()]).toEqual([
      { exitCode: 2, stdout: '', stderr: `countersign: ${question} Nobody is there to answer: pass --yes\n` },
      undefined,
    ]);
    const no = await call(argv, { typed: 'n\n' });
    expect([no.exitCode, no.stderr, read()]).toEqual([
      1,
      `${question} [y/N] countersign: nothing was done\n`,
      undefined,
    ]);
    const yes = await call(argv, { typed: 'y\n' });
    expect([yes.exitCode, yes.stderr, read()]).toEqual([0, `${question} [y/N] `, '2026-11-23T10:00:00Z']);
    expect(yes.stdout).toMatch(/^The tokens of partner crm [^\n]*are revoked: [^\n]* 30 seconds [^\n]*\n$/);
  });

  it.each([
    ['partner', PARTNER],
    ['grant', GRANT],
  ])('of a %s is told as JSON', async (_what, argv) => {
    const { exitCode, stdout } = await call([...argv, '--yes', '--json']);
    expect([exitCode, JSON.parse(stdout)]).toMatchObject([0, { tokensNotBefore: '2026-11-23T10:00:00Z' }]);
  });

  it.each([
    [['partner', 'revoke-tokens', 'nobody']],
    [['grant', 'revoke-tokens', '--client', 'ledger', '--audience', LEDGER]],
  ])('of nobody is refused: %j', async (argv) => {
    const { exitCode, stdout, stderr } = await call([...argv, '--yes']);
    expect([exitCode, stdout, oneLine(stderr)]).toEqual([1, '', true]);
  });

  it('shows in the partner and in the list of grants', async () => {
    const [before, listed] = [await call(['partner', 'show', 'crm']), await call(['grant', 'list', '--client', 'crm'])];
    expect(before.stdout + listed.stdout).not.toMatch(/revoked/i);
    await call([...PARTNER, '--yes']);
    await call([...GRANT, '--yes']);
    const { stdout } = await call(['partner', 'show', 'crm']);
    expect(stdout).toMatch(/\ntokens revoked +those from before 2026-11-23T10:00:00Z /);
    expect(stdout).toMatch(/\nMAY CALL +SCOPES +REVOKED BEFORE\n\S+ +read +2026-11-23T10:00:00Z /);
    expect((await call(['grant', 'list', '--client', 'crm'])).stdout).toMatch(
      /^CLIENT +AUDIENCE +SCOPES +REVOKED BEFORE +VERSION\ncrm +\S+ +read +2026-11-23T10:00:00Z /,
    );
  });

  it('is nothing that a file declares: an export is the same, and applying it changes nothing', async () => {
    const exported = await call(['partner', 'export']);
    await call([...PARTNER, '--yes']);
    await call([...GRANT, '--yes']);
    expect((await call(['partner', 'export'])).stdout).toBe(exported.stdout);
    const applied = await call(['apply', '--file', '-', '--check'], { stdin: exported.stdout });
    expect(applied).toMatchObject({ exitCode: 0, stderr: '' });
  });
});

describe('the end of one token', () => {
  it.each([
    ['an argument', tokenOf(), undefined],
    ['standard input', '-', `${tokenOf()}\n`],
  ])('that is %s: its id and its time are sent, and no more of it', async (_where, argument, stdin) => {
    const surroundings = stdin === undefined ? {} : { stdin };
    const { exitCode, stdout, stderr } = await call(['token', 'revoke', argument], surroundings);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Token token-1 is revoked: [^\n]*\n$/);
    expect([...server.registry().revokedTokens]).toEqual([['token-1', '2027-01-15T00:00:00.000Z']]);
    expect(server.requests.map(({ body }) => body).join()).not.toContain(SIGNATURE);
    expect(server.requests.map(({ body }) => body).join()).not.toContain('eyJ');
  });

  it('is told as JSON, and its last second is whole', async () => {
    const { stdout } = await call(['token', 'revoke', tokenOf({ exp: EXP + 0.5 }), '--json']);
    expect(JSON.parse(stdout)).toEqual({ revoked: { tokenId: 'token-1', expiresAt: '2027-01-15T00:00:01.000Z' } });
  });

  it('is in the realm of the token, or not at all', async () => {
    const token = tokenOf({ iss: `${ISSUER}/realms/staging` });
    const wrong = await call(['token', 'revoke', token]);
    expect([wrong.exitCode, wrong.stderr]).toEqual([
      2,
      `countersign: the token is not of realm default (${ISSUER}), but of ${ISSUER}/realms/staging\n`,
    ]);
    expect((await call(['token', 'revoke', token, '--realm', 'staging'])).exitCode).toBe(0);
    expect([server.registry().revokedTokens.size, server.registry('staging').revokedTokens.size]).toEqual([0, 1]);
  });

  it.each([
    ['no JWT', 'nonsense'],
    ['without an id', tokenOf({ jti: undefined })],
    ['with an empty one', tokenOf({ jti: '' })],
    ['with one that is no text', tokenOf({ jti: 7 })],
    ['that never ends', tokenOf({ exp: undefined })],
    ['that ends when there are no years', tokenOf({ exp: 1e300 })],
    ['of nobody', tokenOf({ iss: undefined })],
  ])('%s is wrong usage, and is not repeated', async (_what, token) => {
    const { exitCode, stdout, stderr } = await call(['token', 'revoke', token]);
    expect([exitCode, stdout, oneLine(stderr)]).toEqual([2, '', true]);
    expect(stderr).not.toContain(token);
    expect(server.registry().revokedTokens.size).toBe(0);
  });

  it('is asked for where there is none', async () => {
    expect(await call(['token', 'revoke'])).toMatchObject({ exitCode: 2, stdout: '' });
  });
});
