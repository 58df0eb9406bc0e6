/**
 * Authorizers for APIs of other stacks, as deployed: each function from its bundle, in its environment, under its role, asked with
 * the events of the three kinds of API Gateway. The APIs themselves run in AWS only; the HTTP API of the service is tested elsewhere.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration, Stack } from 'aws-cdk-lib';
import * as rest from 'aws-cdk-lib/aws-apigateway';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import cdkJson from '../../cdk.json' with { type: 'json' };
import type { AwsCall, Interception } from '../../local/aws-endpoint.ts';
import { AwsError } from '../../local/service.ts';
import { deploy } from '../infra/deployment.ts';
import { keyPair } from '../support/builders.ts';
import { freshProof, tokenHash } from '../support/dpop.ts';
import { boundToken } from '../support/dpop-service.ts';
import { REST_HOST, requestEvent, STAGE, tokenEvent } from '../support/rest-events.ts';
import {
  assertionOf,
  callAdmin,
  getToken,
  mustCreate,
  populate,
  type Service,
  startService,
  tokenForm,
  type World,
} from '../support/service.ts';

const BILLING = 'https://billing.example.com';
const SHORT = 'https://short.example.com';

let directory: string;
let service: Service;
let world: World;
let token: string;
let isDown = false;
const intercept = ({ service: name }: AwsCall): Interception =>
  isDown && name === 'dynamodb' ? new AwsError('InternalServerError', 'test failure', { status: 500 }) : 'pass';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-test-'));
  const app = new App({
    context: cdkJson.context,
    outdir: join(directory, 'cdk.out'),
    builtinCloudFormationValidation: false,
  });
  const { service: tokens } = deploy({}, app);
  const reading = tokens.authorizer({ id: 'Read', audience: BILLING, scopes: ['read'] });
  tokens.authorizer({ id: 'Write', audience: BILLING, scopes: ['read', 'write'] });
  tokens.authorizer({ id: 'Contoso', audience: BILLING, realm: 'contoso' });
  tokens.authorizer({ id: 'Kept', audience: BILLING, resultsCacheTtl: Duration.minutes(5) });
  tokens.authorizer({ id: 'KeptTooLong', audience: SHORT, resultsCacheTtl: Duration.minutes(5) });
  tokens.authorizer({ id: 'Short', audience: SHORT });
  tokens.authorizer({ id: 'Cold', audience: BILLING });
  tokens.authorizer({ id: 'Door', audience: BILLING, resourceUrl: 'https://door.example.com' });
  const api = new rest.RestApi(new Stack(app, 'Billing'), 'Api', { cloudWatchRole: false });
  const authorizer = reading.forRestApi({ type: 'request', scope: api });
  api.root.addMethod('GET', new rest.MockIntegration(), { authorizer });
  app.synth();
  service = await startService({
    assembly: join(directory, 'cdk.out'),
    stack: 'Countersign',
    interceptCall: intercept,
  });
  const made = await populate(service);
  await mustCreate(service, '/audiences', { audience: BILLING, owner: 'billing', scopes: ['read', 'write'] });
  await mustCreate(service, '/grants', { client: 'crm', audience: BILLING, scopes: ['read'] });
  world = { ...made, audience: BILLING };
  token = await getToken(service, world);
}, 120_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** An answer, or the message of the error that API Gateway goes by. */
const ask = async (id: string, event: object): Promise<unknown> => {
  const result = await service.deployment.invoke(`Authorizers${id}Authorizer`, JSON.parse(JSON.stringify(event)));
  return result.ok ? JSON.parse(result.payload) : result.error.errorMessage;
};

const bearer = (jws: string) => `Bearer ${jws}`;
const shown = (authorization: string, headers = {}) =>
  requestEvent({ headers: { Authorization: authorization, ...headers } });
const httpEvent = (authorization: string) => ({
  ...{ version: '2.0', type: 'REQUEST', routeArn: 'arn', identitySource: [], routeKey: 'GET /', rawPath: '/' },
  ...{ rawQueryString: '', cookies: [], headers: { authorization } },
  requestContext: { domainName: REST_HOST, requestId: 'request-1', http: { method: 'GET', path: '/' } },
});

/** What each kind of API makes of a token: let in, 401, 403 or 500. */
const outcomes = async (id: string, jws: string): Promise<readonly unknown[]> => {
  const answers = [
    await ask(id, httpEvent(bearer(jws))),
    await ask(id, tokenEvent(bearer(jws))),
    await ask(id, shown(bearer(jws))),
  ];
  return answers.map((answer) => {
    if (typeof answer === 'string') return answer === 'Unauthorized' ? 401 : 500;
    const { isAuthorized, policyDocument } = answer as {
      isAuthorized?: boolean;
      policyDocument?: { Statement: { Effect: string; Resource: string }[] };
    };
    const [statement] = policyDocument?.Statement ?? [];
    if (statement !== undefined) expect(statement.Resource).toBe(STAGE);
    return isAuthorized === true || statement?.Effect === 'Allow' ? 'in' : 403;
  });
};

/** By an HTTP API, and by a REST API of the types TOKEN and REQUEST. */
describe('a token', () => {
  it('for the audience, with the scope, is let in everywhere', async () => {
    expect(await outcomes('Read', token)).toEqual(['in', 'in', 'in']);
  });

  it('brings its claims along', async () => {
    const claims = { client_id: 'crm', aud: BILLING, scope: 'read' };
    expect(await ask('Read', httpEvent(bearer(token)))).toMatchObject({ context: claims });
    expect(await ask('Read', tokenEvent(bearer(token)))).toMatchObject({ principalId: 'crm', context: claims });
  });

  it('without a scope that is asked for is known and kept out', async () => {
    expect(await outcomes('Write', token)).toEqual([403, 403, 403]);
  });

  it('for another audience, tampered with or none at all is nobody', async () => {
    const other = await getToken(service, { ...world, audience: `${service.issuer}/whoami` });
    const [head = '', body = '', signature = ''] = token.split('.');
    const tampered = `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    for (const bad of [other, tampered, 'x']) expect(await outcomes('Read', bad)).toEqual([403, 401, 401]);
  });

  it('of another realm is nobody, and at home in its own', async () => {
    await callAdmin(service, 'POST', '/admin/realms', { name: 'contoso' });
    const at = (path: string, body: object) => callAdmin(service, 'POST', `/admin/realms/contoso${path}`, body);
    await at('/keys', { algorithm: 'RS256' });
    await at('/partners', { id: 'crm', jwks: { keys: [world.client.publicJwk] } });
    await at('/audiences', { audience: BILLING, owner: 'crm', scopes: ['read'] });
    await at('/grants', { client: 'crm', audience: BILLING, scopes: ['read'] });
    const issuer = `${service.issuer}/realms/contoso`;
    const answer = await fetch(`${service.deployment.url.origin}/realms/contoso/token`, {
      method: 'POST',
      body: tokenForm(await assertionOf(world.client, issuer), { resource: BILLING }),
    });
    const { access_token: foreign } = (await answer.json()) as { access_token: string };
    expect([answer.status, await outcomes('Contoso', foreign)]).toEqual([200, ['in', 'in', 'in']]);
    expect(await outcomes('Read', foreign)).toEqual([403, 401, 401]);
    expect(await outcomes('Contoso', token)).toEqual([403, 401, 401]);
  });
});

describe('a token that is bound to a DPoP key', () => {
  const prove = async (htu: string) => {
    const pair = await keyPair('ES256', 'authorizers');
    const jws = await boundToken(service, world, pair);
    return { jws, headers: { DPoP: freshProof(pair, { htu, ath: tokenHash(jws) }) } };
  };
  const OWN = `https://${REST_HOST}/prod/invoices/7`;

  it('is let in with a proof for this API, once, where proofs can be told', async () => {
    const { jws, headers } = await prove(OWN);
    expect(await ask('Read', shown(`DPoP ${jws}`, headers))).toMatchObject({ principalId: 'crm' });
    expect(await ask('Read', shown(`DPoP ${jws}`, headers))).toBe('Unauthorized');
    expect(await ask('Read', tokenEvent(`DPoP ${jws}`))).toBe('Unauthorized');
  });

  it('is not let in as a bearer token, with a proof for the token service, or where decisions are kept', async () => {
    const [own, elsewhere] = [await prove(OWN), await prove(`${service.issuer}/prod/invoices/7`)];
    expect(await ask('Read', shown(bearer(own.jws), own.headers))).toBe('Unauthorized');
    expect(await ask('Read', shown(`DPoP ${elsewhere.jws}`, elsewhere.headers))).toBe('Unauthorized');
    expect(await ask('Kept', shown(`DPoP ${own.jws}`, own.headers))).toBe('Unauthorized');
  });

  it('is let in with a proof for the other door of the API, where that is known', async () => {
    const { jws, headers } = await prove('https://door.example.com/prod/invoices/7');
    expect(await ask('Read', shown(`DPoP ${jws}`, headers))).toBe('Unauthorized');
    expect(await ask('Door', shown(`DPoP ${jws}`, headers))).toMatchObject({ principalId: 'crm' });
  });
});

describe('a decision that API Gateway keeps for five minutes', () => {
  it('is made about a token that lives for longer', async () => {
    expect(await outcomes('Kept', token)).toEqual(['in', 'in', 'in']);
  });

  it('is not made about one that ends before', async () => {
    const tokenPolicy = { accessTokenSeconds: 300 };
    await mustCreate(service, '/audiences', { audience: SHORT, owner: 'billing', scopes: ['read'], tokenPolicy });
    await mustCreate(service, '/grants', { client: 'crm', audience: SHORT, scopes: ['read'] });
    const ending = await getToken(service, { ...world, audience: SHORT });
    expect(await outcomes('Short', ending)).toEqual(['in', 'in', 'in']);
    expect(await outcomes('KeptTooLong', ending)).toEqual([403, 401, 401]);
  });
});

describe('an outage', () => {
  it('is a 500 of every kind of API, never a yes and never a no', async () => {
    isDown = true;
    try {
      expect(await outcomes('Cold', token)).toEqual([500, 500, 500]);
    } finally {
      isDown = false;
    }
    expect(await outcomes('Cold', token)).toEqual(['in', 'in', 'in']);
  });
});
