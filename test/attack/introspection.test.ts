/**
 * Attacks on introspection and revocation: to learn about somebody else's token, to end it, to use the endpoints as an oracle, to reuse
 * what has proved a client. RFC 7662 4, RFC 7009 5, RFC 9701 8.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decisionOn } from '../support/decisions.ts';
import {
  administer,
  assertionOf,
  callAdmin,
  changePartner,
  getToken,
  makePartner,
  mustCreate,
  populate,
  postToken,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
  type World,
} from '../support/service.ts';
import { introspect, isActive, postState, proofForm, revoke, type StateAnswer } from '../support/token-state.ts';

let service: Service;
let world: World;
let mallory: TestPartner;
beforeAll(async () => {
  service = await startService({ maxInstances: 1 });
  world = await populate(service);
  mallory = await makePartner('mallory');
  await mustCreate(service, '/partners', { id: mallory.id, jwks: { keys: [mallory.publicJwk] } });
  // She owns a resource too, and may call the one that the tokens are for.
  await mustCreate(service, '/audiences', { audience: 'https://mallory.example', owner: mallory.id, scopes: ['read'] });
  await mustCreate(service, '/grants', { client: mallory.id, audience: world.audience, scopes: ['read'] });
});
afterAll(() => service[Symbol.asyncDispose]());

/** What a caller can tell answers apart by, but for what differs in every answer. */
const seen = ({ status, headers, text }: StateAnswer): unknown => {
  const constant = [...headers].filter(([name]) => !['date', 'apigw-requestid'].includes(name));
  return [status, text, Object.fromEntries(constant)];
};

const reasonOf = async ({ headers }: StateAnswer): Promise<unknown> => {
  const { facts, refusal } = await decisionOn(service, headers.get('apigw-requestid'));
  return refusal?.reason ?? facts.tokenFault ?? facts.tokenState;
};

const forged = (token: string): string => `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(342)}`;

describe("somebody else's token", () => {
  it('looks as one that there never was, alive or dead, to introspection and to revocation', async () => {
    const [alive, dead] = [await getToken(service, world), await getToken(service, world)];
    await revoke(service, world.owner, dead);
    const tokens = [alive, dead, forged(alive), 'nonsense'];
    for (const ask of [introspect, revoke]) {
      const answers = [];
      for (const token of tokens) answers.push(await ask(service, mallory, token));
      expect(new Set(answers.map((answer) => JSON.stringify(seen(answer)))).size).toBe(1);
      // The log tells them apart, but not by what only the owner may know.
      expect(await Promise.all(answers.slice(0, 2).map(reasonOf))).toEqual(['token_foreign', 'token_foreign']);
    }
    expect(await isActive(service, world.owner, alive)).toBe(true);
  });

  it('costs no look at what became of it', async () => {
    const token = await getToken(service, world);
    await introspect(service, mallory, token);
    const before = service.calls.length;
    await introspect(service, mallory, token);
    const operations = service.calls.slice(before).map(({ operation }) => operation);
    expect(operations).not.toContain('GetItem');
  });

  it('is not told about to the client that holds it, nor to whoever may call the same resource', async () => {
    const token = await getToken(service, world);
    for (const caller of [world.client, mallory]) expect(await isActive(service, caller, token)).toBe(false);
  });
});

describe('another realm', () => {
  it('knows no token of this one, and a partner of its own no more, whatever it is called', async () => {
    await callAdmin(service, 'POST', '/admin/realms', { name: 'other' });
    const twin = await makePartner(world.owner.id);
    const path = '/admin/realms/other';
    await callAdmin(service, 'POST', `${path}/partners`, { id: twin.id, jwks: { keys: [twin.publicJwk] } });
    await callAdmin(service, 'POST', `${path}/audiences`, {
      audience: world.audience,
      owner: twin.id,
      scopes: ['read'],
    });
    const token = await getToken(service, world);
    const issuer = `${service.issuer}/realms/other`;
    const ask = async (endpoint: string, aud: string, realm = 'realms/other/') =>
      postState(service, { path: `${realm}${endpoint}`, form: { ...(await proofForm(service, twin, aud)), token } });
    expect((await ask('introspect', issuer)).text).toBe('{"active":false}');
    expect((await ask('revoke', issuer)).status).toBe(200);
    // A proof for one realm is none in the other.
    expect((await ask('introspect', service.issuer)).status).toBe(401);
    expect((await ask('introspect', issuer, '')).status).toBe(401);
    expect((await ask('introspect', issuer, 'realms/nowhere/')).status).toBe(401);
    expect(await isActive(service, world.owner, token)).toBe(true);
  });
});

describe('what has proved a client', () => {
  it('does so once, at whichever endpoint', async () => {
    const token = await getToken(service, world);
    const form = { ...(await proofForm(service, world.client)), token };
    expect((await postState(service, { path: 'introspect', form })).status).toBe(200);
    for (const path of ['introspect', 'revoke']) {
      const again = await postState(service, { path, form });
      expect([again.status, await reasonOf(again)]).toEqual([401, 'assertion_replayed']);
    }
    const spent = tokenForm(form.client_assertion, { resource: world.audience });
    expect((await postToken(service, spent)).status).toBe(401);
  });

  it('is no token, and no assertion of a grant', async () => {
    const assertion = await assertionOf(world.owner, service.issuer);
    const token = await getToken(service, world);
    const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion };
    for (const form of [
      { ...grant, token },
      { ...grant, token, client_id: world.owner.id },
    ]) {
      const answer = await postState(service, { path: 'introspect', form });
      expect([answer.status, await reasonOf(answer)]).toEqual([401, 'client_auth_missing']);
    }
    const bearer = { authorization: `Bearer ${token}` };
    expect((await postState(service, { path: 'introspect', form: { token }, headers: bearer })).status).toBe(401);
  });
});

describe('a token of a client that has lost its part', () => {
  it('is not active from that moment on, and is again when the client is back', async () => {
    const token = await getToken(service, world);
    expect(await isActive(service, world.owner, token)).toBe(true);
    await changePartner(service, world.client.id, { enabled: false });
    expect(await isActive(service, world.owner, token)).toBe(false);
    await changePartner(service, world.client.id, { enabled: true });
    expect(await isActive(service, world.owner, token)).toBe(true);
    const grant = new URLSearchParams({ client: world.client.id, audience: world.audience });
    await administer(service, 'DELETE', `/grants?${grant}`);
    expect(await isActive(service, world.owner, token)).toBe(false);
    await mustCreate(service, '/grants', { client: world.client.id, audience: world.audience, scopes: ['read'] });
  });
});

describe('the log', () => {
  it('holds no part of a token, an assertion or a signed answer', async () => {
    const token = await getToken(service, world);
    const form = { ...(await proofForm(service, world.owner)), token };
    const headers = { accept: 'application/token-introspection+jwt' };
    const answer = await postState(service, { path: 'introspect', form, headers });
    await decisionOn(service, answer.headers.get('apigw-requestid'));
    const log = service.logs.join('\n');
    for (const jws of [token, form.client_assertion, answer.text])
      for (const part of jws.split('.').slice(1)) expect(log).not.toContain(part);
  });
});
