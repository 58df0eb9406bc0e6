/** What a client with a DPoP key does with a running service, over HTTP and by hand. */

import { type IncomingMessage, request } from 'node:http';
import type { TestKeyPair } from './builders.ts';
import { type Outcome, outcomeOf } from './decisions.ts';
import { freshProof, tokenHash } from './dpop.ts';
import { assertionOf, type Service, type TokenResponse, tokenForm, type World } from './service.ts';

const tokenUrl = (service: Service): URL => new URL('/token', service.deployment.url);
const whoamiUrl = (service: Service): URL => new URL('/whoami', service.deployment.url);

/** A token request of an ordinary client with these `DPoP` headers, each on a line of its own. */
export const postWithProofs = async (
  service: Service,
  { client, audience }: World,
  proofs: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<TokenResponse> => {
  const form = tokenForm(await assertionOf(client, service.issuer), { resource: audience, ...more });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return send(tokenUrl(service), 'POST', { ...headers, dpop: proofs }, form.toString());
};

type HeaderLines = Readonly<Record<string, string | readonly string[]>>;

/** With node:http, since `fetch` joins headers of one name before it sends them. */
const send = (url: URL, method: string, headers: HeaderLines, body = ''): Promise<TokenResponse> =>
  new Promise((resolve, reject) => {
    const lines = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()]));
    const sent = request(url, { method, headers: lines }, (answer) => read(answer).then(resolve, reject));
    sent.on('error', reject);
    sent.end(body);
  });

const read = async (answer: IncomingMessage): Promise<TokenResponse> => {
  const text = Buffer.concat(await answer.toArray()).toString('utf8');
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(answer.headersDistinct))
    for (const value of values) headers.append(name, value);
  return { status: answer.statusCode ?? 0, headers, body: JSON.parse(text) as Record<string, unknown> };
};

/** The nonce that a client is told when its proof has none. */
export const currentNonce = async (service: Service, world: World, pair: TestKeyPair): Promise<string> => {
  const { headers } = await postWithProofs(service, world, [tokenProof(service, pair)]);
  const nonce = headers.get('dpop-nonce');
  if (nonce === null) throw new Error('the token endpoint gave no nonce');
  return nonce;
};

/** A proof for the token endpoint, good but for its nonce. */
export const tokenProof = (service: Service, pair: TestKeyPair, claims: object = {}, header: object = {}): string =>
  freshProof(pair, { htm: 'POST', htu: `${service.issuer}/token`, ...claims }, header);

/** A token bound to the key, as an ordinary client gets it. */
export const boundToken = async (service: Service, world: World, pair: TestKeyPair): Promise<string> => {
  const nonce = await currentNonce(service, world, pair);
  const { status, body } = await postWithProofs(service, world, [tokenProof(service, pair, { nonce })]);
  if (status !== 200) throw new Error(`POST /token answered ${status} ${JSON.stringify(body)}`);
  return String(body.access_token);
};

/** A proof for `GET /whoami` with that token. */
export const resourceProof = (
  service: Service,
  pair: TestKeyPair,
  token: string,
  claims: object = {},
  header: object = {},
): string => freshProof(pair, { htu: `${service.issuer}/whoami`, ath: tokenHash(token), ...claims }, header);

/** `GET /whoami`: what API Gateway answered, and why the authorizer said so. */
export const present = async (service: Service, authorization: string, ...proofs: string[]): Promise<Outcome> =>
  outcomeOf(
    service,
    await send(whoamiUrl(service), 'GET', { authorization, ...(proofs.length === 0 ? {} : { dpop: proofs }) }),
  );
