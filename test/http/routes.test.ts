import type { APIGatewayProxyEventV2WithLambdaAuthorizer } from 'aws-lambda';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { accept, refuse } from '../../functions/core/errors.ts';
import type { RawTokenRequest } from '../../functions/core/request-form.ts';
import type { IssueToken } from '../../functions/flows/issue-token.ts';
import { Outage } from '../../functions/ports.ts';
import { rotateKeysRoute, tokenRoute, whoamiRoute } from '../../functions/routes.ts';
import { httpEvent, REALM, tokenEvent } from '../support/builders.ts';
import { lambdaContext, type Observed, observe } from './observed.ts';

let observed: Observed;
beforeEach(() => {
  observed = observe();
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('POST /token', () => {
  const ANSWER = { access_token: 'secret-token', token_type: 'Bearer', expires_in: 60, scope: 'read' } as const;
  const LIMITS = [{ name: 'day', limit: 9, windowSeconds: 86_400, remaining: 8, resetSeconds: 5 }] as const;
  const GRANTED = accept({ answer: ANSWER, limits: LIMITS });
  const route = (issue: IssueToken) => tokenRoute(observed.seen, { issue, defaultRealm: REALM });

  it('answers with what was decided, and leaves one record and one count', async () => {
    const seen: [string, RawTokenRequest, string][] = [];
    const answer = await route(async (...args) => {
      seen.push(args);
      return { result: GRANTED, facts: { client: 'crm', scopes: ['read'] } };
    })(tokenEvent('a=b'), lambdaContext());
    expect([answer.statusCode, JSON.parse(answer.body ?? '')]).toEqual([200, ANSWER]);
    expect(answer.headers).toMatchObject({ ratelimit: '"day";r=8;t=5' });
    expect(seen).toEqual([[REALM, { parameters: [['a', 'b']], queryParameters: [] }, 'request-1']]);
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

  it('is of the realm that the path names', async () => {
    const asked: string[] = [];
    const refused: IssueToken = async (realm) => {
      asked.push(realm);
      return { result: refuse({ reason: 'client_unknown', clientId: 'x' }), facts: { realm } };
    };
    for (const realm of ['acme', 'alias.example', REALM]) {
      await route(refused)({ ...tokenEvent(''), pathParameters: { realm } }, lambdaContext());
    }
    expect(asked).toEqual(['acme', 'alias.example', REALM]);
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
    realm: REALM,
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
