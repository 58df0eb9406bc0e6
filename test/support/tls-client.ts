/**
 * Clients that show a certificate of their own in the TLS handshake: real handshakes, with node:https, since `fetch` takes no
 * client certificate.
 */

import { createHash, webcrypto } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { type Issued, issue, type Wanted } from './certificate-authority.ts';
import type { MutualTlsService, TokenResponse } from './service.ts';

export interface TlsClient extends Issued {
  /** PEM */
  readonly privateKey: string;
  /** SHA-256 of the certificate, base64url. */
  readonly x5tS256: string;
}

/** A client with a new key and a certificate that is good today. */
export const makeTlsClient = async (wanted: Wanted): Promise<TlsClient> => {
  const issued = await issue({ notBefore: 0, ...wanted });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', issued.keys.privateKey)).toString('base64');
  return {
    ...issued,
    privateKey: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`,
    x5tS256: createHash('sha256').update(Buffer.from(issued.base64, 'base64')).digest('base64url'),
  };
};

/** `fetch` over connections with this client's certificate, or without one; each request has its own. */
export const fetchAs =
  (ca: string, client?: Pick<TlsClient, 'pem' | 'privateKey'>) =>
  async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const wanted = new Request(input, init);
    const body = Buffer.from(await wanted.arrayBuffer());
    const certificate = client === undefined ? {} : { cert: client.pem, key: client.privateKey };
    const headers = { ...Object.fromEntries(wanted.headers), 'content-length': String(body.length) };
    const options = { method: wanted.method, headers, ca, agent: false, ...certificate };
    return new Promise((resolve, reject) => {
      const sent = request(wanted.url, options, (answer) => readAnswer(answer).then(resolve, reject));
      sent.on('error', reject);
      sent.end(body);
    });
  };

const readAnswer = async (answer: IncomingMessage): Promise<Response> => {
  const body = Buffer.concat(await answer.toArray());
  const headers = Object.entries(answer.headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  );
  return new Response(body.length === 0 ? null : body, { status: answer.statusCode ?? 0, headers });
};

/** A token request with this certificate, at the address that asks for one. */
export const postTokenAs = async (
  { mutualTlsUrl, serverCa }: MutualTlsService,
  client: TlsClient,
  parameters: Readonly<Record<string, string>> | URLSearchParams,
  { path = '/token', headers = {} }: { path?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<TokenResponse> => {
  const form = new URLSearchParams(parameters);
  if (!form.has('grant_type')) form.set('grant_type', 'client_credentials');
  const answer = await fetchAs(serverCa, client)(`${mutualTlsUrl}${path}`, { method: 'POST', body: form, headers });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
};
