/** Attacks on the registry by way of the admin API: members that are not for the caller, hostile JSON, strange names, bad keys. */

import { generateKeyPairSync } from 'node:crypto';
import { exportJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  administer,
  changePartner,
  makePartner,
  populate,
  type Service,
  startService,
  type TestPartner,
} from '../support/service.ts';
import { signedCall } from '../support/signed-call.ts';

let service: Service;
let key: TestPartner['publicJwk'];

beforeAll(async () => {
  service = await startService();
  await populate(service);
  key = (await makePartner('spare')).publicJwk;
});
afterAll(() => service[Symbol.asyncDispose]());

const partnerWith = (changes: object) => ({ id: 'new-one', jwks: { keys: [key] }, ...changes });
const addPartner = (body: object) => administer(service, 'POST', '/partners', body);
const mustNotExist = async (id: string) =>
  expect((await administer(service, 'GET', `/partners/${id}`)).status).toBe(404);

/** A 400 answer that names what was wrong. */
const notAcceptable = (pointer: string, detail: unknown = expect.any(String)) => ({
  status: 400,
  body: {
    type: 'about:blank',
    title: 'Bad Request',
    status: 400,
    detail: 'the input is not acceptable',
    errors: [expect.objectContaining({ pointer, detail })],
  },
});

describe('a member that is not for the caller to set', () => {
  it.each([
    ['version', { version: 99 }],
    ['realm', { realm: 'other' }],
    ['keys', { keys: [] }],
    ['grants', { grants: [{ audience: 'https://a.example', scopes: ['x'] }] }],
    ['audiences', { audiences: ['https://a.example'] }],
    ['createdAt', { createdAt: 0 }],
    ['pk', { pk: 'partner#default#crm', sk: 'partner' }],
    ['listing', { listing: 'partners#default' }],
  ])('is refused on a partner, not ignored: %s', async (name, more) => {
    const answer = await addPartner(partnerWith(more));
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.body.errors)).toContain(`\\"${name}\\"`);
    await mustNotExist('new-one');
  });

  it.each([{ id: 'other' }, { realm: 'other' }, { keys: [] }, { jwks: { keys: [] } }])(
    'is refused on a change of a partner: %j',
    async (change) => {
      expect((await changePartner(service, 'crm', { name: 'x', ...change })).status).toBe(400);
    },
  );

  it.each([
    ['audiences', { audience: 'https://new.example', owner: 'billing', scopes: ['a'] }, { ownerEnabled: true }],
    ['audiences', { audience: 'https://new.example', owner: 'billing', scopes: ['a'] }, { version: 7 }],
    ['grants', { client: 'billing', audience: 'https://new.example', scopes: ['a'] }, { realm: 'other' }],
    ['grants', { client: 'billing', audience: 'https://new.example', scopes: ['a'] }, { version: 7 }],
  ])('is refused among the %s', async (path, body, more) => {
    expect((await administer(service, 'POST', `/${path}`, { ...body, ...more })).status).toBe(400);
  });
});

describe('hostile JSON', () => {
  const post = (text: string) => signedCall(service, 'POST', '/partners', text);
  const jwks = () => JSON.stringify({ keys: [key] });

  it.each([
    ['__proto__ in a partner', () => `{"id":"new-one","jwks":${jwks()},"__proto__":{"enabled":false}}`],
    [
      'constructor in a partner',
      () => `{"id":"new-one","jwks":${jwks()},"constructor":{"prototype":{"enabled":false}}}`,
    ],
    ['an id from the prototype', () => `{"__proto__":{"id":"new-one"},"jwks":${jwks()}}`],
    ['keys from the prototype', () => `{"id":"new-one","jwks":{"__proto__":${jwks()}}}`],
    ['a key from the prototype', () => `{"id":"new-one","jwks":{"keys":[{"__proto__":${JSON.stringify(key)}}]}}`],
  ])('does not reach a prototype: %s', async (_case, text) => {
    expect((await post(text())).status).toBe(400);
    await mustNotExist('new-one');
    expect((await administer(service, 'GET', '/partners/crm')).body.enabled).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['a text', '"x"'],
    ['a form', 'id=new-one'],
    ['two objects', '{}{}'],
    ['a comment', '{} // x'],
    ['NaN', '{"id":NaN}'],
    ['half an object', '{"id":"new-one"'],
    ['a hundred thousand brackets', '['.repeat(100_000)],
    ['a hundred thousand nested lists', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
  ])('is refused with one kind of answer: %s', async (_case, text) => {
    const answer = await post(text);
    expect(answer).toMatchObject({ status: 400, body: { title: 'Bad Request' } });
  });

  it('is refused unread when it is larger than any partner', async () => {
    const answer = await post(JSON.stringify(partnerWith({ name: 'x'.repeat(140_000) })));
    expect(answer).toMatchObject({ status: 400, body: { detail: 'the body is body_too_large' } });
  });

  it('is refused when it is not UTF-8', async () => {
    const answer = await signedCall(service, 'POST', '/partners', Buffer.from('{"id":"\xff"}', 'latin1'));
    expect(answer).toMatchObject({ status: 400 });
  });

  it('nested deep inside a key is left out of what is stored', async () => {
    const deep = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`;
    const text = `{"id":"deep-one","jwks":{"keys":[${JSON.stringify(key).replace('{', `{"x":${deep},`)}]}}`;
    expect((await post(text.replace('"x":', '"ext":'))).status).toBe(201);
    const shown = await administer(service, 'GET', '/partners/deep-one');
    expect(JSON.stringify(shown.body).length).toBeLessThan(1_000);
  });
});

describe('a strange name', () => {
  it.each([
    '',
    ' ',
    '.',
    '..',
    '../crm',
    'crm/../billing',
    'crm#x',
    'partner#default#crm',
    'crm%2F',
    'crm\0',
    'crm\n',
    '-crm',
    '~crm',
    'crm ',
    'crmé',
    'ｃｒｍ',
    'x'.repeat(129),
    '$ne',
    '{"$gt":""}',
    '<script>',
    '👻',
    '\ud800',
  ])('is no partner id: %j', async (id) => {
    expect(await addPartner(partnerWith({ id }))).toEqual(notAcceptable('/id'));
  });

  it.each([
    '',
    'ledger',
    '/ledger',
    '//ledger.example',
    'https://ledger.example/#x',
    'https://ledger.example/ x',
    'https://ledger.example/\n',
    'https://ledger.exämple',
    'https://',
    'audience#default#x',
    `https://ledger.example/${'x'.repeat(500)}`,
    'javascript:alert(1)"',
  ])('is no audience: %j', async (audience) => {
    const body = { audience, owner: 'billing', scopes: ['a'] };
    expect(await administer(service, 'POST', '/audiences', body)).toEqual(notAcceptable('/audience'));
  });

  it.each(['', ' ', 'a b', 'a"b', 'a\\b', 'é', 'a\0', 'x'.repeat(129)])('is no scope: %j', async (scope) => {
    const body = { audience: 'https://new.example', owner: 'billing', scopes: [scope] };
    expect(await administer(service, 'POST', '/audiences', body)).toEqual(notAcceptable('/scopes/0'));
  });

  it.each(['\u0000', '\u001b[31m', 'a\nb', '\u009b', '\ud800', 'x'.repeat(129)])(
    'is no display name: %j',
    async (name) => {
      expect(await addPartner(partnerWith({ name }))).toEqual(notAcceptable('/name'));
      expect(await changePartner(service, 'crm', { name })).toEqual(notAcceptable('/name'));
    },
  );

  it.each([
    '/partners/..%2Fcrm',
    '/partners/crm%00',
    '/partners/crm%23grant',
    '/partners/__proto__',
    '/partners/CRM',
    '/partners/%F0%9F%91%BB',
  ])('in a path names nothing: %s', async (path) => {
    expect((await administer(service, 'GET', path)).status).toBeOneOf([403, 404]);
  });
});

describe('a query', () => {
  it.each([
    '?limit=0',
    '?limit=101',
    '?limit=1e9',
    '?limit=x',
    '?limit=-1',
    '?cursor=%00',
    `?cursor=${'x'.repeat(600)}`,
    '?cursor=%F0%9F%91%BB',
    '?unknown=1',
    '?constructor=1',
    '?Limit=1',
  ])('that asks for something else than a page is refused: %s', async (query) => {
    expect((await administer(service, 'GET', `/partners${query}`)).status).toBe(400);
  });

  it('with a cursor that was made up lists nothing from outside of its list', async () => {
    for (const cursor of ['aaa', 'partner', 'owns~', '~~~~', '!', 'crm~x']) {
      const answer = await administer(service, 'GET', `/partners?cursor=${encodeURIComponent(cursor)}`);
      expect(answer.status).toBe(200);
      const ids = (answer.body.items as { id: string }[]).map(({ id }) => id);
      expect(ids).toEqual([...ids].sort());
      expect(ids.every((id) => id > cursor)).toBe(true);
    }
  });
});

describe('a key that would weaken its owner', () => {
  const refused = async (jwk: object, detail: unknown = expect.any(String)) =>
    expect(await addPartner(partnerWith({ jwks: { keys: [jwk] } }))).toEqual(notAcceptable('/jwks/keys/0', detail));

  it('is refused when it is a private key, whatever its kind, with the advice to give it up', async () => {
    for (const alg of ['ES256', 'RS256', 'EdDSA']) {
      const { privateKey } = await makePartner('leak', alg);
      await refused(await exportJWK(privateKey), expect.stringContaining('treat this key as exposed'));
    }
    await refused({ kty: 'oct', k: 'c2VjcmV0' }, expect.stringContaining('treat this key as exposed'));
    await refused({ ...key, d: '' }, expect.stringContaining('treat this key as exposed'));
  });

  it('is refused when RSA is too short, or its exponent is 1, 3 or even', async () => {
    const rsa = (modulusLength: number, publicExponent?: number) =>
      generateKeyPairSync('rsa', {
        modulusLength,
        ...(publicExponent === undefined ? {} : { publicExponent }),
      }).publicKey.export({ format: 'jwk' });
    await refused(rsa(1_024), 'an RSA key has 2048 to 8192 bits');
    const good = rsa(2_048);
    await refused(rsa(2_048, 3), 'the RSA exponent must be odd and at least 65537');
    await refused({ ...good, e: 'AQ' }, 'the RSA exponent must be odd and at least 65537');
    await refused({ ...good, e: 'AQAC' }, 'the RSA exponent must be odd and at least 65537');
  });

  it('is refused when it is no point of its curve, or of another one', async () => {
    await refused({ ...key, y: key.x });
    await refused({ ...key, x: Buffer.alloc(32).toString('base64url'), y: Buffer.alloc(32).toString('base64url') });
    await refused({ ...key, crv: 'P-384' });
    await refused({ ...key, crv: 'secp256k1', alg: 'ES256K' });
  });

  it.each(['none', 'HS256', 'RS384', 'PS512', 'ES256K', 'ES384', 'RSA-OAEP', 'ECDH-ES', 'es256', '', 1, null])(
    'is refused for an algorithm that is not its own: %j',
    async (alg) => {
      await refused({ ...key, alg });
    },
  );

  it('is refused when it is for encryption, or for signing', async () => {
    await refused({ ...key, use: 'enc' });
    await refused({ ...key, key_ops: ['encrypt'] });
    await refused({ ...key, key_ops: ['sign', 'verify'] });
  });

  it('is refused twice in one set, be it under two names', async () => {
    const twice = partnerWith({ jwks: { keys: [key, { ...key, kid: 'another-name' }] } });
    expect(await addPartner(twice)).toEqual(notAcceptable('/credentials', 'the same key stands there twice'));
    const other = (await makePartner('spare')).publicJwk;
    const sameName = partnerWith({ jwks: { keys: [key, { ...other, kid: key.kid }] } });
    expect(await addPartner(sameName)).toEqual(notAcceptable('/credentials', 'two keys have the same kid'));
  });

  it('keeps nothing of what else stands in it', async () => {
    const answer = await addPartner(
      partnerWith({ id: 'tidy', jwks: { keys: [{ ...key, x5u: 'http://127.0.0.1:9/', x5c: ['MIIB'], note: 'hi' }] } }),
    );
    expect(answer.status).toBe(201);
    const { kid, kty, crv, x, y } = key;
    expect(answer.body.credentials).toEqual([
      {
        kid,
        type: 'public_key',
        alg: 'ES256',
        kty,
        jwk: { kty, crv, x, y, kid, alg: 'ES256' },
        thumbprint: expect.any(String),
        source: 'registered',
        addedAt: expect.any(String),
      },
    ]);
  });
});
