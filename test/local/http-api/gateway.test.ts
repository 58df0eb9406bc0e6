import { request as httpRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import { ECHO, jsonOf, startFixture } from '../support/fixture.ts';

const answering = (result: string): string => `export const handler = async () => (${result});`;

describe('the event of an HTTP API', () => {
  it('has the shape of payload format 2.0', async () => {
    const { url } = await startFixture({
      functions: { Echo: { code: ECHO } },
      routes: [{ key: 'POST /items/{id}/parts/{rest+}', function: 'Echo' }],
    });
    const response = await fetch(new URL('/items/a%20b/parts/x/y?q=1&q=2&r=%C3%A4', url), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Cookie: 'a=1; b=2', 'User-Agent': 'test', 'X-Mixed': 'Case' },
      body: '{"n":1}',
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('apigw-requestid')).toMatch(/^.{15}=$/);
    const event = await jsonOf(response);
    expect(event).toMatchObject({
      version: '2.0',
      routeKey: 'POST /items/{id}/parts/{rest+}',
      rawPath: '/items/a b/parts/x/y',
      rawQueryString: 'q=1&q=2&r=%C3%A4',
      cookies: ['a=1', 'b=2'],
      headers: {
        'content-type': 'application/json',
        'content-length': '7',
        host: url.host,
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-port': url.port,
        'x-forwarded-proto': 'http',
        'x-mixed': 'Case',
      },
      queryStringParameters: { q: '1,2', r: 'ä' },
      pathParameters: { id: 'a b', rest: 'x/y' },
      body: '{"n":1}',
      isBase64Encoded: false,
      requestContext: {
        accountId: '111122223333',
        apiId: expect.stringMatching(/^[a-z0-9]{10}$/),
        domainName: '127.0.0.1',
        http: {
          method: 'POST',
          path: '/items/a b/parts/x/y',
          protocol: 'HTTP/1.1',
          sourceIp: '127.0.0.1',
          userAgent: 'test',
        },
        requestId: response.headers.get('apigw-requestid'),
        routeKey: 'POST /items/{id}/parts/{rest+}',
        stage: '$default',
        time: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
        timeEpoch: expect.any(Number),
      },
    });
    expect(event.headers).not.toHaveProperty('cookie');
    expect(event.headers).not.toHaveProperty('connection');
    expect(event.requestContext).not.toHaveProperty('authorizer');
  });

  it('leaves out what a plain request does not have', async () => {
    const { url } = await startFixture({
      functions: { Echo: { code: ECHO } },
      routes: [{ key: 'GET /plain', function: 'Echo' }],
    });
    const event = await jsonOf(await fetch(new URL('/plain', url)));
    for (const member of ['body', 'cookies', 'queryStringParameters', 'pathParameters'])
      expect(event).not.toHaveProperty(member);
    expect(event).toMatchObject({ rawQueryString: '', isBase64Encoded: false });
  });

  it('joins a header that comes twice by a comma', async () => {
    const { url } = await startFixture({
      functions: { Echo: { code: ECHO } },
      routes: [{ key: 'GET /twice', function: 'Echo' }],
    });
    const { promise, resolve } = Promise.withResolvers<string>();
    const request = httpRequest(new URL('/twice', url), (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks).toString()));
    });
    request.setHeader('x-two', ['one', 'two']);
    request.end();
    expect(JSON.parse(await promise).headers['x-two']).toBe('one,two');
  });

  it.each([
    ['application/json', false],
    ['application/json; charset=utf-8', false],
    ['text/plain', false],
    ['application/xml', false],
    ['application/x-www-form-urlencoded', true],
    ['application/octet-stream', true],
    ['application/problem+json', true],
  ])('hands over a body of type %s with isBase64Encoded %s', async (contentType, isBase64Encoded) => {
    const { url } = await startFixture({
      functions: { Echo: { code: ECHO } },
      routes: [{ key: 'POST /body', function: 'Echo' }],
    });
    const body = 'grant_type=client_credentials';
    const response = await fetch(new URL('/body', url), {
      method: 'POST',
      headers: { 'content-type': contentType },
      body,
    });
    expect(await response.json()).toMatchObject({
      isBase64Encoded,
      body: isBase64Encoded ? Buffer.from(body).toString('base64') : body,
    });
  });
});

describe('routes', () => {
  it('selects the most specific route, and none for what is not in the template', async () => {
    const { url } = await startFixture({
      functions: { Echo: { code: ECHO } },
      routes: [
        { key: 'ANY /a/{proxy+}', function: 'Echo' },
        { key: 'GET /a/{id}', function: 'Echo' },
        { key: 'GET /a/fixed', function: 'Echo' },
        { key: 'ANY /a/fixed', function: 'Echo' },
      ],
    });
    const routeKey = async (method: string, path: string): Promise<unknown> => {
      const response = await fetch(new URL(path, url), { method });
      const answer = await jsonOf(response);
      return response.status === 200 ? answer.routeKey : [response.status, answer];
    };
    expect(await routeKey('GET', '/a/fixed')).toBe('GET /a/fixed');
    expect(await routeKey('PUT', '/a/fixed')).toBe('ANY /a/fixed');
    expect(await routeKey('GET', '/a/other')).toBe('GET /a/{id}');
    expect(await routeKey('POST', '/a/other')).toBe('ANY /a/{proxy+}');
    expect(await routeKey('GET', '/a/b/c')).toBe('ANY /a/{proxy+}');
    expect(await routeKey('GET', '/a')).toEqual([404, { message: 'Not Found' }]);
    expect(await routeKey('GET', '/nothing')).toEqual([404, { message: 'Not Found' }]);
  });

  it('prefers a full match to a greedy variable, however much of the path stands before that', async () => {
    const { url } = await startFixture({
      functions: { Echo: { code: ECHO } },
      routes: [
        { key: 'ANY /{proxy+}', function: 'Echo' },
        { key: 'ANY /admin/{proxy+}', function: 'Echo' },
        { key: 'ANY /admin/default/{proxy+}', function: 'Echo' },
        { key: 'POST /{space}/{realm}/partners/{id}/refresh', function: 'Echo' },
        { key: 'POST /admin/{realm}/partners/{id}/refresh', function: 'Echo' },
      ],
    });
    const routeKey = async (method: string, path: string): Promise<unknown> =>
      (await jsonOf(await fetch(new URL(path, url), { method }))).routeKey;
    expect(await routeKey('POST', '/admin/default/partners/crm/refresh')).toBe(
      'POST /admin/{realm}/partners/{id}/refresh',
    );
    expect(await routeKey('GET', '/admin/default/partners/crm/refresh')).toBe('ANY /admin/default/{proxy+}');
    expect(await routeKey('POST', '/other/default/partners/crm/refresh')).toBe(
      'POST /{space}/{realm}/partners/{id}/refresh',
    );
    expect(await routeKey('GET', '/admin/main/partners/crm')).toBe('ANY /admin/{proxy+}');
    expect(await routeKey('GET', '/token')).toBe('ANY /{proxy+}');
  });

  it('sends everything else to $default if there is one', async () => {
    const { url } = await startFixture({
      functions: { Echo: { code: ECHO } },
      routes: [
        { key: 'GET /known', function: 'Echo' },
        { key: '$default', function: 'Echo' },
      ],
    });
    expect(await (await fetch(new URL('/x/y', url))).json()).toMatchObject({ routeKey: '$default', rawPath: '/x/y' });
  });
});

describe('the answer of an HTTP API', () => {
  it.each<[title: string, code: string, status: number, contentType: string | null, body: string]>([
    ['an object without a status code', answering('{ a: 1 }'), 200, 'application/json', '{"a":1}'],
    ['text', answering('"hello"'), 200, 'application/json', 'hello'],
    ['a status code alone', answering('{ statusCode: 202 }'), 202, 'text/plain;charset=UTF-8', ''],
    [
      'base64',
      answering('{ statusCode: 200, body: "aGk=", isBase64Encoded: true }'),
      200,
      'text/plain;charset=UTF-8',
      'hi',
    ],
    [
      'a body that is no text',
      answering('{ statusCode: 200, body: {} }'),
      500,
      'application/json',
      '{"message":"Internal Server Error"}',
    ],
    [
      'an impossible status',
      answering('{ statusCode: 20 }'),
      500,
      'application/json',
      '{"message":"Internal Server Error"}',
    ],
    [
      'an error',
      'export const handler = async () => { throw new Error("secret"); };',
      500,
      'application/json',
      '{"message":"Internal Server Error"}',
    ],
    [
      'code that does not load',
      'throw new Error("secret");',
      500,
      'application/json',
      '{"message":"Internal Server Error"}',
    ],
    ['nothing exported', 'export const other = 1;', 500, 'application/json', '{"message":"Internal Server Error"}'],
  ])('for %s', async (_, code, status, contentType, body) => {
    const { url } = await startFixture({ functions: { F: { code } }, routes: [{ key: 'GET /', function: 'F' }] });
    const response = await fetch(url);
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      status,
      contentType,
      body,
    ]);
  });

  it('carries headers and one set-cookie per cookie', async () => {
    const code = answering(
      '{ statusCode: 200, headers: { "X-A": "b", "X-N": 3, connection: "close" }, cookies: ["a=1", "b=2; Secure"], body: "ok" }',
    );
    const { url } = await startFixture({ functions: { F: { code } }, routes: [{ key: 'GET /', function: 'F' }] });
    const response = await fetch(url);
    expect(response.headers.get('x-a')).toBe('b');
    expect(response.headers.get('x-n')).toBe('3');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2; Secure']);
    expect(response.headers.get('connection')).toBe('keep-alive');
  });
});

describe('limits', () => {
  it('refuses a body of more than 10 MB', async () => {
    const { url } = await startFixture({
      functions: { F: { code: ECHO } },
      routes: [{ key: 'POST /', function: 'F' }],
    });
    const response = await fetch(url, { method: 'POST', body: new Uint8Array(10 * 1024 * 1024 + 1) });
    expect([response.status, await response.json()]).toEqual([413, { message: 'Request Entity Too Large' }]);
  });

  it('refuses a request line and headers of more than 10,240 bytes together', async () => {
    const { url } = await startFixture({ functions: { F: { code: ECHO } }, routes: [{ key: 'GET /', function: 'F' }] });
    expect((await fetch(url, { headers: { 'x-long': 'x'.repeat(9_000) } })).status).toBe(200);
    expect((await fetch(url, { headers: { 'x-long': 'x'.repeat(10_240) } })).status).toBe(431);
  });

  it('refuses a path with broken percent-encoding', async () => {
    const { url } = await startFixture({
      functions: { F: { code: ECHO } },
      routes: [{ key: '$default', function: 'F' }],
    });
    expect((await fetch(`${url.origin}/%ff`)).status).toBe(400);
  });

  it('answers 503 when the function takes longer than the integration may', async () => {
    const code = 'export const handler = () => new Promise(() => setInterval(() => undefined, 1000));';
    const { url } = await startFixture({
      functions: { F: { code } },
      routes: [{ key: 'GET /', function: 'F', integration: { TimeoutInMillis: 50 } }],
    });
    const response = await fetch(url);
    expect([response.status, await response.json()]).toEqual([503, { message: 'Service Unavailable' }]);
  });

  it('does not invoke a function whose resource policy does not allow it for the route', async () => {
    const { url } = await startFixture({
      functions: { F: { code: ECHO } },
      routes: [
        { key: 'GET /open', function: 'F' },
        { key: 'GET /closed', function: 'F' },
      ],
      resources: {
        Route1Permission: { Type: 'AWS::CDK::Metadata', Properties: {} },
      },
    });
    expect((await fetch(new URL('/open', url))).status).toBe(200);
    expect((await fetch(new URL('/closed', url))).status).toBe(500);
  });
});
