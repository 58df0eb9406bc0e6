/**
 * A running service for tests: the synthesized assembly on free ports, and what an operator and a partner do with it over HTTP.
 */

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { inject } from 'vitest';
import type { AwsCallRecord } from '../../local/aws-endpoint.ts';
import { type Deployment, type DeploymentOptions, startDeployment } from '../../local/deployment.ts';
import { synthesizeApp } from './assembly.ts';

export interface Service extends AsyncDisposable {
  readonly deployment: Deployment;
  readonly issuer: string;
  /** Every AWS call of the functions since the start. */
  readonly calls: AwsCallRecord[];
  /** Every line the functions logged. */
  readonly logs: string[];
}

/** One that also listens where callers have to show TLS client certificates. */
export interface MutualTlsService extends Service {
  readonly mutualTlsUrl: string;
  /** PEM of the authority of the certificate that it answers with there. */
  readonly serverCa: string;
}

export interface MutualTlsServiceOptions extends Omit<Partial<DeploymentOptions>, 'mutualTls'> {
  /** PEM: the certificates that callers may show, and the authorities of those. */
  readonly mutualTls: { readonly truststore: string };
}

export function startService(options: MutualTlsServiceOptions): Promise<MutualTlsService>;
export function startService(options?: Partial<DeploymentOptions>): Promise<Service>;
export async function startService(
  options: Partial<DeploymentOptions> | MutualTlsServiceOptions = {},
): Promise<Service> {
  const { mutualTls, ...others } = options;
  return mutualTls === undefined ? start(others) : startMutually(mutualTls.truststore, others);
}

/** The app is synthesized anew, since the one that all tests share has no domain. */
const startMutually = async (truststore: string, options: Partial<DeploymentOptions>): Promise<MutualTlsService> => {
  const { certify, root } = await import('./tls-server.ts');
  await using cleanup = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'countersign-test-'));
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const assembly = options.assembly ?? join(directory, 'cdk.out');
  if (options.assembly === undefined) await synthesizeApp(assembly, MUTUAL_TLS_DOMAIN);
  const service = await start({
    ...options,
    assembly,
    mutualTls: { ...(await certify(['127.0.0.1'])), truststore },
  });
  cleanup.use(service);
  const { mutualTlsUrl } = service.deployment;
  if (mutualTlsUrl === undefined) throw new Error('the deployment has no listener for mutual TLS');
  const running = cleanup.move();
  return {
    ...service,
    mutualTlsUrl: mutualTlsUrl.origin,
    serverCa: root.pem,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};

/** Settings of a deployment with a domain for mutual TLS; nothing of it is looked up here. */
export const MUTUAL_TLS_DOMAIN = {
  mutualTlsDomain: 'mtls.example.com',
  mutualTlsCertificateArn: 'arn:aws:acm:us-east-1:111122223333:certificate/00000000-0000-0000-0000-000000000000',
  mutualTlsTruststore: 's3://trust/truststore.pem',
};

const start = async (options: Partial<DeploymentOptions>): Promise<Service> => {
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
