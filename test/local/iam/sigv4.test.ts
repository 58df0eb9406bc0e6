import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { Sha256 } from '@aws-crypto/sha256-js';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CredentialStore, type Credentials, type Principal } from '../../../local/iam/credentials.ts';
import { type SignedRequest, type VerifyOptions, verifySignature } from '../../../local/iam/sigv4.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const MINUTE = 60_000;
const REGION = 'eu-central-1';
const TOKEN_INVALID = 'The security token included in the request is invalid.';
const MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';

const principal: Principal = {
  arn: 'arn:aws:sts::123456789012:assumed-role/token/run',
  roleArn: 'arn:aws:iam::123456789012:role/token',
  account: '123456789012',
  policies: [],
};

interface Unsigned {
  readonly service?: string;
  readonly method?: string;
  readonly path?: string;
  readonly query?: Record<string, string | string[]>;
  readonly rawQuery?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly at?: number;
  readonly checksum?: boolean;
}

/** Signs as an SDK client does; nothing of ours but the wire form of the query. */
async function signed(credentials: Credentials, unsigned: Unsigned = {}): Promise<SignedRequest> {
  const signer = new SignatureV4({
    service: unsigned.service ?? 'kms',
    region: REGION,
    credentials,
    sha256: Sha256,
    applyChecksum: unsigned.checksum ?? true,
  });
  const { method = 'POST', path = '/', query = {}, body = '{"KeyId":"1"}' } = unsigned;
  const headers = { host: '127.0.0.1:1234', 'x-amz-target': 'TrentService.Sign', ...unsigned.headers };
  const request = { method, path, query, headers, body, protocol: 'http:', hostname: '127.0.0.1' };
  const { headers: all } = await signer.sign(request, { signingDate: new Date(unsigned.at ?? NOW) });
  return { method, path, query: unsigned.rawQuery ?? '', headers: all, body: Buffer.from(body) };
}

function world(now = NOW) {
  const principals = new CredentialStore();
  const options: VerifyOptions = { service: 'kms', region: REGION, principals, clock: () => now };
  return { principals, credentials: principals.register(principal), options };
}

async function refusal(request: SignedRequest, options: VerifyOptions) {
  const result = await verifySignature(request, options);
  if (result.verified) throw new Error('was accepted');
  return { type: result.error.type, message: result.error.message, status: result.error.status };
}

const refused = (type: string, message: string) => ({ type, message, status: 400 });
const authorizationOf = ({ headers }: SignedRequest) => String(headers.authorization);
const withHeaders = (request: SignedRequest, headers: SignedRequest['headers']): SignedRequest => ({
  ...request,
  headers: { ...request.headers, ...headers },
});

describe('a request signed by the AWS signer', () => {
  it('is accepted and names its principal', async () => {
    const { credentials, options } = world();
    expect(await verifySignature(await signed(credentials), options)).toEqual({
      verified: true,
      principal,
      accessKeyId: credentials.accessKeyId,
      region: REGION,
    });
  });

  it.each<[string, Unsigned]>([
    ['without a checksum header', { checksum: false }],
    ['without a body', { body: '' }],
    ['with unusual spaces in a header', { headers: { 'x-amz-meta': ' a   b ' } }],
    ['at the edge of the past', { at: NOW - 5 * MINUTE }],
    ['at the edge of the future', { at: NOW + 5 * MINUTE }],
  ])('is accepted %s', async (_name, unsigned) => {
    const { credentials, options } = world();
    expect(await verifySignature(await signed(credentials, unsigned), options)).toMatchObject({ verified: true });
  });

  it.each<[string, Unsigned]>([
    ['an escaped path', { path: '/admin/partners/a%20b%2Fc' }],
    ['a path that ends in a slash', { path: '/admin/' }],
    ['a query', { query: { realm: 'a b', after: 'ü+&=' }, rawQuery: 'realm=a%20b&after=%C3%BC%2B%26%3D' }],
    ['a query out of order', { query: { a: '1', b: '2' }, rawQuery: 'b=2&a=1' }],
    ['a repeated parameter', { query: { a: ['2', '1'] }, rawQuery: 'a=2&a=1' }],
    ['a parameter without a value', { query: { flag: '' }, rawQuery: 'flag' }],
  ])('for an HTTP API is accepted with %s', async (_name, unsigned) => {
    const { credentials, options } = world();
    const request = await signed(credentials, { service: 'execute-api', method: 'GET', body: '', ...unsigned });
    expect(await verifySignature(request, { ...options, service: 'execute-api' })).toMatchObject({ verified: true });
  });

  it('is accepted from any region where none is demanded', async () => {
    const { credentials, options } = world();
    const { region: _region, ...anywhere } = options;
    expect(await verifySignature(await signed(credentials), anywhere)).toMatchObject({
      verified: true,
      region: REGION,
    });
  });
});

describe('the real SDK clients', () => {
  it.each([
    [
      'kms',
      (config: object) =>
        new KMSClient(config).send(
          new SignCommand({ KeyId: '1', Message: new Uint8Array(3), SigningAlgorithm: 'ECDSA_SHA_256' }),
        ),
    ],
    ['dynamodb', (config: object) => new DynamoDBClient(config).send(new ListTablesCommand({}))],
  ] as const)('sign for %s what is accepted here', async (service, call) => {
    const { credentials, options } = world(Date.now());
    const results: unknown[] = [];
    await using server = createServer(async (request, response) => {
      const { method = '', url = '', headers } = request;
      const body = Buffer.from(await text(request));
      results.push(
        await verifySignature(
          { method, path: url, query: '', headers, body },
          { ...options, service, clock: Date.now },
        ),
      );
      response.end('{}');
    });
    const { promise: listening, resolve } = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', resolve);
    await listening;
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await call({ endpoint: `http://127.0.0.1:${port}`, region: REGION, credentials });
    server.closeAllConnections();
    expect(results).toMatchObject([{ verified: true, principal }]);
  });
});

describe('a request is refused', () => {
  it.each<[string, (request: SignedRequest) => SignedRequest]>([
    ['method', (request) => ({ ...request, method: 'PUT' })],
    ['path', (request) => ({ ...request, path: '/admin' })],
    ['query', (request) => ({ ...request, query: 'a=1' })],
    ['broken query', (request) => ({ ...request, query: 'a=%zz' })],
    ['host', (request) => withHeaders(request, { host: '127.0.0.1:1235' })],
    ['target', (request) => withHeaders(request, { 'x-amz-target': 'TrentService.Verify' })],
    ['body', (request) => ({ ...request, body: Buffer.from('{"KeyId":"2"}') })],
    ['date', (request) => withHeaders(request, { 'x-amz-date': '20260301T120001Z' })],
    [
      'signature',
      (request) =>
        withHeaders(request, {
          authorization: authorizationOf(request).replace(/.$/, (digit) => (digit === '0' ? '1' : '0')),
        }),
    ],
    [
      'shortened signature',
      (request) => withHeaders(request, { authorization: authorizationOf(request).slice(0, -1) }),
    ],
    [
      'region',
      (request) => withHeaders(request, { authorization: authorizationOf(request).replace(REGION, 'eu-west-1') }),
    ],
  ])('when its %s was changed', async (_part, change) => {
    const { credentials, options } = world();
    const { region: _region, ...anywhere } = options;
    const request = change(await signed(credentials, { checksum: false }));
    expect(await refusal(request, anywhere)).toEqual(refused('InvalidSignatureException', MISMATCH));
  });

  it.each(['//admin', '/./admin', '/x/../admin', '/admin/x/..'])('when /admin became %s on the way', async (path) => {
    const { credentials, options } = world();
    const request = await signed(credentials, { path: '/admin' });
    expect(await refusal({ ...request, path }, options)).toEqual(refused('InvalidSignatureException', MISMATCH));
  });

  it('when any parameter was added to the query', async () => {
    const { credentials, options } = world();
    const request = await signed(credentials);
    const name = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('X-Amz-Signature', '__proto__', 'constructor'),
    );
    await fc.assert(
      fc.asyncProperty(name, fc.string(), async (added, value) => {
        const query = `${encodeURIComponent(added)}=${encodeURIComponent(value)}`;
        expect(await refusal({ ...request, query }, options)).toEqual(refused('InvalidSignatureException', MISMATCH));
      }),
    );
  });

  it('when the body was changed under a checksum header', async () => {
    const { credentials, options } = world();
    const request = await signed(credentials);
    expect(request.headers['x-amz-content-sha256']).toBeDefined();
    expect(await refusal({ ...request, body: Buffer.from('{}') }, options)).toEqual(
      refused('InvalidSignatureException', MISMATCH),
    );
  });

  it('when the secret is another', async () => {
    const { credentials, options } = world();
    const request = await signed({ ...credentials, secretAccessKey: 'x'.repeat(40) });
    expect(await refusal(request, options)).toEqual(refused('InvalidSignatureException', MISMATCH));
  });

  it("when it mixes two principals' credentials", async () => {
    const { principals, credentials, options } = world();
    const other = principals.register(principal);
    const request = await signed({ ...credentials, sessionToken: other.sessionToken });
    expect(await refusal(request, options)).toEqual(refused('UnrecognizedClientException', TOKEN_INVALID));
  });

  it('when the access key is unknown', async () => {
    const { credentials, options } = world();
    const request = await signed({ ...credentials, accessKeyId: 'ASIAQQQQQQQQQQQQQQQQ' });
    expect(await refusal(request, options)).toEqual(refused('UnrecognizedClientException', TOKEN_INVALID));
  });

  it('when the session token is missing', async () => {
    const { credentials, options } = world();
    const { accessKeyId, secretAccessKey } = credentials;
    const signer = new SignatureV4({
      service: 'kms',
      region: REGION,
      credentials: { accessKeyId, secretAccessKey },
      sha256: Sha256,
    });
    const request = { method: 'POST', path: '/', headers: { host: 'h' }, body: '', protocol: 'http:', hostname: 'h' };
    const { headers } = await signer.sign(request, { signingDate: new Date(NOW) });
    expect(await refusal({ method: 'POST', path: '/', query: '', headers, body: Buffer.of() }, options)).toEqual(
      refused('UnrecognizedClientException', TOKEN_INVALID),
    );
  });

  it('when the credentials have expired', async () => {
    const { principals, options } = world();
    const valid = await signed(principals.register(principal, { expiresAt: NOW + 1 }));
    const expired = await signed(principals.register(principal, { expiresAt: NOW }));
    expect(await verifySignature(valid, options)).toMatchObject({ verified: true });
    expect(await refusal(expired, options)).toEqual(
      refused('ExpiredTokenException', 'The security token included in the request is expired'),
    );
  });

  it.each([
    [
      'too old',
      -5 * MINUTE - 1000,
      'Signature expired: 20260301T115459Z is now earlier than 20260301T115500Z (20260301T120000Z - 5 min.)',
    ],
    [
      'too new',
      5 * MINUTE + 1000,
      'Signature not yet current: 20260301T120501Z is still later than 20260301T120500Z (20260301T120000Z + 5 min.)',
    ],
  ])('when it is %s', async (_name, offset, message) => {
    const { credentials, options } = world();
    expect(await refusal(await signed(credentials, { at: NOW + offset }), options)).toEqual(
      refused('InvalidSignatureException', message),
    );
  });

  it.each([
    ['another service', { service: 'dynamodb' }, "Credential should be scoped to correct service: 'dynamodb'. "],
    ['another region', { region: 'us-east-1' }, "Credential should be scoped to a valid region, not 'eu-central-1'. "],
  ])('when it is signed for %s', async (_name, change, message) => {
    const { credentials, options } = world();
    expect(await refusal(await signed(credentials), { ...options, ...change })).toEqual(
      refused('InvalidSignatureException', message),
    );
  });

  it.each<[string, (authorization: string) => string, string, string]>([
    [
      'has no signature at all',
      () => '',
      'MissingAuthenticationTokenException',
      'Request is missing Authentication Token',
    ],
    [
      'carries a bearer token',
      () => 'Bearer x',
      'MissingAuthenticationTokenException',
      'Request is missing Authentication Token',
    ],
    [
      'names nothing but the algorithm',
      () => 'AWS4-HMAC-SHA256',
      'IncompleteSignatureException',
      "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.",
    ],
    [
      'lacks the signature',
      (value) => value.replace(/, Signature=.*/, ''),
      'IncompleteSignatureException',
      "Authorization header requires 'Signature' parameter.",
    ],
    [
      'uses another algorithm',
      (value) => value.replace('SHA256', 'SHA1'),
      'IncompleteSignatureException',
      "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1' (only AWS4-HMAC-SHA256 for now). ",
    ],
    [
      'has a credential of four parts',
      (value) => value.replace(/Credential=[^,]*/, 'Credential=a/b/c/d'),
      'IncompleteSignatureException',
      "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c/d'",
    ],
    [
      'ends its scope otherwise',
      (value) => value.replace('aws4_request', 'aws5'),
      'InvalidSignatureException',
      "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'. ",
    ],
    [
      'is scoped to another day',
      (value) => value.replace('/20260301/', '/20260228/'),
      'InvalidSignatureException',
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260228' != '20260301', from '20260301T120000Z'.",
    ],
    [
      'does not sign the host',
      (value) => value.replace('host;', ''),
      'InvalidSignatureException',
      "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    ],
    [
      'does not sign the target',
      (value) => value.replace(';x-amz-target', ''),
      'InvalidSignatureException',
      "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization.",
    ],
    [
      'signs a header that is not there',
      (value) => value.replace(';x-amz-target', ';x-amz-target;x-other'),
      'InvalidSignatureException',
      "'x-other' is a 'SignedHeader' but is not a header of the request.",
    ],
  ])('when it %s', async (_name, change, type, message) => {
    const { credentials, options } = world();
    const request = await signed(credentials);
    expect(await refusal(withHeaders(request, { authorization: change(authorizationOf(request)) }), options)).toEqual(
      refused(type, message),
    );
  });

  it.each([
    ['missing', undefined, "Authorization header requires existence of a 'X-Amz-Date' header."],
    [
      'malformed',
      '2026-03-01',
      "Date must be in ISO-8601 'basic format'. Got '2026-03-01'. See http://en.wikipedia.org/wiki/ISO_8601",
    ],
    [
      'impossible',
      '20261301T120000Z',
      "Date must be in ISO-8601 'basic format'. Got '20261301T120000Z'. See http://en.wikipedia.org/wiki/ISO_8601",
    ],
  ])('when its date is %s', async (_name, date, message) => {
    const { credentials, options } = world();
    const request = withHeaders(await signed(credentials), { 'x-amz-date': date });
    expect(await refusal(request, options)).toEqual(refused('IncompleteSignatureException', message));
  });
});

describe('CredentialStore', () => {
  it('hands out credentials of the shape that STS gives, never twice the same', () => {
    const { principals } = world();
    const all = Array.from({ length: 20 }, () => principals.register(principal));
    for (const { accessKeyId, secretAccessKey } of all) {
      expect(accessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
      expect(secretAccessKey).toHaveLength(40);
    }
    expect(new Set(all.flatMap((credentials) => Object.values(credentials))).size).toBe(60);
  });

  it('knows nobody by an access key that it did not hand out', () => {
    expect(world().principals.find('ASIAQQQQQQQQQQQQQQQQ')).toBeUndefined();
  });
});
