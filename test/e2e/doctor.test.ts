/** `countersign doctor` against the running service: one connection that is as it should be, and what it says of those that are not. */

import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Step } from '../../cli/doctor/step.ts';
import { countersign, type Outcome } from '../cli/terminal.ts';
import { EXCHANGE, encode, headerOf, signed } from '../microsoft/tokens.ts';
import { synthesizeApp } from '../support/assembly.ts';
import { administer, changePartner, makePartner, mustCreate, type Service, startService } from '../support/service.ts';

const GUID = '5d2f0f3e-7a51-4c1e-9f4e-2b8b7e1c9a10';
const HOST = 'hr.contoso.example';
const MAIL = 'https://mail.contoso.example';
const FIXTURES = join(import.meta.dirname, '../fixtures/microsoft-s2s');
const document = (file: string) => JSON.parse(readFileSync(join(FIXTURES, file), 'utf8'));

let service: Service;
let directory: string;
let key: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-doctor-'));
  await synthesizeApp(join(directory, 'cdk.out'), { registryCacheSeconds: '0' });
  service = await startService({ assembly: join(directory, 'cdk.out') });
  const crm = await makePartner('crm');
  key = join(directory, 'crm.jwk.json');
  await writeFile(key, JSON.stringify({ ...(await exportJWK(crm.privateKey)), kid: 'crm-key', alg: 'ES256' }));
  const microsoft = { applicationId: GUID, realms: ['contoso.example'], hosts: [HOST] };
  await administer(service, 'PATCH', '', { version: 0, policy: { microsoft } });
  await mustCreate(service, '/partners', { id: 'crm', jwks: { keys: [crm.publicJwk] } });
  await mustCreate(service, '/audiences', { audience: `https://${HOST}`, owner: 'crm', scopes: ['read'] });
  await mustCreate(service, '/partners', {
    ...{ id: 'exchange', metadata: document('metadata-exchange.json'), trustLevel: 'full' },
    microsoft: { userTokens: true },
  });
  const tokenPolicy = { profile: 'microsoft-s2s', algorithm: 'RS256' };
  await mustCreate(service, '/audiences', { audience: MAIL, owner: 'exchange', scopes: ['ews'], tokenPolicy });
  await mustCreate(service, '/grants', { client: 'crm', audience: MAIL, scopes: ['ews'] });
  await mustCreate(service, '/grants', { client: 'exchange', audience: `https://${HOST}`, scopes: ['read'] });
  await administer(service, 'PUT', '/users/kim', { upn: 'kim@contoso.example' });
  for (const state of ['active', 'standby']) await certify(state);
}, 120_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const certify = async (state: string): Promise<void> => {
  const { items } = (await administer(service, 'GET', '/keys')).body as {
    items: { algorithm: string; keys: { kid: string; state: string; certificate?: object }[] }[];
  };
  const found = items.find(({ algorithm }) => algorithm === 'RS256')?.keys.find((each) => each.state === state);
  if (found === undefined || found.certificate !== undefined) return;
  const made = await run('key', 'certificate', 'self-signed', found.kid, '--subject', 'CN=Countersign');
  expect(made.stderr).toBe('');
};

const run = (...argv: string[]): Promise<Outcome> => {
  const { url, operator } = service.deployment;
  const env = {
    AWS_ACCESS_KEY_ID: operator.accessKeyId,
    AWS_SECRET_ACCESS_KEY: operator.secretAccessKey,
    AWS_SESSION_TOKEN: operator.sessionToken,
  };
  return countersign([...argv, '--endpoint', url.origin], { env });
};

interface Report {
  readonly exitCode: number;
  readonly steps: readonly Step[];
  /** By name, in short. */
  readonly outcomes: Readonly<Record<string, string>>;
}

const doctor = async (...argv: string[]): Promise<Report> => {
  const { exitCode, stdout, stderr } = await run('doctor', ...argv, '--json');
  if (stdout === '') throw new Error(stderr);
  const { steps } = JSON.parse(stdout) as { steps: Step[] };
  return { exitCode, steps, outcomes: Object.fromEntries(steps.map(({ name, outcome }) => [name, outcome])) };
};

const stepOf = ({ steps }: Report, name: string): Step | undefined => steps.find((step) => step.name === name);

/** As Exchange would make one now, with these things different. */
const captured = async (
  { aud = `${GUID}/${HOST}@contoso.example`, ...claims }: Readonly<Record<string, unknown>> = {},
  user?: object,
  signer = 'exchange',
): Promise<string> => {
  const now = Math.floor(Date.now() / 1_000);
  const times = { nbf: String(now), exp: String(now + 3_600) };
  const delegated = user === undefined ? {} : { trustedfordelegation: 'true' };
  const own = { aud, iss: EXCHANGE, nameid: EXCHANGE, ...times, ...delegated, ...claims };
  const actor = signed(signer, JSON.stringify(headerOf(signer)), JSON.stringify(own));
  const outer = { aud, iss: EXCHANGE, ...times, ...user, actortoken: actor };
  const file = join(directory, 'captured.jwt');
  const token = user === undefined ? actor : `${encode({ typ: 'JWT', alg: 'none' })}.${encode(outer)}.`;
  await writeFile(file, `Bearer ${token}\n`);
  return file;
};

describe('a connection that is as it should be', () => {
  it('passes every step, with a token each way', async () => {
    const file = await captured({}, { upn: 'kim@contoso.example' });
    const report = await doctor('exchange', '--client', 'crm', '--key', key, '--token-file', file);
    expect(report.steps.filter(({ outcome }) => outcome !== 'ok')).toMatchObject([
      { name: 'document of the partner', outcome: 'skipped' },
    ]);
    expect(report.exitCode).toBe(0);
    expect(stepOf(report, 'token to the partner')?.finding).toContain(
      '00000002-0000-0ff1-ce00-000000000000/mail.contoso.example@contoso.example',
    );
    expect(stepOf(report, 'token from the partner')?.finding).toContain('about kim');
  });

  it('uses nothing up and writes no token down: the same one is tried twice, and is in no log', async () => {
    const file = await captured();
    const first = await doctor('exchange', '--token-file', file);
    expect(await doctor('exchange', '--token-file', file)).toEqual(first);
    const token = readFileSync(file, 'utf8').slice(7, -1);
    const logs = service.logs.join('\n');
    expect(logs).toContain('/tokens/diagnose');
    expect([logs.includes(token), logs.includes(token.split('.')[2] ?? '')]).toEqual([false, false]);
  });
});

describe('a token of the server that is not taken', () => {
  it.each([
    ['for another realm', { aud: `${GUID}/${HOST}@fabrikam.example` }, undefined, 'audience_realm_mismatch'],
    ['for another host', { aud: `${GUID}/other.example@contoso.example` }, undefined, 'audience_host_mismatch'],
    ['of another issuer', { iss: `${GUID}@contoso.example` }, undefined, 'issuer_key_mismatch'],
    ['that has expired', { nbf: '1', exp: '2' }, undefined, 'token_expired'],
    ['about a user who is not registered', {}, { upn: 'nobody@contoso.example' }, 'user_not_found'],
  ])('%s fails with the code, and what to do', async (_case, claims, user, fault) => {
    const report = await doctor('exchange', '--token-file', await captured(claims, user));
    expect(report.exitCode).toBe(1);
    const step = stepOf(report, 'token from the partner');
    expect(step).toMatchObject({ outcome: 'failed', finding: expect.stringContaining(`[${fault}, step `) });
    expect(step?.remedy).toMatch(/\w{4}/);
    expect(service.logs.join('\n')).toContain(`"fault":"${fault}"`);
  });

  it('is no JWT: the doctor says so and does not fall over', async () => {
    const file = join(directory, 'none.jwt');
    await writeFile(file, 'eyJ.eyJ');
    const report = await doctor('exchange', '--token-file', file);
    expect(stepOf(report, 'token from the partner')?.finding).toContain('[malformed_token, step 1]');
  });

  it('that we have made ourselves is told for what it is', async () => {
    const made = await run('token', 'get', '--client', 'crm', '--key', key, '--resource', MAIL);
    const file = join(directory, 'ours.jwt');
    await writeFile(file, made.stdout);
    const report = await doctor('exchange', '--token-file', file);
    expect(stepOf(report, 'token from the partner')).toMatchObject({ finding: 'this realm has made it' });
  });
});

describe('a set-up that is broken', () => {
  it('is a partner who is disabled', async () => {
    await changePartner(service, 'exchange', { enabled: false });
    const report = await doctor('exchange', '--token-file', await captured());
    expect(report.outcomes).toMatchObject({ partner: 'failed', 'token from the partner': 'failed' });
    expect(stepOf(report, 'token from the partner')?.finding).toContain('partner_disabled');
    await changePartner(service, 'exchange', { enabled: true });
  });

  it('is a grant that is missing, each way', async () => {
    const grants = [
      { client: 'crm', audience: MAIL, scopes: ['ews'] },
      { client: 'exchange', audience: `https://${HOST}`, scopes: ['read'] },
    ];
    for (const { client, audience } of grants)
      expect(await run('grant', 'remove', '--client', client, '--audience', audience)).toMatchObject({ exitCode: 0 });
    const report = await doctor('exchange', '--client', 'crm', '--key', key, '--token-file', await captured());
    expect(report.outcomes).toMatchObject({
      ...{ 'calls to us': 'warning', 'calls to it': 'warning' },
      ...{ 'token to the partner': 'failed', 'token from the partner': 'failed' },
    });
    for (const grant of grants) await mustCreate(service, '/grants', grant);
  });

  it('is a document that cannot be reached, and certificates without it', async () => {
    await mustCreate(service, '/partners', {
      ...{ id: 'skype', issuer: '00000004-0000-0ff1-ce00-000000000000@contoso.example' },
      ...{ metadataUrl: 'https://lync.invalid/metadata/json/1', microsoft: {} },
    });
    const report = await doctor('skype');
    expect(report.outcomes).toMatchObject({
      ...{ 'document of the partner': 'failed', 'certificates of the partner': 'failed' },
    });
    expect(stepOf(report, 'document of the partner')?.remedy).toContain('docs/following-documents.md');
  });

  it('is a certificate that ends soon with none to follow, of a partner who may call nothing', async () => {
    const certificate = readFileSync(join(FIXTURES, 'lync-test-cert.pem'), 'utf8');
    const expiresAt = new Date(Date.now() + 30.5 * 86_400_000).toISOString();
    await mustCreate(service, '/partners', {
      ...{ id: 'old', issuer: '00000004-0000-0ff1-ce00-000000000000@fabrikam.example' },
      ...{ credentials: [{ certificate, expiresAt }], microsoft: {} },
    });
    const report = await doctor('old');
    expect(report.outcomes).toMatchObject({ 'certificates of the partner': 'warning', 'calls to us': 'warning' });
    expect(stepOf(report, 'certificates of the partner')?.finding).toContain('ends in 30 days');
    expect(report.exitCode).toBe(0);
  });

  it('is no partner at all', async () => {
    expect(await run('doctor', 'nobody')).toMatchObject({ exitCode: 1, stdout: '' });
  });
});

describe('a partner of no Microsoft product', () => {
  it('is looked at as well, with a token that its key gets', async () => {
    const report = await doctor('crm', '--key', key, '--resource', MAIL);
    expect(report.outcomes).toMatchObject({ partner: 'ok', 'keys of the partner': 'ok', 'calls to us': 'ok' });
    // The audience is of the profile, whose tokens the other server verifies.
    expect(stepOf(report, 'token of the partner')).toMatchObject({
      outcome: 'failed',
      finding: expect.stringContaining('verified by the server that it is for'),
    });
    await mustCreate(service, '/audiences', { audience: 'https://ledger.example', owner: 'crm', scopes: ['read'] });
    await mustCreate(service, '/grants', { client: 'crm', audience: 'https://ledger.example', scopes: ['read'] });
    const again = await doctor('crm', '--key', key, '--resource', 'https://ledger.example');
    expect([again.exitCode, again.outcomes['token of the partner']]).toEqual([0, 'ok']);
  });

  it('prints for people what JSON has for scripts', async () => {
    const { stdout, exitCode } = await run('doctor', 'crm', '--no-refresh');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^ok {7}partner: crm is enabled/m);
    expect(stdout).toMatch(/^skipped {2}token of the partner: none was asked for\n {9}-> With the key/m);
  });
});
