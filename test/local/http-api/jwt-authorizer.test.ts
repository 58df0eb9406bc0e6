/** The JWT authorizer of an HTTP API, against an issuer of this test's own. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ECHO, type Fixture, jsonOf, startFixture } from '../support/fixture.ts';

const AUDIENCE = 'https://billing.example.com';

interface Pair {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

const pairs = new Map<string, Pair>();
beforeAll(async () => {
  for (const [kid, alg] of [
    ['rsa', 'RS256'],
    ['rsa-2', 'RS384'],
    ['pss', 'PS256'],
    ['ec', 'ES256'],
    ['stranger', 'RS256'],
  ] as const) {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    pairs.set(kid, { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } });
  }
});

interface Issuer {
  readonly url: string;
  /** Ids of the keys that it publishes. */
  published: readonly string[];
  isDown: boolean;
}

const startIssuer = async (): Promise<Issuer> => {
  const server = createServer((request, response) => {
    if (issuer.isDown) return void response.writeHead(503).end();
    const keys = issuer.published.map((kid) => pairs.get(kid)?.jwk);
    const metadata = { issuer: issuer.url, jwks_uri: `${issuer.url}/keys` };
    const documents: Record<string, object> = { '/.well-known/openid-configuration': metadata, '/keys': { keys } };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(documents[request.url ?? '']));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const issuer: Issuer = { url: `http://127.0.0.1:${port}`, published: ['rsa', 'rsa-2', 'pss', 'ec'], isDown: false };
  return issuer;
};

const guarded = (issuer: string, scopes?: readonly string[]): Fixture => ({
  functions: { Echo: { code: ECHO } },
  routes: [{ key: 'GET /', function: 'Echo' }],
  resources: {
    Gate: {
      Type: 'AWS::ApiGatewayV2::Authorizer',
      Properties: {
        ApiId: { Ref: 'Api' },
        AuthorizerType: 'JWT',
        IdentitySource: ['$request.header.Authorization'],
        JwtConfiguration: { Issuer: issuer, Audience: [AUDIENCE, 'other'] },
      },
    },
    Route0: {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ApiId: { Ref: 'Api' },
        RouteKey: 'GET /',
        Target: { 'Fn::Join': ['', ['integrations/', { Ref: 'Route0Integration' }]] },
        AuthorizationType: 'JWT',
        AuthorizerId: { Ref: 'Gate' },
        ...(scopes === undefined ? {} : { AuthorizationScopes: scopes }),
      },
    },
  },
});

interface Changes {
  readonly kid?: string;
  readonly header?: object;
  readonly claims?: object;
}

const tokenOf = ({ url }: Issuer, { kid = 'rsa', header, claims }: Changes = {}): Promise<string> => {
  const { privateKey, jwk } = pairs.get(kid) ?? {};
  if (privateKey === undefined) throw new Error(`no key ${kid}`);
  const now = Math.floor(Date.now() / 1_000);
  const payload = { iss: url, aud: AUDIENCE, iat: now, exp: now + 60, scope: 'read write', ...claims };
  return new SignJWT(payload).setProtectedHeader({ alg: jwk?.alg ?? '', kid, ...header }).sign(privateKey);
};

const ask = async (url: URL, token: string | undefined, scheme = 'Bearer ') => {
  const answer = await fetch(url, token === undefined ? {} : { headers: { authorization: `${scheme}${token}` } });
  return { status: answer.status, challenge: answer.headers.get('www-authenticate'), body: await jsonOf(answer) };
};

const seconds = (offset: number): number => Math.floor(Date.now() / 1_000) + offset;

describe('a JWT authorizer', () => {
  it('hands the claims on as text, and no scopes where the route asks for none', async () => {
    const issuer = await startIssuer();
    const { url } = await startFixture(guarded(issuer.url));
    const claims = { aud: ['x', 'other'], admin: true, n: 3, cnf: { jkt: 'a', 'x5t#S256': 'b' }, none: null };
    const { status, body } = await ask(url, await tokenOf(issuer, { claims }));
    expect(status).toBe(200);
    expect(body.requestContext.authorizer).toEqual({
      jwt: {
        claims: {
          iss: issuer.url,
          aud: '[x other]',
          iat: expect.stringMatching(/^\d{10}$/),
          exp: expect.stringMatching(/^\d{10}$/),
          scope: 'read write',
          admin: 'true',
          n: '3',
          cnf: 'map[jkt:a x5t#S256:b]',
        },
        scopes: null,
      },
    });
  });

  it.each<[what: string, changes: Changes]>([
    ['with a longer hash', { kid: 'rsa-2' }],
    ['of any type', { header: { typ: 'JWT' } }],
    ['with client_id instead of aud', { claims: { aud: undefined, client_id: AUDIENCE } }],
    ['that has begun', { claims: { nbf: seconds(-10) } }],
    ['without iat', { claims: { iat: undefined } }],
  ])('lets in a token %s', async (_, changes) => {
    const issuer = await startIssuer();
    const { url } = await startFixture(guarded(issuer.url));
    expect((await ask(url, await tokenOf(issuer, changes))).status).toBe(200);
  });

  it('takes the token with or without Bearer', async () => {
    const issuer = await startIssuer();
    const { url } = await startFixture(guarded(issuer.url));
    const token = await tokenOf(issuer);
    const answers = await Promise.all(['Bearer ', 'bearer ', ''].map((scheme) => ask(url, token, scheme)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it.each<[what: string, changes: Changes, description: string]>([
    ['for another audience', { claims: { aud: 'x' } }, 'the token does not have a valid audience'],
    ['for nobody', { claims: { aud: undefined } }, 'the token does not have a valid audience'],
    [
      'for another audience, whatever client_id says',
      { claims: { aud: 'x', client_id: AUDIENCE } },
      'the token does not have a valid audience',
    ],
    ['of another issuer', { claims: { iss: 'https://other.example' } }, 'the token does not have a valid iss'],
    ['that has ended', { claims: { exp: seconds(-1) } }, 'the token has expired'],
    ['without an end', { claims: { exp: undefined } }, 'the token does not have a valid exp'],
    ['that has not begun', { claims: { nbf: seconds(60) } }, 'the token does not have a valid nbf'],
    ['from the future', { claims: { iat: seconds(60) } }, 'the token was issued in the future'],
    ['signed with an elliptic curve', { kid: 'ec' }, 'the signing method is not supported'],
    ['signed with PSS', { kid: 'pss' }, 'the signing method is not supported'],
    ['without kid', { header: { kid: undefined } }, 'the token has no kid'],
    ['by a key of another id', { header: { kid: 'x' } }, 'no key of the issuer has signed the token'],
    ['by another key', { kid: 'stranger', header: { kid: 'rsa' } }, 'the signature is invalid'],
  ])('turns away a token %s', async (_, changes, description) => {
    const issuer = await startIssuer();
    const { url } = await startFixture(guarded(issuer.url));
    expect(await ask(url, await tokenOf(issuer, changes))).toEqual({
      status: 401,
      challenge: `Bearer scope="" error="invalid_token" error_description="${description}"`,
      body: { message: 'Unauthorized' },
    });
  });

  it('turns away what is no token, and who shows nothing', async () => {
    const issuer = await startIssuer();
    const { url } = await startFixture(guarded(issuer.url));
    expect(await ask(url, undefined)).toEqual({
      status: 401,
      challenge: 'Bearer',
      body: { message: 'Unauthorized' },
    });
    for (const bad of ['x', 'a.b.c', (await tokenOf(issuer)).slice(0, -300)])
      expect((await ask(url, bad)).status).toBe(401);
  });

  it('wants one of the scopes of the route, and tells the function those of the token', async () => {
    const issuer = await startIssuer();
    const { url } = await startFixture(guarded(issuer.url, ['write', 'admin']));
    const answers = [
      await ask(url, await tokenOf(issuer)),
      await ask(url, await tokenOf(issuer, { claims: { scope: undefined, scp: ['admin'] } })),
    ];
    expect(answers.map(({ body }) => body.requestContext.authorizer.jwt.scopes)).toEqual([
      ['read', 'write'],
      ['admin'],
    ]);
    for (const scope of ['read', 'writes', '', undefined]) {
      expect(await ask(url, await tokenOf(issuer, { claims: { scope } }))).toEqual({
        status: 403,
        challenge: expect.stringContaining('scope="write admin" error="insufficient_scope"'),
        body: { message: 'Forbidden' },
      });
    }
  });

  it('lets nobody in while the issuer is down, and recovers with it', async () => {
    const issuer = await startIssuer();
    const { url } = await startFixture(guarded(issuer.url));
    issuer.isDown = true;
    const token = await tokenOf(issuer);
    const { status, challenge } = await ask(url, token);
    expect([status, challenge]).toEqual([401, expect.stringContaining('the keys of the issuer cannot be read')]);
    issuer.isDown = false;
    expect((await ask(url, token)).status).toBe(200);
    issuer.isDown = true;
    expect((await ask(url, token)).status).toBe(200);
  });

  it.each<[what: string, properties: object, message: string | RegExp]>([
    ['no audience', { JwtConfiguration: { Issuer: 'https://a.example', Audience: [] } }, /^Gate: .*audience/],
    ['no issuer', { JwtConfiguration: { Audience: ['a'] } }, /^Gate: JwtConfiguration\.Issuer/],
    ['several identity sources', { IdentitySource: ['$a', '$b'] }, /^Gate: .*one identity source/],
    ["an API that is not the route's", { ApiId: 'other' }, /^Route0: no authorizer/],
  ])('stops the start when it has %s', async (_, properties, message) => {
    const fixture = guarded('https://a.example');
    const Gate = fixture.resources?.Gate;
    const changed = { Type: 'AWS::ApiGatewayV2::Authorizer', Properties: { ...Gate?.Properties, ...properties } };
    await expect(startFixture({ ...fixture, resources: { ...fixture.resources, Gate: changed } })).rejects.toThrow(
      message,
    );
  });
});
