/** The OAuth 2.0 Authorization Framework: the token endpoint and the client credentials grant. The matrix in README.md names each test. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowSecrets, basic, makeSecret } from '../support/client-secret.ts';
import { badRequest, notAuthenticated, outcomeOf, tokenOutcome } from '../support/decisions.ts';
import {
  assertionOf,
  callAdmin,
  mustCreate,
  populate,
  postToken,
  type Service,
  startService,
  tokenForm,
  type World,
} from '../support/service.ts';

let service: Service;
let world: World;
let secret: string;

beforeAll(async () => {
  service = await startService();
  await allowSecrets(service, true);
  world = await populate(service);
  ({ secret } = await makeSecret(service, 'crm'));
  const audience = 'https://ledger.example/api';
  await mustCreate(service, '/audiences', { audience, owner: 'billing', scopes: ['post', 'Post', 'void'] });
  await mustCreate(service, '/grants', { client: 'crm', audience, scopes: ['post', 'Post', 'void'] });
});
afterAll(() => service[Symbol.asyncDispose]());

const LEDGER = 'https://ledger.example/api';

/** A good form for the first audience, with parameters set, or left out where the value is undefined. */
const form = async (changes: Readonly<Record<string, string | undefined>> = {}): Promise<URLSearchParams> => {
  const good = tokenForm(await assertionOf(world.client, service.issuer), { resource: world.audience });
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) good.delete(name);
    else good.set(name, value);
  }
  return good;
};

const outcome = async (changes: Readonly<Record<string, string | undefined>> = {}) =>
  tokenOutcome(service, await form(changes));
const answer = async (changes: Readonly<Record<string, string | undefined>> = {}) =>
  postToken(service, await form(changes));

const GRANTED = { status: 200, reason: 'granted' };

const GRANT = 'grant_type=client_credentials&resource=https://ledger.example/api';

/** The request with an `Authorization` header. */
const withAuthorization = async (authorization: string, body: string, query = ''): Promise<Response> =>
  fetch(new URL(`/token${query}`, service.deployment.url), {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
    body,
  });

/** What came of it, and what the log says. */
const basicOutcome = async (authorization: string, body = GRANT) => {
  const answer = await withAuthorization(authorization, body);
  const read = (await answer.json()) as Record<string, unknown>;
  return outcomeOf(service, { status: answer.status, headers: answer.headers, body: read });
};

describe('RFC 6749 2.3: client authentication', () => {
  it('refuses a request with more than one authentication method', async () => {
    const both = await form({ client_secret: 'secret' });
    const description = 'The request uses more than one client authentication method.';
    expect(await tokenOutcome(service, both)).toEqual(badRequest('client_auth_several', description));
  });

  it('is needed: a client id alone proves nothing', async () => {
    const none = await outcome({ ...WITHOUT_ASSERTION, client_id: 'crm' });
    expect(none).toMatchObject({ status: 401, body: { error: 'invalid_client' }, reason: 'client_auth_missing' });
  });
});

const WITHOUT_ASSERTION = { client_assertion: undefined, client_assertion_type: undefined };

describe('RFC 6749 2.3.1: client password', () => {
  it('works in the Authorization header, whatever the case of its scheme, with or without client_id', async () => {
    const header = basic('crm', secret);
    expect(await basicOutcome(header)).toMatchObject(GRANTED);
    expect(await basicOutcome(header.replace('Basic', 'bAsIC'))).toMatchObject(GRANTED);
    expect(await basicOutcome(header, `${GRANT}&client_id=crm`)).toMatchObject(GRANTED);
    expect(await basicOutcome(header, `${GRANT}&client_id=billing`)).toMatchObject({ reason: 'client_auth_several' });
  });

  it('is form-encoded before it goes into the header', async () => {
    const id = 'crm~one';
    await mustCreate(service, '/partners', { id });
    await mustCreate(service, '/grants', { client: id, audience: LEDGER, scopes: ['post'] });
    const { secret: own } = await makeSecret(service, id);
    // A tilde is encoded by this rule, and left alone by the one for URIs.
    expect(Buffer.from(basic(id, own).slice(6), 'base64').toString()).toContain('crm%7Eone:');
    expect(await basicOutcome(basic(id, own))).toMatchObject(GRANTED);
    const plain = `Basic ${Buffer.from(`${id}:${own}`).toString('base64')}`;
    expect(await basicOutcome(plain)).toMatchObject(GRANTED);
    const broken = `Basic ${Buffer.from(`${id}:%zz`).toString('base64')}`;
    expect(await basicOutcome(broken)).toMatchObject({ status: 401, reason: 'client_auth_scheme_unsupported' });
  });

  it('works in the body', async () => {
    const changes = { ...WITHOUT_ASSERTION, client_id: 'crm', client_secret: secret };
    expect(await outcome(changes)).toMatchObject(GRANTED);
    expect(await outcome({ ...changes, client_id: undefined })).toMatchObject({ reason: 'parameter_missing' });
    expect(await outcome({ ...changes, client_id: 'billing' })).toEqual(notAuthenticated('secret_unknown'));
    expect(await outcome({ ...changes, client_secret: `${secret}x` })).toEqual(notAuthenticated('secret_unknown'));
  });

  it('does not work in the query', async () => {
    const query = `?client_id=crm&client_secret=${secret}`;
    const body = await form(WITHOUT_ASSERTION);
    const answer = await fetch(new URL(`/token${query}`, service.deployment.url), { method: 'POST', body });
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { error: 'invalid_request', error_description: 'Request parameters must be sent in the body.' },
    ]);
  });

  it('is not sent in two ways at once, nor beside another proof', async () => {
    const twice = `${GRANT}&client_id=crm&client_secret=${secret}`;
    expect(await basicOutcome(basic('crm', secret), twice)).toMatchObject({ reason: 'client_auth_several' });
    const beside = String(await form());
    expect(await basicOutcome(basic('crm', secret), beside)).toMatchObject({ reason: 'client_auth_several' });
  });

  it('is no proof in a realm that has not opted in, or does so no longer', async () => {
    await callAdmin(service, 'POST', '/admin/realms', { name: 'strict' });
    await callAdmin(service, 'POST', '/admin/realms/strict/partners', { id: 'crm' });
    const refused = await callAdmin(service, 'POST', '/admin/realms/strict/partners/crm/secrets', {});
    expect(refused.status).toBe(409);
    await allowSecrets(service, true, 'strict');
    const { secret: own } = await makeSecret(service, 'crm', {}, 'strict');
    await allowSecrets(service, false, 'strict');
    const answer = await fetch(`${service.issuer}/realms/strict/token`, {
      method: 'POST',
      headers: { authorization: basic('crm', own) },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    const body = (await answer.json()) as Record<string, unknown>;
    expect(await outcomeOf(service, { status: answer.status, headers: answer.headers, body })).toEqual(
      notAuthenticated('client_secrets_off'),
    );
  });
});

describe('RFC 6749 3.2: token endpoint', () => {
  it('answers POST only', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const response = await fetch(new URL(`/token?${await form()}`, service.deployment.url), { method });
      expect(response.status).toBe(404);
    }
  });

  it('takes a parameter without a value for one that was left out', async () => {
    expect(await outcome({ scope: '', client_secret: '', client_id: '', audience: '' })).toMatchObject(GRANTED);
    expect(await outcome({ grant_type: '' })).toMatchObject({ reason: 'parameter_missing' });
  });

  it('ignores parameters that it does not know', async () => {
    expect(await outcome({ tenant: 'x', username: 'y', password: 'z', code: 'w' })).toMatchObject(GRANTED);
  });

  it('refuses a parameter that is repeated', async () => {
    for (const name of ['grant_type', 'client_assertion', 'client_assertion_type', 'scope', 'client_id', 'audience']) {
      const repeated = await form({ [name]: (await form()).get(name) ?? 'x' });
      repeated.append(name, 'x');
      const description = 'A request parameter is repeated.';
      expect(await tokenOutcome(service, repeated)).toEqual(badRequest('parameter_duplicated', description));
    }
  });

  it('reads the form as UTF-8', async () => {
    expect(await outcome({ comment: 'Ω ☃ 👻' })).toMatchObject(GRANTED);
    const latin1 = `${await form()}&comment=%e9`;
    expect(await tokenOutcome(service, latin1)).toMatchObject({ reason: 'body_malformed' });
  });
});

describe('RFC 6749 3.3: scope', () => {
  it('grants all scopes of the grant where none is asked for', async () => {
    expect((await outcome({ resource: LEDGER })).body.scope).toBe('post Post void');
  });

  it('grants what is asked for, in any order, and says what it granted', async () => {
    expect((await outcome({ resource: LEDGER, scope: 'void post' })).body.scope).toBe('void post');
  });

  it('tells scopes apart by case', async () => {
    expect((await outcome({ resource: LEDGER, scope: 'Post' })).body.scope).toBe('Post');
    expect(await outcome({ resource: LEDGER, scope: 'POST' })).toMatchObject({ reason: 'scope_not_granted' });
  });

  it('refuses a scope that is no list of tokens', async () => {
    for (const scope of [' ', ' post', 'post ', 'post  void', 'post\tvoid', 'po"st', 'po\\st', 'pöst']) {
      expect(await outcome({ resource: LEDGER, scope })).toEqual({
        status: 400,
        body: { error: 'invalid_scope', error_description: 'The requested scope is malformed or not granted.' },
        reason: 'scope_malformed',
      });
    }
  });

  it('never grants a part of what was asked for', async () => {
    expect(await outcome({ resource: LEDGER, scope: 'post write' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
      reason: 'scope_not_granted',
    });
  });
});

describe('RFC 6749 4.4: client credentials grant', () => {
  it('issues an access token to an authenticated client', async () => {
    expect(await outcome()).toMatchObject(GRANTED);
  });

  it('issues no refresh token', async () => {
    expect(Object.keys((await answer()).body).sort()).toEqual(['access_token', 'expires_in', 'scope', 'token_type']);
  });

  it('is for confidential clients: without authentication there is no token', async () => {
    const bare = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'crm' });
    expect(await tokenOutcome(service, bare)).toMatchObject({ status: 401, reason: 'client_auth_missing' });
  });
});

describe('RFC 6749 5.1: successful response', () => {
  it('has token, type, lifetime and scope, in JSON', async () => {
    const { status, headers, body } = await answer();
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json');
    expect(body).toEqual({
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      token_type: 'Bearer',
      expires_in: 3_600,
      scope: 'read',
    });
  });

  it('is kept by no cache', async () => {
    const { headers } = await answer();
    expect([headers.get('cache-control'), headers.get('pragma')]).toEqual(['no-store', 'no-cache']);
  });
});

describe('RFC 6749 5.2: error response', () => {
  it.each([
    ['invalid_request', 400, 'parameter_missing', { grant_type: undefined }],
    ['invalid_request', 400, 'parameter_missing', { client_assertion: undefined }],
    ['invalid_request', 400, 'parameter_missing', { client_assertion_type: undefined }],
    ['invalid_client', 401, 'assertion_malformed', { client_assertion: 'x' }],
    ['unsupported_grant_type', 400, 'grant_type_unsupported', { grant_type: 'password' }],
    ['unsupported_grant_type', 400, 'grant_type_unsupported', { grant_type: 'CLIENT_CREDENTIALS' }],
    ['invalid_scope', 400, 'scope_not_granted', { scope: 'write' }],
    ['invalid_target', 400, 'resource_unknown', { resource: 'https://unknown.example' }],
  ])('has its registered code and status: %s, %i, because of %s', async (error, status, reason, changes) => {
    expect(await outcome(changes)).toEqual({ status, body: { error, error_description: expect.any(String) }, reason });
  });

  it('is JSON that no cache keeps, in characters that the standard allows', async () => {
    for (const changes of [{ grant_type: 'x' }, { client_assertion: 'x' }, { scope: 'x' }, { resource: 'x' }]) {
      const { headers, body } = await answer(changes);
      expect(headers.get('content-type')).toBe('application/json');
      expect([headers.get('cache-control'), headers.get('pragma')]).toEqual(['no-store', 'no-cache']);
      expect(body.error).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
      expect(body.error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
    }
  });

  it('challenges a client that used the Authorization header, and no other', async () => {
    const response = await withAuthorization(basic('crm', 'wrong'), GRANT);
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="countersign"']);
    expect(await response.json()).toMatchObject({ error: 'invalid_client' });
    const posted = await answer({ ...WITHOUT_ASSERTION, client_id: 'crm', client_secret: 'wrong' });
    expect([posted.status, posted.headers.get('www-authenticate')]).toEqual([401, null]);
  });

  it('is the same for every failed authentication', async () => {
    const now = Math.floor(Date.now() / 1_000);
    const attempts = [
      'a.b.c',
      await assertionOf({ ...world.client, id: 'nobody' }, service.issuer),
      await assertionOf({ ...world.client, privateKey: world.owner.privateKey }, service.issuer),
      await assertionOf(world.client, 'https://other.example'),
      await assertionOf(world.client, service.issuer, { claims: { exp: now - 600 } }),
    ];
    const answers = await Promise.all([
      ...attempts.map((client_assertion) => answer({ client_assertion })),
      ...['crm', 'nobody'].map((id) => answer({ ...WITHOUT_ASSERTION, client_id: id, client_secret: 'wrong' })),
    ]);
    const seen = answers.map(({ status, headers, body }) => {
      const named = [...headers].filter(([name]) => !['apigw-requestid', 'date'].includes(name));
      return JSON.stringify([status, named, body]);
    });
    expect(new Set(seen).size).toBe(1);
  });
});
