import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { accept, refuse } from '../../functions/core/errors.ts';
import type { ResourceRequest } from '../../functions/core/resource-request.ts';
import { itself } from '../../functions/core/subject.ts';
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
  {
    ...{ issuer: ISSUER, client: CLIENT, subject: itself(CLIENT), audience: AUDIENCE, scopes: ['read'] },
    ...{ seconds: 60, claims: { tenant: 'acme' } },
  },
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

/** What the check is asked about that event, when it shows no token. */
const REQUEST: ResourceRequest = { method: 'GET', host: 'sts.example.com', path: '/whoami', requestId: 'request-1' };

/** A connection whose client has shown this certificate. */
const withCertificate = (
  shown: APIGatewayRequestAuthorizerEventV2,
  clientCertPem: string,
): APIGatewayRequestAuthorizerEventV2 => {
  const clientCert = {
    ...{ clientCertPem, serialNumber: '01', subjectDN: 'CN=crm', issuerDN: 'CN=authority' },
    validity: { notBefore: '', notAfter: '' },
  };
  return { ...shown, requestContext: { ...shown.requestContext, authentication: { clientCert } } };
};

describe('the proofs of possession that the check is told of', () => {
  const askedOf = async (shown: APIGatewayRequestAuthorizerEventV2): Promise<ResourceRequest | undefined> => {
    const asked: ResourceRequest[] = [];
    await authorizer(observed.seen, async (request) => {
      asked.push(request);
      return { result: accept(CLAIMS), facts: { boundBy: ['dpop'] } };
    })(shown, lambdaContext());
    return asked[0];
  };

  it('are the DPoP header, as it is, and how the token was presented', async () => {
    expect(await askedOf(event({ authorization: 'DPoP a.b.c', dpop: 'd.e.f,g.h.i' }))).toEqual({
      ...REQUEST,
      token: { scheme: 'dpop', jws: 'a.b.c' },
      proof: 'd.e.f,g.h.i',
    });
    expect(observed.lines()).toMatchObject([{ audit: { decision: 'granted', facts: { boundBy: ['dpop'] } } }]);
    expect(observed.text()).not.toContain('d.e.f');
  });

  it('are the certificate of the TLS handshake', async () => {
    expect(await askedOf(withCertificate(event(), 'the-pem'))).toEqual({ ...REQUEST, clientCertificate: 'the-pem' });
  });

  it('are no header that names a certificate, which anybody can send', async () => {
    const headers = Object.fromEntries(
      ['x-client-cert', 'x-amzn-mtls-clientcert', 'x-forwarded-client-cert', 'ssl-client-cert', 'client-cert'].map(
        (name) => [name, 'the-pem'],
      ),
    );
    expect(await askedOf(event(headers))).toEqual(REQUEST);
  });
});

describe('the authorizer', () => {
  it('lets a good token in, and hands its claims on', async () => {
    const asked: ResourceRequest[] = [];
    const check = async (request: ResourceRequest) => {
      asked.push(request);
      return { result: accept(CLAIMS), facts: { client: CLIENT } };
    };
    const answer = await authorizer(observed.seen, check)(event({ authorization: 'Bearer a.b.c' }), lambdaContext());
    expect(answer).toEqual({ isAuthorized: true, context: CLAIMS });
    expect(asked).toEqual([{ ...REQUEST, token: { scheme: 'bearer', jws: 'a.b.c' } }]);
    expect(observed.lines()).toMatchObject([
      { level: 'INFO', audit: { action: 'check-token', decision: 'granted', requestId: 'request-1' } },
    ]);
    expect(observed.metrics()).toMatchObject({ TokensAccepted: 1 });
    expect(observed.text()).not.toContain('a.b.c');
  });

  it.each([undefined, {}, { authorization: 'Basic eA==' }, { authorization: 'Bearer a b' }])(
    'keeps a request with the headers %j out as one without token',
    async (headers) => {
      const asked: ResourceRequest[] = [];
      const check = async (request: ResourceRequest) => {
        asked.push(request);
        return { result: refuse({ reason: 'token_missing' } as const), facts: {} };
      };
      expect([await authorizer(observed.seen, check)(event(headers), lambdaContext()), asked]).toEqual([
        { isAuthorized: false },
        [REQUEST],
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
