import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Decided } from '../../functions/core/audit.ts';
import { accept, type Refusal, refuse } from '../../functions/core/errors.ts';
import type { ResourceRequest } from '../../functions/core/resource-request.ts';
import type { AccessTokenClaims } from '../../functions/core/token.ts';
import { type AuthorizerEvent, authorizer } from '../../functions/http/authorizer.ts';
import { Outage } from '../../functions/ports.ts';
import { AUDIENCE, CLIENT, ISSUER, NOW } from '../support/builders.ts';
import { METHOD_ARN, REST_HOST, requestEvent, STAGE, tokenEvent } from '../support/rest-events.ts';
import { lambdaContext, type Observed, observe } from './observed.ts';

let observed: Observed;
beforeEach(() => {
  observed = observe();
});
afterEach(() => {
  vi.restoreAllMocks();
});

const CLAIMS: AccessTokenClaims = {
  ...{ iss: ISSUER, aud: AUDIENCE, sub: 'ann', client_id: CLIENT, iat: NOW, exp: NOW + 60, jti: 'token-1' },
  ...{ scope: 'read', act: { sub: CLIENT }, cnf: { jkt: 'thumbprint' } },
};

const decide = (decided: Decided<AccessTokenClaims>) => {
  const asked: ResourceRequest[] = [];
  const handler = authorizer(observed.seen, async (request) => {
    asked.push(request);
    return decided;
  });
  return { asked, answer: async (event: AuthorizerEvent) => handler(event, lambdaContext()) };
};

const good = (claims: object = {}) => decide({ result: accept({ ...CLAIMS, ...claims }), facts: { client: CLIENT } });
const refused = (refusal: Refusal) => decide({ result: refuse(refusal), facts: { client: CLIENT } });

const policy = (effect: string) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: effect, Action: 'execute-api:Invoke', Resource: STAGE }],
});

const EVENTS = [
  ['TOKEN', tokenEvent('Bearer a.b.c')],
  ['REQUEST', requestEvent({ headers: { Authorization: 'Bearer a.b.c' } })],
] as const;

describe.each(EVENTS)('an authorizer of the type %s', (_type, event) => {
  it('lets a good token in to the whole stage, as its client', async () => {
    expect(await good().answer(event)).toMatchObject({ principalId: CLIENT, policyDocument: policy('Allow') });
    expect(observed.metrics()).toMatchObject({ TokensAccepted: 1 });
    expect(observed.text()).not.toContain('a.b.c');
  });

  it('hands the claims on, as REST APIs can take them: no objects, lists or nulls', async () => {
    const custom = { tenant: 'acme', paid: true, level: 3, tags: ['a', 'b'], manager: null };
    expect(await good(custom).answer(event)).toMatchObject({
      context: {
        ...{ iss: ISSUER, aud: AUDIENCE, sub: 'ann', client_id: CLIENT, jti: 'token-1', scope: 'read' },
        ...{ iat: NOW, exp: NOW + 60, tenant: 'acme', paid: true, level: 3 },
        ...{ act: `{"sub":"${CLIENT}"}`, cnf: '{"jkt":"thumbprint"}', tags: '["a","b"]', manager: 'null' },
      },
    });
  });

  it('lets no claim pass for what API Gateway says itself', async () => {
    const answer = await good({ principalId: 'root', integrationLatency: 1 }).answer(event);
    expect(answer).toMatchObject({ principalId: CLIENT });
    expect(answer).not.toHaveProperty('context.principalId');
    expect(answer).not.toHaveProperty('context.integrationLatency');
  });

  it.each<Refusal>([
    { reason: 'token_missing' },
    { reason: 'token_signature' },
    { reason: 'token_expired', expiresAt: NOW, now: NOW },
    { reason: 'token_revoked', tokenId: 'token-1' },
    { reason: 'token_binding', binding: 'dpop' },
    { reason: 'dpop_replayed' },
    { reason: 'client_disabled', clientId: CLIENT },
    { reason: 'scope_not_granted', asked: ['read'], granted: [] },
  ])('throws exactly Unauthorized for $reason: a 401, on record as a refusal and as no fault', async (refusal) => {
    const thrown: unknown = await refused(refusal)
      .answer(event)
      .catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(Error);
    expect([(thrown as Error).message, (thrown as Error).cause]).toEqual(['Unauthorized', undefined]);
    expect(observed.lines()).toMatchObject([{ audit: { decision: 'refused', refusal: { reason: refusal.reason } } }]);
    expect(observed.metrics()).toMatchObject({ TokensRejected: 1 });
    expect(observed.metrics()).not.toHaveProperty('Faults');
  });

  it('denies a good token that lacks a scope: a 403', async () => {
    const answer = await refused({ reason: 'scope_missing', required: ['write'], granted: ['read'] }).answer(event);
    expect(answer).toEqual({ principalId: CLIENT, policyDocument: policy('Deny') });
  });

  it('throws an outage as it is: a 500, neither yes nor no', async () => {
    const outage = new Outage('dynamodb:Query', new Error('down'));
    const handler = authorizer(observed.seen, () => Promise.reject(outage));
    await expect(handler(event, lambdaContext())).rejects.toBe(outage);
    expect(observed.metrics()).toMatchObject({ Outages: 1 });
  });

  it('throws a fault without its message, even one that says Unauthorized', async () => {
    const handler = authorizer(observed.seen, () => Promise.reject(new Error('Unauthorized')));
    await expect(handler(event, lambdaContext())).rejects.toThrow('see the fault of this request in the log');
    expect(observed.metrics()).toMatchObject({ Faults: 1 });
  });
});

describe('what is asked about an event', () => {
  const askedOf = async (event: AuthorizerEvent): Promise<ResourceRequest | undefined> => {
    const { asked, answer } = good();
    await answer(event);
    return asked[0];
  };
  const PLACE = { method: 'GET', host: REST_HOST, path: '/prod/invoices/7', requestId: lambdaContext().awsRequestId };

  it('of the type REQUEST are token, proof, certificate and the address that the caller used', async () => {
    const headers = { Authorization: 'DPoP a.b.c', DPoP: 'd.e.f' };
    expect(await askedOf(requestEvent({ headers, certificate: 'the-pem' }))).toEqual({
      ...PLACE,
      token: { scheme: 'dpop', jws: 'a.b.c' },
      proof: 'd.e.f',
      clientCertificate: 'the-pem',
    });
  });

  it('is known by the id of the invocation, since callers choose the one of the event', async () => {
    const event = requestEvent();
    const chosen = { ...event, requestContext: { ...event.requestContext, requestId: 'chosen' } };
    expect(await askedOf(chosen)).toMatchObject({ requestId: lambdaContext().awsRequestId });
    expect(observed.text()).not.toContain('chosen');
  });

  it.each(['authorization', 'Authorization', 'AUTHORIZATION'])(
    'takes the header %s, whatever its case',
    async (name) => {
      expect(await askedOf(requestEvent({ headers: { [name]: 'Bearer a.b.c' } }))).toEqual({
        ...PLACE,
        token: { scheme: 'bearer', jws: 'a.b.c' },
      });
    },
  );

  it.each([
    [{ Authorization: ['Bearer a.b.c', 'Bearer d.e.f'] }],
    [{ Authorization: 'Bearer a.b.c', authorization: 'Bearer d.e.f' }],
    [{ Authorization: 'Basic eA==' }],
    [{}],
  ])('of %j is one without token', async (headers) => {
    expect(await askedOf(requestEvent({ headers }))).toEqual(PLACE);
  });

  it('has all values of a repeated proof, which then is none', async () => {
    const headers = { Authorization: 'DPoP a.b.c', DPoP: ['d.e.f', 'g.h.i'] };
    expect(await askedOf(requestEvent({ headers }))).toMatchObject({ proof: 'd.e.f,g.h.i' });
  });

  it('takes a certificate from the handshake alone', async () => {
    expect(await askedOf(requestEvent({ headers: { 'X-Client-Cert': 'the-pem' } }))).toEqual(PLACE);
  });

  it.each([
    ['/prod/a%20b', '/prod/a b'],
    ['/prod/100%', '/prod/100%'],
    ['/prod/a b', '/prod/a b'],
  ])('has the path %j as %j', async (path, decoded) => {
    expect(await askedOf(requestEvent({ path }))).toMatchObject({ path: decoded });
  });

  it('of the type TOKEN is the token alone: no proof and no host to prove it for', async () => {
    expect(await askedOf(tokenEvent('DPoP a.b.c'))).toEqual({
      ...{ method: 'GET', host: '', path: '/prod/invoices/7', requestId: lambdaContext().awsRequestId },
      token: { scheme: 'dpop', jws: 'a.b.c' },
    });
  });

  it('is answered for the stage, whatever the path does to the ARN', async () => {
    const wild = METHOD_ARN.replace('invoices/7', 'x/*/\u0024{aws:username}/../../other');
    expect(await good().answer(tokenEvent('Bearer a.b.c', wild))).toMatchObject({ policyDocument: policy('Allow') });
  });
});
