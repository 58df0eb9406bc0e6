/** What goes over the wire, and what does not: the token source against servers that look at every request. */

import { createHash, generateKeyPairSync, sign as nodeSign, verify as nodeVerify } from 'node:crypto';
import fc from 'fast-check';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, EmbeddedJWK, generateKeyPair, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type ClientAuthentication,
  clientSecretBasic,
  clientSecretPost,
  federated,
  privateKeyJwt,
  tls,
} from '../../sdk/client-authentication.ts';
import { derToRaw } from '../../sdk/der-to-raw.ts';
import { type Grant, jwtBearer, tokenExchange } from '../../sdk/grant.ts';
import { createTokenSource, type TokenSourceOptions } from '../../sdk/token-source.ts';

const ISSUER = 'https://auth.example.com/realms/partners';
const TOKEN_URL = `${ISSUER}/token`;
const MTLS_URL = 'https://mtls.example.com/token';
const RESOURCE = 'https://billing.example.com/invoices?year=2026';
const METADATA = { issuer: ISSUER, token_endpoint: TOKEN_URL, mtls_endpoint_aliases: { token_endpoint: MTLS_URL } };
const NOW = 2_000_000_000;
const SECRET = 'p/ß +s3cret';

interface Sent {
  readonly url: string;
  readonly headers: Headers;
  readonly form: URLSearchParams;
}

type Answer = (sent: Sent, count: number) => Response | Promise<Response>;

const granted = (more: object = {}) =>
  Response.json({ access_token: 'T', token_type: 'Bearer', expires_in: 300, ...more });

/** Every request but those for metadata is on record. */
const server = (answer: Answer = () => granted(), metadata: object = METADATA) => {
  const sent: Sent[] = [];
  const read: string[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    if (request.url.includes('/.well-known/')) {
      read.push(request.url);
      return Response.json(metadata);
    }
    sent.push({ url: request.url, headers: request.headers, form: new URLSearchParams(await request.text()) });
    const last = sent.at(-1);
    if (last === undefined) throw new Error('nothing was sent');
    return answer(last, sent.length);
  };
  return { sent, read, fetch };
};

const make = (fetch: typeof globalThis.fetch, more: Partial<TokenSourceOptions> = {}) =>
  createTokenSource({
    ...{ issuer: ISSUER, clientId: 'crm:1', authentication: clientSecretPost(SECRET), fetch },
    ...{ now: () => NOW, random: () => 0.5, wait: async () => undefined },
    ...more,
  });

describe('a token request', () => {
  const request = async (authentication: ClientAuthentication, more: Partial<TokenSourceOptions> = {}) => {
    const { fetch, sent, read } = server();
    await make(fetch, { authentication, ...more }).token();
    expect(read).toEqual(['https://auth.example.com/.well-known/oauth-authorization-server/realms/partners']);
    const [only] = sent;
    if (only === undefined || sent.length > 1) throw new Error('one request was expected');
    return only;
  };

  it.each([
    ['clientSecretPost', clientSecretPost(SECRET), { client_id: 'crm:1', client_secret: SECRET }],
    ['clientSecretBasic', clientSecretBasic(async () => SECRET), {}],
    ['tls', tls(), { client_id: 'crm:1' }],
    [
      'federated',
      federated(async () => 'J.W.T'),
      {
        client_id: 'crm:1',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: 'J.W.T',
      },
    ],
  ])('proves the client by %s', async (name, authentication, form) => {
    const sent = await request(authentication);
    expect(Object.fromEntries(sent.form)).toEqual({ grant_type: 'client_credentials', ...form });
    expect(sent.url).toBe(name === 'tls' ? MTLS_URL : TOKEN_URL);
    const basic = `Basic ${btoa('crm%3A1:p%2F%C3%9F+%2Bs3cret')}`;
    expect(sent.headers.get('authorization')).toBe(name === 'clientSecretBasic' ? basic : null);
  });

  it.each(['here', 'elsewhere'])('proves the client by an assertion of a key that is %s', async (place) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const sign = async (input: Uint8Array) => derToRaw(nodeSign('sha256', input, privateKey), 'ES256');
    const key = { ...privateKey.export({ format: 'jwk' }), kty: 'EC' };
    const named = { kid: 'k1', alg: 'ES256' };
    const authentication = place === 'here' ? privateKeyJwt({ key, ...named }) : privateKeyJwt({ sign, ...named });
    const assertion = (await request(authentication)).form.get('client_assertion') ?? '';
    const keys = createLocalJWKSet({ keys: [{ ...publicKey.export({ format: 'jwk' }), kty: 'EC', kid: 'k1' }] });
    const { payload } = await jwtVerify(assertion, keys, { currentDate: new Date(NOW * 1_000), audience: ISSUER });
    expect(payload).toMatchObject({ iss: 'crm:1', sub: 'crm:1', aud: ISSUER, iat: NOW - 30, exp: NOW + 60 });
    expect(decodeProtectedHeader(assertion)).toMatchObject({ typ: 'client-authentication+jwt' });
  });

  const type = 'urn:ietf:params:oauth:token-type:access_token';
  it.each<[string, Grant, object]>([
    [
      'an assertion',
      jwtBearer(async () => 'A'),
      { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: 'A' },
    ],
    [
      'an exchange',
      tokenExchange(async () => 'S', { actorToken: async () => 'B' }),
      {
        ...{ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: 'S' },
        ...{ subject_token_type: type, actor_token: 'B', actor_token_type: type },
      },
    ],
  ])('asks by %s, for what is wanted', async (_, grant, form) => {
    const wish = { resource: RESOURCE, scope: ['a', 'b'], authorizationDetails: [{ type: 'x' }] };
    const sent = await request(tls(), { grant, ...wish });
    expect(Object.fromEntries(sent.form)).toEqual({
      ...{ client_id: 'crm:1', resource: RESOURCE, scope: 'a b', authorization_details: '[{"type":"x"}]' },
      ...form,
    });
  });
});

describe('a token source', () => {
  it('asks once however many want a token at the same time', async () => {
    const { fetch, sent, read } = server();
    const source = make(fetch);
    const tokens = await Promise.all(Array.from({ length: 50 }, () => source.token()));
    expect(new Set(tokens.map(({ token }) => token))).toEqual(new Set(['T']));
    expect([sent.length, read.length]).toEqual([1, 1]);
    expect(tokens[0]).toEqual({ token: 'T', tokenType: 'Bearer', expiresAt: NOW + 300 });
  });

  it('renews at a time of its own, between 60 and 80 % of the lifetime', async () => {
    const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    await fc.assert(
      fc.asyncProperty(fraction, fraction, async (random, place) => {
        const { fetch, sent } = server();
        let now = NOW;
        const source = make(fetch, { random: () => random, now: () => now });
        await source.token();
        now = NOW + 300 * place;
        await source.token();
        await new Promise((resolve) => setImmediate(resolve));
        expect(sent.length).toBe(place < 0.6 ? 1 : place >= 0.8 ? 2 : sent.length);
      }),
      { numRuns: 50 },
    );
  });

  it('forgets the token that is named, and no other', async () => {
    const { fetch, sent } = server((_, count) => granted({ access_token: `T${count}` }));
    const source = make(fetch);
    await source.token();
    source.invalidate('T0');
    expect((await source.token()).token).toBe('T1');
    source.invalidate('T1');
    expect((await source.token()).token).toBe('T2');
    source.invalidate();
    expect((await source.token()).token).toBe('T3');
    expect(sent.length).toBe(3);
  });

  it('waits as long as it is asked to, and no longer than is sensible', async () => {
    const waits: number[] = [];
    const busy = (seconds: string) =>
      Response.json({ error: 'slow_down' }, { status: 429, headers: { 'retry-after': seconds } });
    const { fetch } = server((_, count) => (count === 1 ? busy('7') : granted()));
    await make(fetch, { wait: async (seconds) => void waits.push(seconds) }).token();
    expect(waits).toEqual([7]);
    const full = server(() => busy('3600'));
    const refused = make(full.fetch, { wait: async (seconds) => void waits.push(seconds) }).token();
    await expect(refused).rejects.toMatchObject({ error: 'slow_down', status: 429, retryAfterSeconds: 3_600 });
    expect([waits.length, full.sent.length]).toEqual([1, 1]);
  });

  it('lets one caller go, and asks on for the others', async () => {
    const gate = Promise.withResolvers<Response>();
    const { fetch } = server(() => gate.promise);
    const source = make(fetch);
    const stop = new AbortController();
    const impatient = source.token({ signal: stop.signal });
    const patient = source.token();
    stop.abort(new Error('enough'));
    await expect(impatient).rejects.toThrow('enough');
    gate.resolve(granted());
    expect((await patient).token).toBe('T');
  });

  it('ends everything when the process is to stop', async () => {
    const stop = new AbortController();
    const { fetch } = server(() => {
      stop.abort(new Error('shutting down'));
      return Response.json({}, { status: 503 });
    });
    const source = createTokenSource({
      issuer: ISSUER,
      clientId: 'crm',
      authentication: tls(),
      fetch,
      signal: stop.signal,
    });
    await expect(source.token()).rejects.toThrow('shutting down');
  });

  it.each(['http://auth.example.com', 'auth.example.com', 'https://user:pw@auth.example.com'])(
    'is not made for the issuer %s',
    (issuer) => {
      expect(() => make(server().fetch, { issuer })).toThrow(TypeError);
    },
  );
});

describe('an error', () => {
  const oauth = (status: number, body: object) => () => Response.json(body, { status });
  it.each<[string, Answer, object]>([
    [
      'a refusal',
      oauth(400, { error: 'invalid_scope', error_description: 'Not granted.' }),
      { error: 'invalid_scope', description: 'Not granted.', status: 400 },
    ],
    ['an answer of a proxy', () => new Response('<html>', { status: 403 }), { error: 'answer_unusable', status: 403 }],
    ['a redirect', () => Response.redirect('https://evil.example', 307), { error: 'answer_unusable', status: 307 }],
    ['an echo that is no OAuth', oauth(400, { error: `bad ${SECRET}` }), { error: 'answer_unusable', description: '' }],
    ['an answer without an end', () => new Response('x'.repeat(70_000)), { error: 'answer_unusable', status: 200 }],
    ['a token of another type', () => granted({ token_type: 'N_A' }), { error: 'answer_unusable' }],
    ['a token with a line break', () => granted({ access_token: 'a\r\nb' }), { error: 'answer_unusable' }],
    [
      'no connection',
      () => Promise.reject(new TypeError(`sent ${SECRET}`)),
      { error: 'server_unreachable', status: 0 },
    ],
  ])('tells of %s, and nothing that was sent', async (_, answer, expected) => {
    const failure: unknown = await make(server(answer).fetch)
      .token()
      .catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ name: 'TokenError', ...expected });
    expect(failure instanceof Error && `${failure.stack}${JSON.stringify(failure)}${failure.cause}`).not.toContain(
      's3cret',
    );
  });

  it('tells that the key cannot sign, without the words of the key store', async () => {
    const sign = () => Promise.reject(new Error(SECRET));
    const authentication = privateKeyJwt({ sign, kid: 'k', alg: 'ES256' });
    const { fetch, sent } = server();
    await expect(make(fetch, { authentication }).token()).rejects.toThrow(/^no access token: request_not_made: Error$/);
    expect(sent).toEqual([]);
  });

  it.each([
    ['of another issuer', { ...METADATA, issuer: 'https://evil.example' }],
    ['with a token endpoint that anybody can read', { ...METADATA, token_endpoint: 'http://auth.example.com/token' }],
  ])('tells of metadata %s, and nothing is sent there', async (_, metadata) => {
    const { fetch, sent } = server(undefined, metadata);
    await expect(make(fetch).token()).rejects.toMatchObject({ error: 'metadata_unusable' });
    expect(sent).toEqual([]);
  });
});

describe('DPoP', () => {
  const proofClaims = z.object({
    htm: z.string(),
    htu: z.string(),
    nonce: z.string().optional(),
    ath: z.string().optional(),
  });
  const proofOf = async ({ headers }: Sent) => {
    const { payload } = await jwtVerify(headers.get('dpop') ?? '', EmbeddedJWK, { currentDate: new Date(NOW * 1_000) });
    return proofClaims.parse(payload);
  };
  const wanting = (nonce: string, status: number): Response =>
    Response.json(
      { error: 'use_dpop_nonce' },
      { status, headers: { 'dpop-nonce': nonce, 'www-authenticate': 'DPoP error="use_dpop_nonce"' } },
    );
  const demanding: Answer = async (sent) => {
    const isToken = sent.url === TOKEN_URL;
    const nonce = isToken ? 'n-token' : 'n-resource';
    if ((await proofOf(sent)).nonce !== nonce) return wanting(nonce, isToken ? 400 : 401);
    return isToken ? granted({ token_type: 'DPoP' }) : Response.json({ served: true });
  };

  it('proves the key at both servers, each with its own nonce, and the token at the resource', async () => {
    const { fetch, sent } = server(demanding);
    const pair = { ...(await generateKeyPair('ES256')), alg: 'ES256' };
    const source = make(fetch, { dpop: pair });
    expect((await source.fetch(RESOURCE, { method: 'POST', body: 'x' })).status).toBe(200);
    const proofs = await Promise.all(sent.map(proofOf));
    const [htu, ath] = ['https://billing.example.com/invoices', createHash('sha256').update('T').digest('base64url')];
    expect(proofs.map(({ nonce }) => nonce)).toEqual([undefined, 'n-token', undefined, 'n-resource']);
    expect(proofs.at(-1)).toMatchObject({ htm: 'POST', htu, ath });
    expect(sent.at(-1)?.headers.get('authorization')).toBe('DPoP T');
  });

  it('signs for a caller that sends the request itself, and takes over the nonce that it hands in', async () => {
    const { fetch } = server((sent) => demanding(sent, 0));
    const source = make(fetch, { dpop: true });
    source.learn(RESOURCE, new Headers({ 'dpop-nonce': 'mine' }));
    const headers = await source.headers({ method: 'PUT', url: RESOURCE });
    expect(decodeJwt(headers.dpop ?? '')).toMatchObject({ htm: 'PUT', nonce: 'mine' });
  });

  it('takes no token that is not bound', async () => {
    const { fetch } = server();
    await expect(make(fetch, { dpop: true }).token()).rejects.toMatchObject({ error: 'token_not_bound' });
  });

  it('gives up on a server that always wants another nonce', async () => {
    const { fetch, sent } = server((_, count) => wanting(`n${count}`, 400));
    await expect(make(fetch, { dpop: true }).token()).rejects.toMatchObject({ error: 'use_dpop_nonce' });
    expect(sent.length).toBe(2);
  });
});

describe('derToRaw', () => {
  it.each([
    ['ES256', 'P-256', 'sha256'],
    ['ES384', 'P-384', 'sha384'],
    ['ES512', 'P-521', 'sha512'],
  ])('turns signatures of %s into ones that verify', (alg, namedCurve, hash) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
    // Often enough that coordinates with leading zeros are among them.
    for (let each = 0; each < 300; each += 1) {
      const input = Buffer.from(`${each}`);
      const raw = derToRaw(nodeSign(hash, input, privateKey), alg);
      expect(nodeVerify(hash, input, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw)).toBe(true);
    }
  });

  it('refuses everything else with a TypeError, whatever the octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 160 }), (octets) => {
        try {
          return derToRaw(octets, 'ES256').length === 64;
        } catch (thrown) {
          return thrown instanceof TypeError;
        }
      }),
      { examples: [[Uint8Array.of(0x30, 0x06, 2, 1, 1, 2, 1)], [Uint8Array.of(0x30, 0x81)]] },
    );
    expect(() => derToRaw(new Uint8Array(64), 'RS256')).toThrow('RS256');
  });
});
