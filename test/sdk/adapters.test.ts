/** The adapters on real servers and a real middy, so that their structural types are those of the frameworks. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import middy from '@middy/core';
import type { APIGatewayProxyEvent, APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { beforeEach, describe, expect, it } from 'vitest';
import { certificateThumbprint } from '../../sdk/certificate.ts';
import { protect as protectExpress, tokenOf as tokenOfResponse } from '../../sdk/express.ts';
import { protect as protectFetch } from '../../sdk/fetch.ts';
import { type GatewayAnswer, protect as protectMiddy, tokenOf as tokenOfContext } from '../../sdk/middy.ts';
import type { Verifier } from '../../sdk/verifier.ts';
import { CLIENT, keyPair, type TestKeyPair } from '../support/builders.ts';
import { issue } from '../support/certificate-authority.ts';
import { dpopProof, tokenHash } from '../support/dpop.ts';
import { JWKS_URI, json, requestOf, signingKey, tokenOf, type VerifierWorld, verifierWorld } from './verifier-world.ts';

let world: VerifierWorld;
let key: TestKeyPair;
let good: string;
let bound: string;
beforeEach(async () => {
  world = await verifierWorld();
  key = await keyPair('ES256', 'client');
  good = tokenOf(await signingKey());
  bound = tokenOf(await signingKey(), { cnf: { jkt: key.thumbprint } });
});
const breakKeys = () => world.answers.set(JWKS_URI, () => json({}, 503));

describe('protect() for fetch-style handlers', () => {
  const handler = (verifier: Verifier) =>
    protectFetch(verifier, (_request, token, name: string) => new Response(`${token.clientId} ${name}`), {
      scopes: ['read'],
    });

  it('hands on the request, the token and what else there is', async () => {
    const answer = await handler(world.verifier())(requestOf(`Bearer ${good}`), 'env');
    expect([answer.status, await answer.text()]).toEqual([200, `${CLIENT} env`]);
  });

  it('answers refusals and outages by itself', async () => {
    const refused = await handler(world.verifier())(requestOf('Bearer a.b.c'), 'env');
    expect([refused.status, refused.headers.get('www-authenticate'), await refused.json()]).toEqual([
      401,
      expect.stringContaining('error="invalid_token"'),
      { error: 'invalid_token', error_description: 'The access token is not valid here.' },
    ]);
    breakKeys();
    const away = await handler(world.verifier())(requestOf(`Bearer ${good}`), 'env');
    expect([away.status, away.headers.get('retry-after'), away.headers.get('www-authenticate')]).toEqual([
      503,
      '1',
      null,
    ]);
  });

  it('takes a thumbprint from the platform', async () => {
    const token = tokenOf(await signingKey(), { cnf: { 'x5t#S256': 'thumbprint' } });
    const options = { certificateThumbprint: (_request: Request, env: string) => env };
    const ok = protectFetch(world.verifier(), (_request, _token, env: string) => new Response(env), options);
    expect((await ok(requestOf(`Bearer ${token}`), 'thumbprint')).status).toBe(200);
    expect((await ok(requestOf(`Bearer ${token}`), 'other')).status).toBe(401);
  });

  it('leaves faults of the handler alone', async () => {
    const broken = protectFetch(world.verifier(), () => Promise.reject(new Error('mine')));
    await expect(broken(requestOf(`Bearer ${good}`))).rejects.toThrow('mine');
  });
});

describe('protect() for Express-style servers', () => {
  /** The members of Express's request and response that the middleware uses, on a server of node:http. */
  const ask = async (verifier: Verifier, headersFor: (url: string) => Readonly<Record<string, string>>) => {
    const server = createServer((incoming, outgoing) => {
      const { method = '', url: originalUrl = '', headers } = incoming;
      const response = Object.assign(outgoing, {
        locals: {},
        status: (code: number) => Object.assign(outgoing, { statusCode: code }),
      });
      void protectExpress(verifier)({ method, protocol: 'http', originalUrl, headers }, response, (error) =>
        response.end(error === undefined ? tokenOfResponse(response).clientId : String(error)),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/whoami`;
      const answer = await fetch(`${url}?page=1`, { headers: headersFor(url) });
      return { status: answer.status, challenge: answer.headers.get('www-authenticate'), body: await answer.text() };
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  };
  const bearer = (token: string) => () => ({ authorization: `Bearer ${token}` });

  it('lets a good request in, and leaves the token in locals', async () => {
    expect(await ask(world.verifier(), bearer(good))).toEqual({ status: 200, challenge: null, body: CLIENT });
  });

  it('checks a DPoP proof against the URL that was called', async () => {
    const withProof = (url: string) => ({
      authorization: `DPoP ${bound}`,
      dpop: dpopProof(key, { htu: url, ath: tokenHash(bound) }),
    });
    expect(await ask(world.verifier(), withProof)).toMatchObject({ status: 200, body: CLIENT });
    expect(await ask(world.verifier(), (url) => withProof(`${url}/x`))).toMatchObject({ status: 401 });
  });

  it('answers refusals and outages by itself, and hands other faults on', async () => {
    expect(await ask(world.verifier(), bearer('a.b.c'))).toMatchObject({
      status: 401,
      challenge: expect.stringContaining('invalid_token'),
    });
    const faulty: Verifier = { verify: () => Promise.reject(new Error('mine')) };
    expect(await ask(faulty, bearer(good))).toMatchObject({ status: 200, body: 'Error: mine' });
    breakKeys();
    expect(await ask(world.verifier(), bearer(good))).toMatchObject({ status: 503, challenge: null });
  });
});

describe('protect() for middy', () => {
  const http = (headers: Record<string, string>, clientCertPem?: string) =>
    ({
      headers,
      rawPath: '/whoami',
      requestContext: {
        domainName: 'api.example.com',
        http: { method: 'GET', path: '/whoami' },
        ...(clientCertPem === undefined ? {} : { authentication: { clientCert: { clientCertPem } } }),
      },
    }) as unknown as APIGatewayProxyEventV2;
  const handle = async (event: APIGatewayProxyEventV2, verifier = world.verifier()) => {
    const handler = middy<APIGatewayProxyEventV2, GatewayAnswer>()
      .use(protectMiddy(verifier, { scopes: ['read'] }))
      .handler(async (_event, context) => ({ statusCode: 200, headers: {}, body: tokenOfContext(context).clientId }));
    return handler(event, {} as Context);
  };

  it('lets a good request in, and leaves the token in the context', async () => {
    expect(await handle(http({ authorization: `Bearer ${good}` }))).toMatchObject({ statusCode: 200, body: CLIENT });
  });

  it('checks a DPoP proof against the name that API Gateway knows', async () => {
    const proof = dpopProof(key, { ath: tokenHash(bound) });
    const other = dpopProof(key, { ath: tokenHash(bound), htu: 'https://mallory.example/whoami' });
    const headers = { authorization: `DPoP ${bound}`, host: 'mallory.example' };
    expect(await handle(http({ ...headers, dpop: proof }))).toMatchObject({ statusCode: 200 });
    expect(await handle(http({ ...headers, dpop: other }))).toMatchObject({ statusCode: 401 });
  });

  it('takes the certificate of the handshake, and of nothing else', async () => {
    const { pem } = await issue({ name: 'crm' });
    const token = tokenOf(await signingKey(), { cnf: { 'x5t#S256': await certificateThumbprint(pem) } });
    const headers = { authorization: `Bearer ${token}`, 'x-client-cert': pem.replaceAll('\n', ' ') };
    expect(await handle(http(headers, pem))).toMatchObject({ statusCode: 200 });
    expect(await handle(http(headers))).toMatchObject({ statusCode: 401 });
    expect(await handle(http(headers, (await issue({ name: 'crm' })).pem))).toMatchObject({ statusCode: 401 });
  });

  it('reads events of REST APIs, with each of several headers', async () => {
    const event = (authorization: readonly string[]) =>
      ({
        httpMethod: 'GET',
        headers: { Authorization: authorization.at(-1) },
        multiValueHeaders: { Authorization: authorization },
        requestContext: { domainName: 'api.example.com', path: '/prod/whoami', identity: { clientCert: null } },
      }) as unknown as APIGatewayProxyEvent;
    const handler = middy<APIGatewayProxyEvent, GatewayAnswer>()
      .use(protectMiddy(world.verifier()))
      .handler(async (_event, context) => ({ statusCode: 200, headers: {}, body: tokenOfContext(context).clientId }));
    expect(await handler(event([`Bearer ${good}`]), {} as Context)).toMatchObject({ statusCode: 200 });
    expect(await handler(event(['Bearer x', `Bearer ${good}`]), {} as Context)).toMatchObject({ statusCode: 400 });
  });

  it('answers refusals and outages by itself', async () => {
    expect(await handle(http({}))).toMatchObject({
      statusCode: 401,
      headers: { 'www-authenticate': expect.stringMatching(/^Bearer, DPoP algs=/) },
    });
    breakKeys();
    expect(await handle(http({ authorization: `Bearer ${good}` }))).toMatchObject({ statusCode: 503 });
  });
});
