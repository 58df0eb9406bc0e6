/**
 * A running service for tests: the synthesized assembly on free ports, and what an operator and a partner do with it over HTTP.
 */

import { randomUUID } from 'node:crypto';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { inject } from 'vitest';
import type { AwsCallRecord } from '../../local/aws-endpoint.ts';
import { type Deployment, type DeploymentOptions, startDeployment } from '../../local/deployment.ts';

export interface Service extends AsyncDisposable {
  readonly deployment: Deployment;
  readonly issuer: string;
  /** Every AWS call of the functions since the start. */
  readonly calls: AwsCallRecord[];
  /** Every line the functions logged. */
  readonly logs: string[];
}

export const startService = async (options: Partial<DeploymentOptions> = {}): Promise<Service> => {
  const calls: AwsCallRecord[] = [];
  const logs: string[] = [];
  const deployment = await startDeployment({
    assembly: inject('assembly'),
    observeCall: (call) => calls.push(call),
    observeLog: (_name, line) => logs.push(line),
    ...options,
  });
  const issuer = deployment.outputs.Issuer ?? deployment.url.origin;
  return { deployment, issuer, calls, logs, [Symbol.asyncDispose]: () => deployment.close() };
};

export interface AdminAnswer {
  readonly status: number;
  /** Empty where there is none. */
  readonly body: Record<string, unknown>;
}

/** A signed call of the admin API, below the default realm. */
export const administer = (service: Service, method: string, path: string, body?: object): Promise<AdminAnswer> =>
  callAdmin(service, method, `/admin/realms/default${path}`, body);

/** A signed call of the admin API. */
export const callAdmin = async (
  { deployment: { url, operator } }: Service,
  method: string,
  path: string,
  body?: object,
): Promise<AdminAnswer> => {
  const target = new URL(path, url);
  const signer = new SignatureV4({
    service: 'execute-api',
    region: operator.region,
    credentials: operator,
    sha256: Sha256,
  });
  const text = body === undefined ? undefined : JSON.stringify(body);
  const signed = await signer.sign({
    method,
    protocol: target.protocol,
    hostname: target.hostname,
    path: target.pathname,
    query: Object.fromEntries(target.searchParams),
    headers: { host: target.host, ...(text === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(text === undefined ? {} : { body: text }),
  });
  const answer = await fetch(target, {
    method,
    headers: signed.headers,
    ...(text === undefined ? {} : { body: text }),
  });
  const answered = await answer.text();
  return { status: answer.status, body: answered === '' ? {} : (JSON.parse(answered) as Record<string, unknown>) };
};

/** Changes members of a partner as it is now. */
export const changePartner = async (service: Service, id: string, change: object): Promise<AdminAnswer> => {
  const { version } = (await administer(service, 'GET', `/partners/${id}`)).body;
  return administer(service, 'PATCH', `/partners/${id}`, { version, ...change });
};

export interface TestPartner {
  readonly id: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export const makePartner = async (id: string, alg = 'ES256'): Promise<TestPartner> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { id, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid: `${id}-key`, alg, use: 'sig' } };
};

export interface World {
  readonly client: TestPartner;
  readonly owner: TestPartner;
  readonly audience: string;
}

/** Two partners, the audience that the `/whoami` route accepts, and a grant of one to the other. */
export const populate = async (service: Service, algorithm?: string): Promise<World> => {
  const [client, owner] = await Promise.all([makePartner('crm'), makePartner('billing')]);
  const audience = `${service.issuer}/whoami`;
  for (const partner of [client, owner]) {
    await mustCreate(service, '/partners', { id: partner.id, jwks: { keys: [partner.publicJwk] } });
  }
  const chosen = algorithm === undefined ? {} : { tokenPolicy: { algorithm } };
  await mustCreate(service, '/audiences', { audience, owner: owner.id, scopes: ['read', 'write'], ...chosen });
  await mustCreate(service, '/grants', { client: client.id, audience, scopes: ['read'] });
  return { client, owner, audience };
};

export const mustCreate = async (service: Service, path: string, body: object): Promise<Record<string, unknown>> => {
  const answer = await administer(service, 'POST', path, body);
  if (answer.status !== 201) throw new Error(`POST ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
};

export interface AssertionChanges {
  readonly header?: object;
  readonly claims?: object;
}

/** A client assertion as RFC 7523 wants it, with the changes a test makes. */
export const assertionOf = (
  partner: TestPartner,
  issuer: string,
  { header, claims }: AssertionChanges = {},
): Promise<string> => {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT({
    iss: partner.id,
    sub: partner.id,
    aud: issuer,
    jti: randomUUID(),
    iat: now,
    exp: now + 60,
    ...claims,
  })
    .setProtectedHeader({ alg: partner.alg, kid: `${partner.id}-key`, ...header })
    .sign(partner.privateKey);
};

export const tokenForm = (assertion: string, more: Readonly<Record<string, string>> = {}): URLSearchParams =>
  new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
    ...more,
  });

export interface TokenResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export const postToken = async (service: Service, form: URLSearchParams | string): Promise<TokenResponse> => {
  const answer = await fetch(new URL('/token', service.deployment.url), {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
};

/** A token as an ordinary client gets it. */
export const getToken = async (service: Service, { client, audience }: World): Promise<string> => {
  const form = tokenForm(await assertionOf(client, service.issuer), { resource: audience });
  const { status, body } = await postToken(service, form);
  if (status !== 200) throw new Error(`POST /token answered ${status} ${JSON.stringify(body)}`);
  return String(body.access_token);
};
