/**
 * Events as API Gateway hands them to the functions (HTTP API, payload 2.0), as JSON text.
 */

import { randomUUID } from 'node:crypto';
import { authorizerEvent, type EventContext, integrationEvent } from '../local/http-api/event.ts';
import type { GatewayRequest } from '../local/http-api/request.ts';
import type { JsonObject } from '../local/service.ts';

interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

const requestOf = ({ method, path, headers, body = '' }: Call): GatewayRequest => ({
  method,
  path,
  target: path,
  rawQuery: '',
  protocol: 'HTTP/1.1',
  headers: { host: 'tokens.example.com', 'user-agent': 'bench/1.0', accept: 'application/json', ...headers },
  body: Buffer.from(body),
  sourceIp: '192.0.2.1',
  clientCertificate: undefined,
});

const contextOf = ({ method, path }: Call, more: Partial<EventContext> = {}): EventContext => ({
  account: '111122223333',
  apiId: 'a1b2c3d4e5',
  stage: '$default',
  routeKey: `${method} ${path}`,
  requestId: randomUUID(),
  pathParameters: {},
  now: Date.now(),
  scheme: 'https',
  port: 443,
  ...more,
});

/** `POST /token` with a client assertion. */
export function tokenEvent(assertion: string, audience: string): string {
  const call: Call = {
    method: 'POST',
    path: '/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: tokenForm(assertion, audience),
  };
  return JSON.stringify(integrationEvent(requestOf(call), contextOf(call)));
}

/** The form of a token request: client_credentials with private_key_jwt (RFC 7523) and one resource (RFC 8707). */
export const tokenForm = (assertion: string, audience: string): string =>
  new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
    resource: audience,
    scope: 'read',
  }).toString();

/** What the authorizer of `GET /whoami` is asked. */
export function authorizerQuestion(token: string): string {
  const authorization = `Bearer ${token}`;
  const call: Call = { method: 'GET', path: '/whoami', headers: { authorization } };
  const route = 'arn:aws:execute-api:us-east-1:111122223333:a1b2c3d4e5/$default/GET/whoami';
  return JSON.stringify(authorizerEvent(requestOf(call), contextOf(call), route, [authorization]));
}

/** A call of the admin API that API Gateway has authorized. */
export function adminEvent(path: string, body: object): JsonObject {
  const full = `/admin/realms/default${path}`;
  const headers = { 'content-type': 'application/json' };
  const call: Call = { method: 'POST', path: full, headers, body: JSON.stringify(body) };
  const authorizer = { iam: { userArn: 'arn:aws:sts::111122223333:assumed-role/bench/bench' } };
  const context = contextOf(call, { routeKey: 'POST /admin/{proxy+}', pathParameters: { proxy: full }, authorizer });
  return integrationEvent(requestOf(call), context);
}

/** `GET /jwks` */
export function jwksEvent(): JsonObject {
  const call: Call = { method: 'GET', path: '/jwks', headers: {} };
  return integrationEvent(requestOf(call), contextOf(call));
}
