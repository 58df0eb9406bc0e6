/** An assertion makes one token in its life, whatever is changed around it, however often and however fast it is sent. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decisions, notAuthenticated, tokenOutcome, whoamiOutcome } from '../support/decisions.ts';
import { seconds } from '../support/forgery.ts';
import {
  assertionOf,
  getToken,
  makePartner,
  mustCreate,
  populate,
  type Service,
  startService,
  tokenForm,
  type World,
} from '../support/service.ts';

let service: Service;
let world: World;
/** How far the tables' clock is ahead, in milliseconds. */
let ahead = 0;
const SECOND_AUDIENCE = 'https://ledger.example/api';

beforeAll(async () => {
  service = await startService({ clock: () => Date.now() + ahead });
  world = await populate(service);
  await mustCreate(service, '/audiences', { audience: SECOND_AUDIENCE, owner: 'billing', scopes: ['post', 'read'] });
  await mustCreate(service, '/grants', { client: 'crm', audience: SECOND_AUDIENCE, scopes: ['post', 'read'] });
});
afterAll(() => service[Symbol.asyncDispose]());

const send = (assertion: string, more: Readonly<Record<string, string>> = {}) =>
  tokenOutcome(service, tokenForm(assertion, { resource: world.audience, ...more }));
const REPLAYED = notAuthenticated('assertion_replayed');

describe('an assertion that made a token', () => {
  it.each([
    ['as it was', {}],
    ['for another resource', { resource: SECOND_AUDIENCE }],
    ['with a scope', { scope: 'read' }],
    ['with its client_id', { client_id: 'crm' }],
    ['with parameters that nobody knows', { cache_buster: '1' }],
  ])('makes no other: %s', async (_case, more: Record<string, string>) => {
    const assertion = await assertionOf(world.client, service.issuer);
    expect(await send(assertion)).toMatchObject({ reason: 'granted' });
    expect(await send(assertion, more)).toEqual(REPLAYED);
  });

  it('lends its jti to no other assertion of the same client, not even one by another key', async () => {
    const jti = 'one-and-only';
    expect(await send(await assertionOf(world.client, service.issuer, { claims: { jti } }))).toMatchObject({
      reason: 'granted',
    });
    const another = { claims: { jti, exp: seconds() + 200 } };
    expect(await send(await assertionOf(world.client, service.issuer, another))).toEqual(REPLAYED);
  });

  it('does not keep another client from using the same jti', async () => {
    const neighbour = await makePartner('neighbour');
    await mustCreate(service, '/partners', { id: neighbour.id, jwks: { keys: [neighbour.publicJwk] } });
    await mustCreate(service, '/grants', { client: neighbour.id, audience: world.audience, scopes: ['read'] });
    const shared = { claims: { jti: 'a-counter-1' } };
    expect(await send(await assertionOf(world.client, service.issuer, shared))).toMatchObject({ reason: 'granted' });
    expect(await send(await assertionOf(neighbour, service.issuer, shared))).toMatchObject({ reason: 'granted' });
  });

  it.each([['a\u0000b'], ['../../x'], ['#'], ['jti-\u{1f511}'], ['é'], ['x'.repeat(256)]])(
    'is remembered whatever its jti looks like: %j',
    async (jti) => {
      const assertion = await assertionOf(world.client, service.issuer, { claims: { jti } });
      expect(await send(assertion)).toMatchObject({ reason: 'granted' });
      expect(await send(assertion)).toEqual(REPLAYED);
    },
  );

  it('is not mixed up with one whose jti is nearly the same', async () => {
    for (const jti of ['near', 'NEAR', 'near ', 'near\u0000', 'ne\u0301ar', 'n\u00e9ar']) {
      expect(await send(await assertionOf(world.client, service.issuer, { claims: { jti } }))).toMatchObject({
        reason: 'granted',
      });
    }
  });
});

describe('an assertion sent many times at once', () => {
  it('for different resources and scopes makes one token', async () => {
    const assertion = await assertionOf(world.client, service.issuer);
    const variants = [
      {},
      { resource: SECOND_AUDIENCE },
      { scope: 'read' },
      { resource: SECOND_AUDIENCE, scope: 'post' },
    ];
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, at) => send(assertion, variants[at % 4])));
    const reasons = outcomes.map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === 'granted')).toHaveLength(1);
    expect(reasons.filter((reason) => reason === 'assertion_replayed')).toHaveLength(19);
    const issued = decisions(service).filter(({ decision }) => decision === 'granted');
    expect(new Set(issued.map(({ facts }) => `${facts.client} ${facts.assertionId}`)).size).toBe(issued.length);
  });
});

describe('the memory of used assertions', () => {
  it('lasts for as long as the assertion could be accepted, tolerance included', async () => {
    const exp = seconds() + 60;
    const assertion = await assertionOf(world.client, service.issuer, { claims: { exp } });
    expect(await send(assertion)).toMatchObject({ reason: 'granted' });
    // The last moment at which a function would still take it: the table's own deletion must not have come before.
    ahead = (exp + 60) * 1_000 - Date.now();
    await service.deployment.sweep();
    ahead = 0;
    expect(await send(assertion)).toEqual(REPLAYED);
  });

  it('holds for one that had expired already, within the tolerance, when it was used', async () => {
    const late = { claims: { iat: seconds() - 60, exp: seconds() - 20 } };
    const assertion = await assertionOf(world.client, service.issuer, late);
    expect(await send(assertion)).toMatchObject({ reason: 'granted' });
    expect(await send(assertion)).toEqual(REPLAYED);
  });

  it('is not needed after that: the assertion is refused for its age', async () => {
    const old = await assertionOf(world.client, service.issuer, {
      claims: { iat: seconds() - 200, exp: seconds() - 100 },
    });
    expect(await send(old)).toEqual(notAuthenticated('assertion_expired'));
  });
});

describe('what is no replay', () => {
  it('an assertion that was refused for its request and made no token', async () => {
    const assertion = await assertionOf(world.client, service.issuer);
    expect(await send(assertion, { scope: 'everything' })).toMatchObject({ reason: 'scope_not_granted' });
    expect(await send(assertion, { resource: 'https://unknown.example' })).toMatchObject({
      reason: 'resource_unknown',
    });
    expect(await send(assertion)).toMatchObject({ reason: 'granted' });
    expect(await send(assertion)).toEqual(REPLAYED);
  });

  it('an access token sent again: it is a bearer token, good until it expires', async () => {
    const token = await getToken(service, world);
    for (let time = 0; time < 3; time += 1) {
      expect(await whoamiOutcome(service, `Bearer ${token}`)).toMatchObject({ status: 200, reason: 'granted' });
    }
  });
});
