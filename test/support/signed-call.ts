/** Calls of the admin API as somebody makes them who has the operator's credentials, or had them, or never did. */

import { request } from 'node:http';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Service } from './service.ts';

export interface CallResult {
  readonly status: number;
  readonly body: unknown;
}

export interface SigningChanges {
  /** @default 'execute-api' */
  readonly service?: string;
  readonly region?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
  readonly signingDate?: Date;
}

/** Headers that sign `method`, `path` (with query) and `body` as the operator would, but for the changes. */
export const signatureFor = async (
  { deployment: { url, operator } }: Service,
  method: string,
  path: string,
  body: string | Uint8Array = '',
  changes: SigningChanges = {},
): Promise<Record<string, string>> => {
  const target = new URL(path, url);
  const { service = 'execute-api', region = operator.region, signingDate = new Date(), ...secrets } = changes;
  const signer = new SignatureV4({ service, region, credentials: { ...operator, ...secrets }, sha256: Sha256 });
  const signed = await signer.sign(
    {
      method,
      protocol: target.protocol,
      hostname: target.hostname,
      path: target.pathname,
      query: Object.fromEntries(target.searchParams),
      headers: { host: target.host },
      ...(body.length === 0 ? {} : { body }),
    },
    { signingDate },
  );
  return signed.headers;
};

/** `path` goes on the wire as it stands, dots and all, which `fetch` would tidy up. */
export const rawCall = (
  { deployment: { url } }: Service,
  method: string,
  path: string,
  body: string | Uint8Array = '',
  headers: Readonly<Record<string, string>> = {},
): Promise<CallResult> => {
  const { promise, resolve, reject } = Promise.withResolvers<CallResult>();
  const length = body.length === 0 ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const options = { host: url.hostname, port: url.port, method, path, headers: { ...headers, ...length } };
  const outgoing = request(options, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('error', reject);
    answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString()) }));
  });
  outgoing.on('error', reject);
  outgoing.end(body);
  return promise;
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** A rightly signed call below the default realm, with any bytes as its body. */
export const signedCall = async (
  service: Service,
  method: string,
  path: string,
  body: string | Uint8Array = '',
): Promise<CallResult> => {
  const whole = `/admin/realms/default${path}`;
  return rawCall(service, method, whole, body, await signatureFor(service, method, whole, body));
};
