/**
 * SigV4 as a server checks it, from AWS's description ("Create a signed AWS API request") and node:crypto alone, so that it
 * shares no code with the signer under test.
 */
import { createHash, createHmac } from 'node:crypto';

export interface SignedRequest {
  readonly method: string;
  /** Path and query as they came over the wire. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

export interface Verdict {
  readonly isGenuine: boolean;
  readonly region: string;
  readonly service: string;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** Each path segment URI-encoded twice, as for every service but S3, whatever encoding the client chose for the wire. */
const canonicalPath = (path: string): string =>
  path
    .split('/')
    .map((segment) => encode(encode(decodeURIComponent(segment))))
    .join('/');

const canonicalQuery = (query: string): string =>
  query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => pair.split('=').map((part) => encode(decodeURIComponent(part))))
    .map(([name = '', value = '']) => `${name}=${value}`)
    .sort()
    .join('&');

export function checkSignature(request: SignedRequest, secretOf: (accessKeyId: string) => string | undefined): Verdict {
  const header = (name: string) => String(request.headers[name] ?? '').trim();
  const parts = AUTHORIZATION.exec(header('authorization'));
  const [, accessKeyId = '', day = '', region = '', service = '', names = '', signature = ''] = parts ?? [];
  const secret = secretOf(accessKeyId);
  const date = header('x-amz-date');
  const covered = names.split(';');
  const refusal = { isGenuine: false, region, service };
  if (parts === null || secret === undefined || !date.startsWith(day)) return refusal;
  if (!covered.includes('host') || !covered.includes('x-amz-date')) return refusal;
  if (header('x-amz-security-token') !== '' && !covered.includes('x-amz-security-token')) return refusal;

  const [path = '', query = ''] = request.target.split('?');
  const canonical = [
    request.method,
    canonicalPath(path),
    canonicalQuery(query),
    ...covered.map((name) => `${name}:${header(name).replace(/ +/g, ' ')}`),
    '',
    names,
    sha256(request.body),
  ].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce(hmac, `AWS4${secret}` as string | Buffer);
  return { isGenuine: hmac(key, text).toString('hex') === signature, region, service };
}
