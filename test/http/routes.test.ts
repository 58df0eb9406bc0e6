import type { APIGatewayProxyEventV2WithLambdaAuthorizer } from 'aws-lambda';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { accept, refuse } from '../../functions/core/errors.ts';
import type { RawTokenRequest } from '../../functions/core/token-request.ts';
import type { IssueToken } from '../../functions/flows/issue-token.ts';
import { Outage } from '../../functions/ports.ts';
import { discoveryRoute, rotateKeysRoute, tokenRoute, whoamiRoute } from '../../functions/routes.ts';
import { httpEvent, tokenEvent } from '../support/builders.ts';
import { lambdaContext, type Observed, observe } from './observed.ts';

let observed: Observed;
beforeEach(() => {
  observed = observe();
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('POST /token', () => {
  const GRANTED = accept({
    access_token: 'secret-token',
    token_type: 'Bearer',
    expires_in: 60,
    scope: 'read',
  } as const);
  const route = (issue: IssueToken) => tokenRoute(observed.seen, issue);

  it('answers with what was decided, and leaves one record and one count', async () => {
    const seen: [RawTokenRequest, string][] = [];
    const answer = await route(async (...args) => {
      seen.push(args);
      return { result: GRANTED, facts: { client: 'crm', scopes: ['read'] } };
    })(tokenEvent('a=b'), lambdaContext());
    expect([answer.statusCode, JSON.parse(answer.body ?? '')]).toEqual([200, GRANTED.value]);
    expect(seen).toEqual([[{ parameters: [['a', 'b']], queryParameters: [] }, 'request-1']]);
    expect(observed.lines()).toMatchObject([
      {
        level: 'INFO',
        message: 'decision',
        audit: { action: 'issue-token', decision: 'granted', requestId: 'request-1', facts: { client: 'crm' } },
      },
    ]);
    expect(observed.metrics()).toMatchObject({ TokensIssued: 1 });
    expect(observed.text()).not.toContain('secret-token');
  });

  it('refuses with a warning and its reason', async () => {
    const answer = await route(async () => ({ result: refuse({ reason: 'assertion_signature' }), facts: {} }))(
      tokenEvent(''),
      lambdaContext(),
    );
    expect(answer.statusCode).toBe(401);
    expect(observed.lines()).toMatchObject([
      { level: 'WARN', audit: { decision: 'refused', refusal: { reason: 'assertion_signature' } } },
    ]);
    expect(observed.metrics()).toMatchObject({ TokensRefused: 1 });
  });

  it.each([
    ['no form', tokenEvent('{}', { 'content-type': 'application/json' }), 'content_type_unsupported'],
    ['a broken form', tokenEvent('a=%zz'), 'body_malformed'],
    ['a form that is too large', tokenEvent('x'.repeat(16_385)), 'body_too_large'],
  ])('refuses %s before anybody decides, and leaves a record of it', async (_what, event, reason) => {
    const answer = await route(() => Promise.reject(new Error('not reached')))(event, lambdaContext());
    expect([answer.statusCode, JSON.parse(answer.body ?? '').error]).toEqual([400, 'invalid_request']);
    expect(observed.lines()).toMatchObject([{ audit: { refusal: { reason } } }]);
  });

  it('challenges who used the authorization header', async () => {
    const refused: IssueToken = async () => ({ result: refuse({ reason: 'client_auth_missing' }), facts: {} });
    const challenge = async (headers: Record<string, string>) =>
      (await route(refused)(tokenEvent('', headers), lambdaContext())).headers?.['www-authenticate'];
    expect([await challenge({ authorization: 'Basic eA==' }), await challenge({})]).toEqual([
      'Basic realm="countersign"',
      undefined,
    ]);
  });

  it('answers an outage in the words of OAuth, and leaves no decision', async () => {
    const answer = await route(() => Promise.reject(new Outage('kms:Sign', new Error('down'))))(
      tokenEvent(''),
      lambdaContext(),
    );
    expect([answer.statusCode, JSON.parse(answer.body ?? '').error]).toEqual([503, 'temporarily_unavailable']);
    expect(observed.lines().map((line) => line.message)).toEqual(['outage']);
  });

  it('never fails on any body, and writes none of it down', async () => {
    const refused: IssueToken = async () => ({ result: refuse({ reason: 'client_auth_missing' }), facts: {} });
    const chunk = fc.constantFrom('S3cret', '%', '=', '&', '+', '%41', '%ff', 'client_assertion', '\u0000', '€');
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { maxLength: 12 }), fc.boolean(), async (chunks, isBase64Encoded) => {
        const answer = await route(refused)({ ...tokenEvent(chunks.join('')), isBase64Encoded }, lambdaContext());
        expect([400, 401]).toContain(answer.statusCode);
        expect(observed.text()).not.toContain('S3cret');
      }),
      { numRuns: 200 },
    );
  });
});

describe('the published documents', () => {
  const route = (
    publishKeys = async () => ({ keys: [{ kty: 'RSA', kid: 'a' }] }),
    revokedKeys = async () => 'a.signed.list',
  ) =>
    discoveryRoute(observed.seen, {
      publishKeys,
      revokedKeys,
      metadata: { '/.well-known/openid-configuration': { issuer: 'x' } },
      jwksMaxAgeSeconds: 300,
      metadataMaxAgeSeconds: 3_600,
    });
  const get = (path: string, headers: Record<string, string> = {}) =>
    route()(httpEvent('GET', path, { headers }), lambdaContext());

  it.each([
    ['/jwks', '{"keys":[{"kty":"RSA","kid":"a"}]}', 'public, max-age=300, stale-if-error=3600'],
    ['/.well-known/openid-configuration', '{"issuer":"x"}', 'public, max-age=3600, stale-if-error=3600'],
  ])('are found at %s, each with its age', async (path, body, cacheControl) => {
    expect(await get(path)).toMatchObject({ statusCode: 200, body, headers: { 'cache-control': cacheControl } });
  });

  it('are JSON, but for the list of revoked keys, which is a JWT and is not kept for long', async () => {
    const [list, set] = [await get('/revoked-keys'), await get('/jwks')];
    expect(list).toMatchObject({
      statusCode: 200,
      body: 'a.signed.list',
      headers: { 'content-type': 'application/jwt', 'cache-control': 'public, max-age=60, stale-if-error=3600' },
    });
    expect(set.headers?.['content-type']).toBe('application/json');
  });

  it.each(['/jwks', '/revoked-keys'])('are not sent again to who has them: %s', async (path) => {
    const { headers } = await get(path);
    expect((await get(path, { 'if-none-match': String(headers?.etag) })).statusCode).toBe(304);
  });

  it.each(['/', '/jwks/', '/revoked-keys/', '/JWKS', '/jwks.json', '/__proto__', '/constructor'])(
    'are not found at %s',
    async (path) => {
      expect((await get(path)).statusCode).toBe(404);
    },
  );

  it.each(['/jwks', '/revoked-keys'])('are not cached while there is an outage: %s', async (path) => {
    const down = () => Promise.reject(new Outage('key-ring', new Error('empty')));
    const answer = await route(down, down)(httpEvent('GET', path), lambdaContext());
    expect([answer.statusCode, answer.headers?.['cache-control'], answer.headers?.['retry-after']]).toEqual([
      503,
      'no-store',
      '2',
    ]);
  });
});

describe('GET /whoami', () => {
  it('answers with the claims that the authorizer verified', async () => {
    const event = httpEvent('GET', '/whoami') as APIGatewayProxyEventV2WithLambdaAuthorizer<object>;
    Object.assign(event.requestContext, { authorizer: { lambda: { sub: 'crm' } } });
    const answer = await whoamiRoute(observed.seen)(event, lambdaContext());
    expect([answer.statusCode, answer.body, answer.headers?.['cache-control']]).toEqual([
      200,
      '{"sub":"crm"}',
      'no-store',
    ]);
  });

  it.each([{}, { authorizer: {} }, { authorizer: { iam: {} } }])(
    'fails where it was deployed without authorizer: %j',
    async (more) => {
      const event = httpEvent('GET', '/whoami');
      Object.assign(event.requestContext, more);
      expect((await whoamiRoute(observed.seen)(event, lambdaContext())).statusCode).toBe(500);
    },
  );
});

describe('the rotation', () => {
  const REPORT = {
    algorithm: 'RS256',
    version: 2,
    steps: [{ kind: 'create' }, { kind: 'publish', kid: 'a' }],
    expiring: [],
  } as const;

  it.each([
    [{ run: 'one-step' }, 1],
    [{ run: 'until-settled' }, 12],
    [{}, 12],
    [{ run: 7 }, 12],
  ])('called with %j takes at most %i steps a ring', async (event, steps) => {
    const asked: number[] = [];
    await rotateKeysRoute(observed.seen, async (most) => {
      asked.push(most);
      return [];
    })(event, lambdaContext());
    expect(asked).toEqual([steps]);
  });

  it('reports each ring, and counts the steps', async () => {
    await expect(rotateKeysRoute(observed.seen, async () => [REPORT, REPORT])({}, lambdaContext())).resolves.toEqual([
      REPORT,
      REPORT,
    ]);
    expect(observed.lines()).toMatchObject([
      { message: 'rotation', audit: REPORT },
      { message: 'rotation', audit: REPORT },
    ]);
    expect(observed.metrics()).toMatchObject({ RotationSteps: 4 });
  });

  it('throws an outage on, so that the scheduler tries again', async () => {
    const outage = new Outage('kms:CreateKey', new Error('down'));
    await expect(rotateKeysRoute(observed.seen, () => Promise.reject(outage))({}, lambdaContext())).rejects.toBe(
      outage,
    );
    expect(observed.lines()).toMatchObject([{ message: 'outage', requestId: 'invocation-1' }]);
  });

  it('throws a fault on without its message, which the runtime would log', async () => {
    const failing = rotateKeysRoute(observed.seen, () => Promise.reject(new TypeError('secret-7f3a')));
    const thrown: unknown = await failing({}, lambdaContext()).catch((error: unknown) => error);
    expect(thrown).toEqual(new Error('TypeError: see the fault of this request in the log'));
    expect([Object.keys(thrown as object), (thrown as Error).cause, observed.text().includes('secret-7f3a')]).toEqual([
      [],
      undefined,
      false,
    ]);
  });
});
