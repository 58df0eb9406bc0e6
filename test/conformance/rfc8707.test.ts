/** Resource Indicators for OAuth 2.0, at the token endpoint. The matrix in README.md names each test. */

import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notForThisClient, tokenOutcome } from '../support/decisions.ts';
import {
  assertionOf,
  changePartner,
  makePartner,
  mustCreate,
  populate,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
  type World,
} from '../support/service.ts';

const LEDGER = 'https://ledger.example/api';
const URN = 'urn:example:payroll';

let service: Service;
let world: World;
/** A client with two grants. */
let busy: TestPartner;

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
  busy = await makePartner('busy');
  await mustCreate(service, '/partners', { id: busy.id, jwks: { keys: [busy.publicJwk] } });
  for (const audience of [LEDGER, URN]) {
    await mustCreate(service, '/audiences', { audience, owner: 'billing', scopes: ['post'] });
    await mustCreate(service, '/grants', { client: busy.id, audience, scopes: ['post'] });
  }
});
afterAll(() => service[Symbol.asyncDispose]());

const ask = async (client: TestPartner, ...resources: string[]) => {
  const form = tokenForm(await assertionOf(client, service.issuer));
  for (const resource of resources) form.append('resource', resource);
  return tokenOutcome(service, form);
};
const audienceOf = (outcome: { body: Record<string, unknown> }) => decodeJwt(String(outcome.body.access_token)).aud;

describe('RFC 8707 2: the resource parameter', () => {
  it('is an absolute URI, of any scheme', async () => {
    expect(audienceOf(await ask(busy, LEDGER))).toBe(LEDGER);
    expect(audienceOf(await ask(busy, URN))).toBe(URN);
    for (const resource of ['ledger', '/api', '//ledger.example/api', 'https://', 'https://ledger.example/a b']) {
      expect(await ask(busy, resource)).toEqual(notForThisClient('resource_malformed'));
    }
  });

  it('has no fragment', async () => {
    expect(await ask(busy, `${LEDGER}#part`)).toEqual(notForThisClient('resource_malformed'));
    expect(await ask(busy, `${LEDGER}#`)).toEqual(notForThisClient('resource_malformed'));
  });

  it('is compared character by character', async () => {
    for (const resource of [
      `${LEDGER}/`,
      'https://LEDGER.example/api',
      'https://ledger.example:443/api',
      `${LEDGER}?`,
    ]) {
      expect(await ask(busy, resource)).toEqual(notForThisClient('resource_unknown'));
    }
  });

  it('may be repeated, but one token is for one resource', async () => {
    expect(audienceOf(await ask(busy, LEDGER, LEDGER))).toBe(LEDGER);
    expect(await ask(busy, LEDGER, URN)).toEqual(notForThisClient('resource_several'));
  });

  it('may be called audience, and has to agree where both are sent', async () => {
    const both = async (audience: string) =>
      tokenOutcome(service, tokenForm(await assertionOf(busy, service.issuer), { resource: LEDGER, audience }));
    expect(audienceOf(await both(LEDGER))).toBe(LEDGER);
    expect(await both(URN)).toEqual(notForThisClient('resource_several'));
  });

  it('may be left out by a client of one resource only', async () => {
    expect(audienceOf(await ask(world.client))).toBe(world.audience);
    expect(await ask(busy)).toEqual(notForThisClient('resource_required'));
  });

  it('is refused in one way, whether it does not exist, is not granted, or is disabled', async () => {
    expect(await ask(busy, 'https://unknown.example')).toEqual(notForThisClient('resource_unknown'));
    expect(await ask(busy, world.audience)).toEqual(notForThisClient('grant_missing'));
    const gone = 'https://gone.example';
    const owner = await makePartner('leaver');
    await mustCreate(service, '/partners', { id: owner.id, jwks: { keys: [owner.publicJwk] } });
    await mustCreate(service, '/audiences', { audience: gone, owner: owner.id, scopes: ['post'] });
    await mustCreate(service, '/grants', { client: busy.id, audience: gone, scopes: ['post'] });
    await changePartner(service, owner.id, { enabled: false });
    expect(await ask(busy, gone)).toEqual(notForThisClient('resource_disabled'));
  });
});

describe('RFC 8707 2.2: access token request', () => {
  it('restricts the token to the resource: it is its one audience', async () => {
    const { aud, scope } = decodeJwt(String((await ask(busy, URN)).body.access_token));
    expect([aud, scope]).toEqual([URN, 'post']);
  });

  it('takes scopes for those of the resource asked for', async () => {
    const form = tokenForm(await assertionOf(busy, service.issuer), { resource: LEDGER, scope: 'read' });
    expect(await tokenOutcome(service, form)).toMatchObject({ status: 400, reason: 'scope_not_granted' });
  });
});
