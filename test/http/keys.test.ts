import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { accept, refuse } from '../../functions/core/errors.ts';
import type { KeyState } from '../../functions/core/key-ring.ts';
import type { ManageCertificates } from '../../functions/flows/manage-certificates.ts';
import type { ManageKeys, RingView } from '../../functions/flows/manage-keys.ts';
import { manageRealms } from '../../functions/flows/manage-realms.ts';
import { Outage } from '../../functions/ports.ts';
import { keysEndpoint } from '../../functions/routes.ts';
import { memoryRealms, testClock } from '../flows/in-memory.ts';
import {
  httpEvent,
  keyPair,
  NOW,
  REALM,
  realmDefaults,
  ring,
  rotationPolicy,
  signingKey,
} from '../support/builders.ts';
import { issue } from '../support/certificate-authority.ts';
import { type Answered, promised, realmOf } from './admin-world.ts';
import { lambdaContext, type Observed, observe } from './observed.ts';

const STATES: readonly KeyState[] = [
  ...(['created', 'standby', 'active', 'retiring', 'retired', 'revoked', 'pending-deletion'] as const),
];
const pair = await keyPair();
const AT = new Date((NOW + 60) * 1_000).toISOString().replace('.000Z', 'Z');
const { base64 } = await issue({ name: 'sts.example.com' });
const keys = STATES.map((state) =>
  signingKey(pair, { kid: state, state, deletionAt: NOW, ...(state === 'retired' ? { hold: true } : {}) }),
);
const VIEW: RingView = {
  ring: ring('ES256', [...keys, signingKey(pair, { certificates: [base64] })]),
  policy: rotationPolicy(),
  now: NOW,
};

let observed: Observed;
let asked: unknown[][];
let manage: ManageKeys;
beforeEach(() => {
  observed = observe();
  asked = [];
  const did =
    <Value>(name: string, value: Value) =>
    async (...args: readonly unknown[]): Promise<Value> => {
      asked.push([name, ...args]);
      return value;
    };
  manage = {
    list: did('list', [VIEW, { ...VIEW, unfinished: 'kms:DisableKey' }]),
    add: did('add', VIEW),
    rotateNow: did('rotateNow', accept(VIEW)),
    rotateAt: did('rotateAt', accept(VIEW)),
    revoke: did('revoke', accept({ ...VIEW, unverifiableSeconds: 42 })),
    hold: did('hold', accept(VIEW)),
    release: did('release', accept(VIEW)),
  };
});
afterEach(() => {
  vi.restoreAllMocks();
});

const call = async (method: string, path: string, body?: object, realm: string = REALM): Promise<Answered> => {
  const realms = memoryRealms();
  realms.realms.set('acme', realmOf('acme', { aliases: ['a.example'] }));
  const unused = () => Promise.reject(new Error('not reached'));
  const certificates: ManageCertificates = { selfSign: unused, request: unused, importChain: unused };
  const managed = manageRealms({ realms, clock: testClock() }, realmDefaults());
  const endpoint = keysEndpoint(observed.seen, { manage, certificates, realms: managed, defaultRealm: REALM });
  const where = `/realms/${realm}/keys${path}`;
  const event = httpEvent(method, `/admin${where}`, body === undefined ? {} : { body: JSON.stringify(body) });
  return promised(method, where, await endpoint(event, lambdaContext()));
};

describe('the admin API of signing keys', () => {
  it('lists the rings, keys of every state among them, in the shape it promises', async () => {
    const { status, body } = await call('GET', '');
    expect([status, body]).toMatchObject([
      200,
      { items: [{ algorithm: 'ES256' }, { algorithm: 'ES256', unfinished: 'kms:DisableKey' }] },
    ]);
  });

  it.each<[string, string, object | undefined, unknown[]]>([
    ['POST', '', { algorithm: 'ES256' }, ['add', REALM, 'ES256']],
    ['POST', '/rotate', { algorithm: 'ES256' }, ['rotateNow', REALM, 'ES256']],
    ['POST', '/rotate', { algorithm: 'ES256', at: AT }, ['rotateAt', REALM, 'ES256', NOW + 60]],
    ['POST', '/rotate/revoke', { breakGlass: true }, ['revoke', REALM, 'rotate', true]],
    ['POST', '/k1/revoke', {}, ['revoke', REALM, 'k1', false]],
    ['POST', '/k1/hold', undefined, ['hold', REALM, 'k1']],
    ['POST', '/k1/release', undefined, ['release', REALM, 'k1']],
  ])('does %s %s with %j, and shows the ring after it', async (method, path, body, command) => {
    const answer = await call(method, path, body);
    expect([answer.status, answer.body.algorithm, asked]).toEqual([200, 'ES256', [command]]);
  });

  it('says after a revocation for how long verifiers may refuse', async () => {
    expect((await call('POST', '/k1/revoke', {})).body.unverifiableSeconds).toBe(42);
  });

  it('is about the realm that the path names, by any of its names', async () => {
    for (const name of ['acme', 'a.example']) await call('POST', '/k1/hold', undefined, name);
    expect(asked).toEqual([
      ['hold', 'acme', 'k1'],
      ['hold', 'acme', 'k1'],
    ]);
    expect((await call('GET', '', undefined, 'nobody')).status).toBe(404);
  });

  it.each<[string, string, object | undefined]>([
    ['POST', '', undefined],
    ['POST', '', { algorithm: 'HS256' }],
    ['POST', '', { algorithm: 'ES256', more: 1 }],
    ['POST', '/rotate', {}],
    ['POST', '/rotate', { algorithm: 'ES256', at: '12/24/2026 08:00' }],
    ['POST', '/rotate', { algorithm: 'ES256', at: '2026-12-24T08:00:00' }],
    ['POST', '/rotate', { algorithm: 'ES256', at: '2026-12-24T08:00:00+01:00' }],
    ['POST', '/rotate', { algorithm: 'ES256', at: '2026-12-24' }],
    ['POST', '/rotate', { algorithm: 'ES256', at: '2026-02-30T08:00:00Z' }],
    ['POST', '/rotate', { algorithm: 'ES256', at: NOW }],
    ['POST', '/k1/revoke', undefined],
    ['POST', '/k1/revoke', { breakGlass: 'yes' }],
    ['POST', '/k1/hold', { kid: 'k2' }],
    ['POST', '/k1/release', {}],
  ])('takes no %s %s with %j: 400, and nothing is done', async (method, path, body) => {
    expect([(await call(method, path, body)).status, asked]).toEqual([400, []]);
  });

  it('says no with the time from which it would say yes', async () => {
    manage = { ...manage, rotateNow: async () => refuse({ reason: 'conflict', detail: 'too early', until: NOW + 5 }) };
    expect(await call('POST', '/rotate', { algorithm: 'ES256' })).toEqual({
      status: 409,
      body: {
        ...{ type: 'about:blank', title: 'Conflict', status: 409, detail: 'too early' },
        until: new Date((NOW + 5) * 1_000).toISOString(),
      },
      type: 'application/problem+json',
    });
  });

  it('is 503 while there is an outage, and on record all the same', async () => {
    manage = { ...manage, hold: () => Promise.reject(new Outage('kms:DisableKey', new Error('down'))) };
    expect((await call('POST', '/k1/hold')).status).toBe(503);
    expect(observed.lines().flatMap(({ audit }) => audit ?? [])).toMatchObject([{ method: 'POST', status: 503 }]);
  });
});
