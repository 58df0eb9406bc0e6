import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AUDIENCE, ISSUER } from '../support/builders.ts';
import { type AdminWorld, CHANCE, openAdmin, populate, SECRET_ID, TIME, USED_AT } from './admin-world.ts';

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

const HOUR = '2027-01-15T09:00:00.000Z';
const letRealm = (policy: object) => call('PATCH', '/realms/default', { body: { version: 0, policy } });
const show = async () => (await inRealm('GET', '/partners/crm')).body;
const stored = () => world.registry.partners.get('default/crm');

describe('client secrets', () => {
  const add = (body: object = {}) => inRealm('POST', '/partners/crm/secrets', { body });

  it('are refused until the realm has opted in, and say how', async () => {
    const { status, body } = await add();
    expect([status, body.detail]).toEqual([409, expect.stringContaining('clientSecrets')]);
    expect(stored()?.secrets).toEqual([]);
  });

  it('are made: 201 with the secret, which no other answer and no record holds', async () => {
    await letRealm({ clientSecrets: true });
    const { status, body } = await add({ label: 'blue', expiresAt: HOUR });
    const shown = { id: SECRET_ID, label: 'blue', addedAt: TIME, expiresAt: HOUR };
    const lastUsedAt = new Date(USED_AT * 1_000).toISOString();
    expect([status, body]).toEqual([
      201,
      {
        ...{ secret: expect.stringMatching(/^csec_[\w-]{43}$/), id: SECRET_ID, expiresAt: HOUR },
        partner: expect.objectContaining({ id: 'crm', version: 2, secrets: [{ ...shown, lastUsedAt }] }),
      },
    ]);
    const hash = createHash('sha256').update(String(body.secret)).digest('base64url');
    expect(stored()?.secrets.map((each) => each.hash)).toEqual([hash]);
    const later = JSON.stringify([await show(), (await inRealm('GET', '/partners')).body]);
    for (const hidden of [CHANCE, hash]) {
      expect([later, world.observed.text(), JSON.stringify(body.partner)].join()).not.toContain(hidden);
    }
    expect(JSON.stringify([...world.registry.partners.values()])).not.toContain(CHANCE);
  });

  it('are taken away by their id: 204, and 404 the next time, also when the realm has none any more', async () => {
    await letRealm({ clientSecrets: true });
    const [first, second] = [await add(), await add()];
    await call('PATCH', '/realms/default', { body: { version: 1, policy: { clientSecrets: false } } });
    const remove = () => inRealm('DELETE', '/partners/crm/secrets', { query: `id=${String(first.body.id)}` });
    expect([(await remove()).status, (await remove()).status]).toEqual([204, 404]);
    expect((await show()).secrets).toMatchObject([{ id: second.body.id }]);
  });

  it.each([
    [{ label: '' }, '/label'],
    [{ label: 'x'.repeat(65) }, '/label'],
    [{ expiresAt: TIME }, '/expiresAt'],
    [{ secret: 'my own' }, ''],
  ])('with %j are refused', async (body, pointer) => {
    await letRealm({ clientSecrets: true });
    const answer = await add(body);
    expect([answer.status, answer.body.errors]).toMatchObject([400, [{ pointer }]]);
    expect(stored()?.secrets).toEqual([]);
  });

  it('are on record by id and times only', async () => {
    await letRealm({ clientSecrets: true });
    await add({ label: 'blue', expiresAt: HOUR });
    await inRealm('DELETE', '/partners/crm/secrets', { query: `id=${SECRET_ID}` });
    expect(world.records().slice(-2)).toMatchObject([
      {
        path: '/admin/realms/default/partners/crm/secrets',
        change: { label: 'blue', expiresAt: HOUR },
        outcome: { id: SECRET_ID, expiresAt: HOUR },
      },
      { method: 'DELETE', change: { id: SECRET_ID } },
    ]);
  });
});

describe('the onboarding of a partner', () => {
  const open = (body: object = {}, path = '/realms/default') =>
    call('POST', `${path}/partners/crm/onboarding`, { body });

  it('is opened: 201 with the token, which no other answer and no record holds', async () => {
    const { status, body } = await open({ expiresInSeconds: 3_600, methods: ['private_key_jwt'] });
    expect([status, body]).toEqual([
      201,
      {
        token: expect.stringMatching(/^cobt_Y3Jt\.[\w-]{43}$/),
        ...{ expiresAt: HOUR, registrationEndpoint: `${ISSUER}/register` },
      },
    ]);
    const shown = await show();
    expect(shown).toMatchObject({
      onboarding: { createdAt: TIME, expiresAt: HOUR, methods: ['private_key_jwt'] },
      registered: false,
    });
    for (const hidden of [CHANCE, stored()?.onboarding?.hash]) {
      expect([JSON.stringify(shown), world.observed.text()].join()).not.toContain(hidden);
    }
    expect(world.records().find(({ path }) => String(path).endsWith('/onboarding'))).toMatchObject({
      change: { expiresInSeconds: 3_600, methods: ['private_key_jwt'] },
      outcome: { expiresAt: HOUR },
    });
  });

  it('names the endpoint of the realm that the partner is in', async () => {
    await call('POST', '/realms', { body: { name: 'acme', aliases: ['acme.example'] } });
    await call('POST', '/realms/acme/partners', { body: { id: 'crm' } });
    const { body } = await open({}, '/realms/acme.example');
    expect(body.registrationEndpoint).toBe(`${ISSUER}/realms/acme/register`);
  });

  it('is closed: 204, with the registration too, and as often as wanted', async () => {
    await open();
    const partner = stored();
    if (partner === undefined) throw new Error('there is no crm');
    const registration = { hash: 'x', createdAt: 1, methods: ['private_key_jwt'], method: 'private_key_jwt' } as const;
    world.registry.partners.set('default/crm', { ...partner, registration });
    expect((await show()).registered).toBe(true);
    const close = () => inRealm('DELETE', '/partners/crm/onboarding');
    expect([(await close()).status, (await close()).status]).toEqual([204, 204]);
    const left = await show();
    expect([left.registered, 'onboarding' in left]).toEqual([false, false]);
  });

  it.each([
    [{ expiresInSeconds: 59 }, '/expiresInSeconds'],
    [{ expiresInSeconds: 604_801 }, '/expiresInSeconds'],
    [{ methods: [] }, '/methods'],
    [{ methods: ['client_secret_basic'] }, '/methods/0'],
  ])('is refused with %j', async (body, pointer) => {
    const answer = await open(body);
    expect([answer.status, answer.body.errors]).toMatchObject([400, [{ pointer }]]);
  });
});

describe('the further ways in of a partner', () => {
  const FEDERATION = [
    {
      ...{ issuer: 'https://ci.example', audience: 'sts', maxSeconds: 600, reusable: false },
      claims: { sub: { glob: 'repo:acme/*' }, environment: { oneOf: ['prod', 'stage'] } },
      audited: { '/actor/id': { exact: '7' } },
    },
  ];
  const WAYS = {
    ...{ tlsSubject: { sanDns: 'crm.example' }, federation: FEDERATION },
    ...{ issuer: 'https://crm.example', trustedIssuer: true },
  };

  it('are declared, shown, changed one by one and taken away', async () => {
    const declared = await inRealm('PUT', '/partners/crm', { body: WAYS });
    expect([declared.status, declared.body]).toMatchObject([200, WAYS]);
    const change = (version: number, body: object) =>
      inRealm('PATCH', '/partners/crm', { body: { version, ...body } }).then((answer) => answer.body);
    expect(await change(2, { tlsSubject: { subjectDn: 'CN=crm,O=Acme' } })).toMatchObject({
      ...WAYS,
      tlsSubject: { subjectDn: 'CN=crm,O=Acme' },
    });
    expect(await change(3, { federation: [], trustedIssuer: false })).toMatchObject({
      ...{ federation: [], trustedIssuer: false, tlsSubject: { subjectDn: 'CN=crm,O=Acme' } },
    });
    expect(await change(4, { tlsSubject: null })).not.toHaveProperty('tlsSubject');
    expect(world.records().at(-4)?.change).toEqual(WAYS);
  });

  it('are the same when they are said again', async () => {
    const again = [
      await inRealm('PUT', '/partners/crm', { body: WAYS }),
      await inRealm('PUT', '/partners/crm', { body: WAYS }),
    ];
    expect(again.map(({ body }) => body.version)).toEqual([2, 2]);
  });

  it('stay as they are beside a declaration that cannot say them', async () => {
    await letRealm({ clientSecrets: true });
    await inRealm('POST', '/partners/crm/secrets', { body: {} });
    await inRealm('POST', '/partners/crm/onboarding', { body: {} });
    const declared = await inRealm('PUT', '/partners/crm', { body: { name: 'CRM' } });
    expect(declared.body).toMatchObject({ name: 'CRM', secrets: [{ id: SECRET_ID }], onboarding: { createdAt: TIME } });
  });

  it.each([
    [{ tlsSubject: { sanDns: 'a.example', sanIp: '192.0.2.1' } }, '/tlsSubject'],
    [{ tlsSubject: { sanFax: 'x' } }, '/tlsSubject'],
    [{ trustedIssuer: true }, '/trustedIssuer'],
    [{ federation: [{ issuer: 'https://ci.example', claims: {} }] }, '/federation/0/claims'],
    [{ federation: [{ ...FEDERATION[0], claims: { sub: { regex: '.*' } } }] }, '/federation/0/claims/sub'],
    [{ secrets: [] }, ''],
    [{ registration: { hash: 'x' } }, ''],
  ])('cannot be %j', async (body, pointer) => {
    const answer = await inRealm('PUT', '/partners/crm', { body });
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toEqual(
      expect.arrayContaining([expect.objectContaining({ pointer: expect.stringMatching(new RegExp(`^${pointer}`)) })]),
    );
  });
});

describe('authorization details', () => {
  const DETAILS = { payment: { actions: ['initiate'], fields: ['amount'] } };
  const declare = (body: object) =>
    inRealm('PATCH', '/audiences', { body: { audience: AUDIENCE, version: 1, ...body } });
  const grant = (types: string[]) =>
    inRealm('POST', '/grants', {
      body: { client: 'crm', audience: AUDIENCE, scopes: ['read'], authorizationDetailsTypes: types },
    });

  it('are declared by audiences of a realm that lets them, and granted by type', async () => {
    expect((await declare({ authorizationDetails: DETAILS })).status).toBe(400);
    await letRealm({ authorizationDetailsTypes: ['payment'] });
    expect((await declare({ authorizationDetails: DETAILS })).body).toMatchObject({ authorizationDetails: DETAILS });
    expect((await grant(['payment', 'other'])).status).toBe(400);
    expect((await grant(['payment'])).body).toMatchObject({ authorizationDetailsTypes: ['payment'], version: 2 });
    expect((await show()).grants).toMatchObject([{ audience: AUDIENCE, authorizationDetailsTypes: ['payment'] }]);
    expect(
      world
        .records()
        .filter(({ change }) => change !== undefined)
        .slice(-2),
    ).toMatchObject([
      { change: { authorizationDetails: DETAILS } },
      { change: { authorizationDetailsTypes: ['payment'] } },
    ]);
  });

  it('of a type that somebody holds stay, and who it is is told', async () => {
    await letRealm({ authorizationDetailsTypes: ['payment'] });
    await declare({ authorizationDetails: DETAILS });
    await grant(['payment']);
    const refused = await declare({ version: 2, authorizationDetails: {} });
    expect([refused.status, refused.body.dependents]).toEqual([409, [{ client: 'crm', audience: AUDIENCE }]]);
    await grant([]);
    expect((await declare({ version: 2, authorizationDetails: {} })).body.authorizationDetails).toEqual({});
  });
});

describe('the policy of a realm', () => {
  const POLICY = {
    ...{ clientSecrets: true, dpopNonces: 'optional', authorizationDetailsTypes: ['payment'] },
    grantTypes: ['client_credentials', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
  };

  it('is shown as it was said, and makes another realm', async () => {
    const answers = [POLICY, POLICY, { ...POLICY, clientSecrets: false }].map((policy) => ({
      name: 'acme',
      policy,
    }));
    const statuses: unknown[] = [];
    for (const body of answers) statuses.push((await call('POST', '/realms', { body })).status);
    expect(statuses).toEqual([201, 200, 409]);
    expect((await call('GET', '/realms/acme')).body.policy).toEqual(POLICY);
  });

  it.each([
    [{ grantTypes: ['password'] }, '/policy/grantTypes'],
    [{ grantTypes: [] }, '/policy/grantTypes'],
    [{ dpopNonces: 'never' }, '/policy/dpopNonces'],
    [{ authorizationDetailsTypes: ['a', 'a'] }, '/policy/authorizationDetailsTypes'],
    [{ clientSecrets: 'yes' }, '/policy/clientSecrets'],
  ])('cannot say %j', async (policy, pointer) => {
    const { status, body } = await letRealm(policy);
    expect([status, body.errors]).toMatchObject([400, [{ pointer }]]);
  });
});
