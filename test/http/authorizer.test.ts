import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { accept, refuse } from '../../functions/core/errors.ts';
import { buildClaims } from '../../functions/core/token.ts';
import { authorizer } from '../../functions/http/authorizer.ts';
import { Outage } from '../../functions/ports.ts';
import { AUDIENCE, CLIENT, httpEvent, ISSUER, NOW } from '../support/builders.ts';
import { lambdaContext, type Observed, observe } from './observed.ts';

let observed: Observed;
beforeEach(() => {
  observed = observe();
});
afterEach(() => {
  vi.restoreAllMocks();
});

const CLAIMS = buildClaims(
  { issuer: ISSUER, client: CLIENT, audience: AUDIENCE, scopes: ['read'], seconds: 60, claims: { tenant: 'acme' } },
  'token-1',
  NOW,
);

/** An event of a Lambda authorizer, payload format 2.0. */
const event = (headers?: Record<string, string>): APIGatewayRequestAuthorizerEventV2 => ({
  version: '2.0',
  type: 'REQUEST',
  routeArn: 'arn:aws:execute-api:eu-central-1:111122223333:api/$default/GET/whoami',
  identitySource: [],
  routeKey: 'GET /whoami',
  rawPath: '/whoami',
  rawQueryString: '',
  cookies: [],
  requestContext: httpEvent('GET', '/whoami').requestContext,
  ...(headers === undefined ? {} : { headers }),
});

describe('the authorizer', () => {
  it('lets a good token in, and hands its claims on', async () => {
    const tokens: unknown[] = [];
    const check = async (token: string | undefined) => {
      tokens.push(token);
      return { result: accept(CLAIMS), facts: { client: CLIENT } };
    };
    const answer = await authorizer(observed.seen, check)(event({ authorization: 'Bearer a.b.c' }), lambdaContext());
    expect([answer, tokens]).toEqual([{ isAuthorized: true, context: CLAIMS }, ['a.b.c']]);
    expect(observed.lines()).toMatchObject([
      { level: 'INFO', audit: { action: 'check-token', decision: 'granted', requestId: 'request-1' } },
    ]);
    expect(observed.metrics()).toMatchObject({ TokensAccepted: 1 });
    expect(observed.text()).not.toContain('a.b.c');
  });

  it.each([undefined, {}, { authorization: 'Basic eA==' }, { authorization: 'Bearer a b' }])(
    'keeps a request with the headers %j out as one without token',
    async (headers) => {
      const tokens: unknown[] = [];
      const check = async (token: string | undefined) => {
        tokens.push(token);
        return { result: refuse({ reason: 'token_missing' } as const), facts: {} };
      };
      expect([await authorizer(observed.seen, check)(event(headers), lambdaContext()), tokens]).toEqual([
        { isAuthorized: false },
        [undefined],
      ]);
      expect(observed.metrics()).toMatchObject({ TokensRejected: 1 });
    },
  );

  it('throws an outage, and never takes it for a yes or a no', async () => {
    const outage = new Outage('dynamodb:Query', new Error('down'));
    await expect(authorizer(observed.seen, () => Promise.reject(outage))(event(), lambdaContext())).rejects.toBe(
      outage,
    );
    expect(observed.lines()).toMatchObject([{ message: 'outage', requestId: 'request-1' }]);
  });

  it('throws a fault without its message, which the runtime would log', async () => {
    const failing = authorizer(observed.seen, () => Promise.reject(new Error('secret-7f3a')));
    const thrown: unknown = await failing(event(), lambdaContext()).catch((error: unknown) => error);
    expect([thrown, (thrown as Error).cause, observed.text().includes('secret-7f3a')]).toEqual([
      new Error('Error: see the fault of this request in the log'),
      undefined,
      false,
    ]);
  });
});
