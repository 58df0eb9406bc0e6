// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are CloudFormation's
import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { describe, expect, it } from 'vitest';
import type { Deployment } from '../../../local/deployment.ts';
import { ECHO, type Fixture, jsonOf, startFixture } from '../support/fixture.ts';

const FORBIDDEN = [403, { message: 'Forbidden' }];

async function answer(response: Response): Promise<[number, unknown]> {
  return [response.status, await response.json()];
}

/** A route behind a Lambda authorizer that decides by the bearer token and answers with its event as context. */
const guarded = (authorizerCode: string, properties: object = {}): Fixture => ({
  functions: { Echo: { code: ECHO }, Judge: { code: authorizerCode } },
  authorizers: { Gate: { function: 'Judge', properties } },
  routes: [
    { key: 'GET /guarded', function: 'Echo', authorizer: 'Gate' },
    { key: 'GET /guarded/{id}', function: 'Echo', authorizer: 'Gate' },
  ],
});

const JUDGE = `let calls = 0;
export const handler = async (event) => {
  calls += 1;
  const token = event.headers.authorization;
  if (token === 'broken') throw new Error('broken');
  if (token === 'nonsense') return 'yes';
  if (token === 'policy') return { principalId: 'x', policyDocument: {} };
  return { isAuthorized: token.startsWith('good'), context: { calls, event } };
};`;

describe('a Lambda authorizer', () => {
  it('is asked with a REQUEST event of format 2.0, and its context reaches the function', async () => {
    const { url } = await startFixture(guarded(JUDGE));
    const response = await fetch(new URL('/guarded/7?a=b', url), { headers: { authorization: 'good' } });
    const { requestContext } = await jsonOf(response);
    expect(requestContext.authorizer.lambda.event).toMatchObject({
      version: '2.0',
      type: 'REQUEST',
      routeArn: expect.stringMatching(
        /^arn:aws:execute-api:us-east-1:111122223333:[a-z0-9]{10}\/\$default\/GET\/guarded\/7$/,
      ),
      identitySource: ['good'],
      routeKey: 'GET /guarded/{id}',
      rawPath: '/guarded/7',
      queryStringParameters: { a: 'b' },
      pathParameters: { id: '7' },
      headers: { authorization: 'good' },
      requestContext: { http: { method: 'GET' }, routeKey: 'GET /guarded/{id}' },
    });
    expect(requestContext.authorizer.lambda.event).not.toHaveProperty('body');
  });

  it.each<[what: string, token: string | undefined, expected: unknown]>([
    ['nothing in the identity source', undefined, [401, { message: 'Unauthorized' }]],
    ['isAuthorized false', 'bad', FORBIDDEN],
    ['an error of the function', 'broken', [500, { message: 'Internal Server Error' }]],
    ['an answer of no known shape', 'nonsense', [500, { message: 'Internal Server Error' }]],
    ['a policy where a simple response is due', 'policy', [500, { message: 'Internal Server Error' }]],
  ])('turns away on %s', async (_, token, expected) => {
    const { url } = await startFixture(guarded(JUDGE));
    const headers: Record<string, string> = token === undefined ? {} : { authorization: token };
    expect(await answer(await fetch(new URL('/guarded', url), { headers }))).toEqual(expected);
  });

  it('is asked every time when its time to live is 0', async () => {
    const { url } = await startFixture(guarded(JUDGE));
    expect(await callsSeen(url, 'good')).toBe(1);
    expect(await callsSeen(url, 'good')).toBe(2);
  });

  it('is asked once per identity within its time to live, and again after it', async () => {
    let now = Date.now();
    const { url } = await startFixture(guarded(JUDGE, { AuthorizerResultTtlInSeconds: 60 }), { clock: () => now });
    expect(await callsSeen(url, 'good')).toBe(1);
    now += 59_000;
    expect(await callsSeen(url, 'good')).toBe(1);
    expect(await callsSeen(url, 'good too')).toBe(2);
    now += 2_000;
    expect(await callsSeen(url, 'good')).toBe(3);
  });

  it('is not invoked without a permission of its function for the authorizer', async () => {
    const fixture = guarded(JUDGE);
    const { url } = await startFixture({
      ...fixture,
      resources: { GatePermission: { Type: 'AWS::CDK::Metadata', Properties: {} } },
    });
    const response = await fetch(new URL('/guarded', url), { headers: { authorization: 'good' } });
    expect(await answer(response)).toEqual([500, { message: 'Internal Server Error' }]);
  });

  async function callsSeen(url: URL, token: string): Promise<unknown> {
    const response = await fetch(new URL('/guarded', url), { headers: { authorization: token } });
    return (await jsonOf(response)).requestContext.authorizer.lambda.calls;
  }
});

class Sha256 {
  #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', toBytes(secret));
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(toBytes(data));
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

function toBytes(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

interface SignedCall {
  readonly method: string;
  readonly path: string;
  readonly query?: Record<string, string>;
  readonly body?: string;
}

/** What `fetch` takes for the call, signed as the operator, or by another secret. */
async function sign(deployment: Deployment, call: SignedCall, secret?: string): Promise<[URL, RequestInit]> {
  const { operator, url } = deployment;
  const signer = new SignatureV4({
    service: 'execute-api',
    region: operator.region,
    credentials: { ...operator, secretAccessKey: secret ?? operator.secretAccessKey },
    sha256: Sha256,
  });
  const { method, path, query = {} } = call;
  const body = call.body === undefined ? {} : { body: call.body };
  const headers = { host: url.host, 'content-type': 'application/json' };
  const request = { method, protocol: url.protocol, hostname: url.hostname, path, query, headers, ...body };
  const signed = await signer.sign(request);
  return [new URL(`${path}?${new URLSearchParams(query)}`, url), { method, headers: signed.headers, ...body }];
}

async function signedFetch(deployment: Deployment, call: SignedCall, secret?: string): Promise<Response> {
  return fetch(...(await sign(deployment, call, secret)));
}

describe('an AWS_IAM route', () => {
  const admin: Fixture = {
    functions: { Echo: { code: ECHO } },
    routes: [{ key: 'ANY /admin/{proxy+}', function: 'Echo', authorizer: 'AWS_IAM' }],
  };

  it('lets in who signs and may, and says who it is', async () => {
    const deployment = await startFixture(admin);
    const call = { method: 'PUT', path: '/admin/a%20b/c', query: { x: '1' }, body: '{"a":1}' };
    const response = await signedFetch(deployment, call);
    expect(response.status).toBe(200);
    const { requestContext, body } = await jsonOf(response);
    expect(body).toBe('{"a":1}');
    expect(requestContext.authorizer.iam).toMatchObject({
      accessKey: deployment.operator.accessKeyId,
      accountId: '111122223333',
      userArn: expect.stringMatching(/^arn:aws:sts::111122223333:assumed-role\/\w+\/operator$/),
      userId: expect.stringMatching(/^AROA\w{17}:operator$/),
      cognitoIdentity: null,
    });
  });

  it('refuses who does not sign', async () => {
    const { url } = await startFixture(admin);
    expect(await answer(await fetch(new URL('/admin/x', url)))).toEqual(FORBIDDEN);
  });

  it('refuses a signature by another secret', async () => {
    const deployment = await startFixture(admin);
    const response = await signedFetch(deployment, { method: 'GET', path: '/admin/x' }, 'another secret');
    expect(await answer(response)).toEqual(FORBIDDEN);
  });

  it('refuses a body that is not the one signed', async () => {
    const deployment = await startFixture(admin);
    const [url, init] = await sign(deployment, { method: 'POST', path: '/admin/x', body: '{"a":1}' });
    expect((await fetch(url, init)).status).toBe(200);
    const response = await fetch(url, { ...init, body: '{"a":2}' });
    expect(await answer(response)).toEqual(FORBIDDEN);
  });

  it('refuses a principal whose policies do not allow execute-api:Invoke on the route', async () => {
    const code = `export const handler = async () => ({
      accessKeyId: process.env.AWS_ACCESS_KEY_ID,
      secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
      sessionToken: process.env.AWS_SESSION_TOKEN,
    });`;
    const statements = [
      {
        Effect: 'Allow',
        Action: 'execute-api:Invoke',
        Resource: { 'Fn::Sub': 'arn:aws:execute-api:${AWS::Region}:*:*/$default/GET/admin/mine' },
      },
    ];
    const deployment = await startFixture({ ...admin, functions: { ...admin.functions, Leak: { code, statements } } });
    const leaked = await deployment.invoke('Leak', {});
    if (!leaked.ok) throw new Error(leaked.error.errorMessage);
    const asFunction = {
      ...deployment,
      operator: { ...JSON.parse(leaked.payload), region: deployment.operator.region },
    };
    expect((await signedFetch(asFunction, { method: 'GET', path: '/admin/mine' })).status).toBe(200);
    expect(await answer(await signedFetch(asFunction, { method: 'PUT', path: '/admin/mine' }))).toEqual(FORBIDDEN);
    expect(await answer(await signedFetch(asFunction, { method: 'GET', path: '/admin/yours' }))).toEqual(FORBIDDEN);
  });
});
