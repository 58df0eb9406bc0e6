import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NOW } from '../support/builders.ts';
import { DAY, issue } from '../support/certificate-authority.ts';
import { type AdminWorld, openAdmin, populate } from './admin-world.ts';

let world: AdminWorld;
let call: AdminWorld['call'];
let inRealm: AdminWorld['inRealm'];
beforeEach(async () => {
  world = openAdmin();
  ({ call, inRealm } = world);
  await populate(world);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const ISSUER = '00000002-0000-0ff1-ce00-000000000000@contoso.example';
const OFF = { issuedBy: 'itself', actors: [], userTokens: false, delegation: false };
const { base64 } = await issue({ name: 'exchange', notBefore: NOW - DAY, notAfter: NOW + DAY });

describe('the Microsoft profile of a partner', () => {
  const change = (version: number, body: object) => inRealm('PATCH', '/partners/crm', { body: { version, ...body } });

  it('is off, is turned on with all that it means shown, replaced whole, and turned off', async () => {
    expect((await inRealm('GET', '/partners/crm')).body).not.toHaveProperty('microsoft');
    const on = await change(1, { issuer: ISSUER, microsoft: {} });
    expect([on.status, on.body]).toMatchObject([200, { issuer: ISSUER, microsoft: OFF }]);
    const more = { userTokens: true, actors: [ISSUER] };
    expect((await change(2, { microsoft: more })).body.microsoft).toEqual({ ...OFF, ...more });
    const vouched = { issuedBy: 'authorization-server', delegation: true };
    expect((await change(3, { microsoft: vouched })).body.microsoft).toEqual({ ...OFF, ...vouched });
    expect((await change(4, { microsoft: null })).body).not.toHaveProperty('microsoft');
    expect(world.records().at(-2)?.change).toEqual({ version: 3, microsoft: vouched });
  });

  it('is declared, is the same when it is said again, and gone when it is not said', async () => {
    const declare = (body: object) => inRealm('PUT', '/partners/crm', { body }).then((answer) => answer.body);
    expect(await declare({ microsoft: { delegation: true } })).toMatchObject({ version: 2 });
    expect(await declare({ microsoft: { ...OFF, delegation: true } })).toMatchObject({ version: 2 });
    expect(await declare({ name: 'CRM' })).not.toHaveProperty('microsoft');
  });

  it.each([
    [{ microsoft: { issuedBy: 'nobody' } }, '/microsoft/issuedBy'],
    [{ microsoft: { actors: ['x'] } }, '/microsoft/actors'],
    [{ microsoft: { userTokens: 'yes' } }, '/microsoft/userTokens'],
    [{ microsoft: { trustBroker: true } }, '/microsoft'],
    [{ microsoft: true }, '/microsoft'],
    [{ issuer: 'https://sts.example', microsoft: {} }, '/issuer'],
  ])('cannot be %j', async (body, pointer) => {
    const answer = await inRealm('PUT', '/partners/crm', { body });
    expect([answer.status, answer.body.errors]).toMatchObject([400, [{ pointer }]]);
  });

  it('is for one partner with each certificate: 409 for the second, with who has it', async () => {
    const body = { microsoft: {}, credentials: [{ certificate: base64 }] };
    expect((await inRealm('POST', '/partners', { body: { id: 'exchange', ...body } })).status).toBe(201);
    const second = await inRealm('POST', '/partners', { body: { id: 'second', ...body } });
    expect([second.status, second.body.detail]).toEqual([409, 'partner exchange has this certificate']);
    await change(1, { microsoft: {} });
    const added = await inRealm('POST', '/partners/crm/credentials', { body: { certificate: base64 } });
    expect([added.status, added.body.detail]).toEqual([409, 'partner exchange has this certificate']);
  });
});

describe('the Microsoft profile of a realm', () => {
  const SAID = { applicationId: ISSUER.slice(0, 36), realms: ['contoso.example'] };
  const set = (microsoft: object, version = 0) =>
    call('PATCH', '/realms/default', { body: { version, policy: { clientSecrets: true, microsoft } } });

  it('is kept with the rest of the policy, shown whole, and on record', async () => {
    const { status, body } = await set({ ...SAID, hosts: ['api.contoso.example'] });
    const microsoft = { ...SAID, hosts: ['api.contoso.example'], tokenHosts: [], users: 'registered' };
    expect([status, body.policy]).toEqual([200, { clientSecrets: true, microsoft }]);
    expect((await call('GET', '/realms/default')).body.policy).toEqual({ clientSecrets: true, microsoft });
    expect(world.records().at(-2)?.change).toEqual({
      version: 0,
      policy: { clientSecrets: true, microsoft: { ...SAID, hosts: ['api.contoso.example'] } },
    });
    await call('PATCH', '/realms/default', { body: { version: 1, policy: {} } });
    expect((await call('GET', '/realms/default')).body.policy).toEqual({});
  });

  it('can be said when the realm is made', async () => {
    const made = await call('POST', '/realms', { body: { name: 'contoso', policy: { microsoft: SAID } } });
    expect([made.status, made.body.policy]).toMatchObject([201, { microsoft: SAID }]);
  });

  it.each([
    [{ realms: ['contoso.example'] }, '/policy/microsoft/applicationId'],
    [{ applicationId: SAID.applicationId }, '/policy/microsoft/realms'],
    [{ ...SAID, realms: ['*'] }, '/policy/microsoft/realms'],
    [{ ...SAID, users: 'all' }, '/policy/microsoft/users'],
    [{ ...SAID, serviceName: 'x' }, '/policy/microsoft'],
  ])('cannot be %j', async (microsoft, pointer) => {
    const answer = await set(microsoft);
    expect([answer.status, answer.body.errors]).toMatchObject([400, [{ pointer }]]);
  });
});
