/**
 * Verifies Signature Version 4: recomputes the signature with the SDK's own signer and the principal's secret, and
 * compares. Answers with a value, so that each door can refuse in the words of the service that it stands for.
 */
import {
  createHash,
  createHmac,
  createSecretKey,
  type Hash,
  type Hmac,
  hash,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { AwsError, type Clock } from '../service.ts';
import type { CredentialStore, Principal, Registration } from './credentials.ts';
import { headerText, readSignatureClaim, type SignatureClaim, type SignedRequestHeaders } from './sigv4-header.ts';

/** An HTTP request as it stood on the wire. */
export interface SignedRequest {
  readonly method: string;
  /** Still percent-encoded, without the query. */
  readonly path: string;
  /** Still percent-encoded, without the question mark. */
  readonly query: string;
  readonly headers: SignedRequestHeaders;
  readonly body: Uint8Array;
}

export interface VerifyOptions {
  /** SigV4 name of the service that the request must be signed for: `kms`, `dynamodb`, `execute-api`. */
  readonly service: string;
  /** The region of the credential scope; undefined accepts any. */
  readonly region?: string;
  readonly principals: CredentialStore;
  readonly clock: Clock;
}

/**
 * The error has the type, message and status (400) of the AWS JSON services. An HTTP API says the same of all of them:
 * 403 `{"message":"Forbidden"}`.
 */
export type Verification =
  | { readonly verified: true; readonly principal: Principal; readonly accessKeyId: string; readonly region: string }
  | { readonly verified: false; readonly error: AwsError };

const CONTENT_HASH = 'x-amz-content-sha256';
const TOKEN_MESSAGE = 'The security token included in the request is';
const MISMATCH =
  'The request signature we calculated does not match the signature you provided. ' +
  'Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';

/** Only a programming error rejects; everything that the client did wrong is a refusal. */
export async function verifySignature(request: SignedRequest, options: VerifyOptions): Promise<Verification> {
  try {
    const claim = readSignatureClaim(request.headers, {
      service: options.service,
      region: options.region,
      now: options.clock(),
    });
    const registration = findRegistration(claim, request.headers, options);
    await checkSignature(request, claim, registration, options.service);
    const { principal, accessKeyId } = registration;
    return { verified: true, principal, accessKeyId, region: claim.region };
  } catch (error) {
    if (error instanceof AwsError) return { verified: false, error };
    throw error;
  }
}

function findRegistration(claim: SignatureClaim, headers: SignedRequestHeaders, options: VerifyOptions): Registration {
  const registration = options.principals.find(claim.accessKeyId);
  const token = headerText(headers, 'x-amz-security-token') ?? '';
  if (registration === undefined || !isSameText(token, registration.sessionToken)) {
    throw new AwsError('UnrecognizedClientException', `${TOKEN_MESSAGE} invalid.`);
  }
  if (registration.expiresAt !== undefined && registration.expiresAt <= options.clock()) {
    throw new AwsError('ExpiredTokenException', `${TOKEN_MESSAGE} expired`);
  }
  return registration;
}

async function checkSignature(
  request: SignedRequest,
  claim: SignatureClaim,
  registration: Registration,
  service: string,
): Promise<void> {
  if (!isCanonicalPath(request.path)) throw mismatch();
  const headers: Record<string, string> = {};
  for (const name of claim.signedHeaders) headers[name] = headerText(request.headers, name) ?? '';
  // The signer takes this header's word for the body's hash, so it must be true.
  const contentHash = headers[CONTENT_HASH];
  if (contentHash !== undefined && contentHash !== hash('sha256', request.body)) throw mismatch();

  const signer = new SignatureV4({
    service,
    region: claim.region,
    credentials: registration,
    sha256: NodeSha256,
    applyChecksum: false,
  });
  const signed = await signer.sign(
    {
      method: request.method,
      protocol: 'http:',
      hostname: '',
      path: request.path,
      query: parseQuery(request.query),
      headers,
      body: request.body,
    },
    { signingDate: new Date(claim.signedAt), signableHeaders: new Set(claim.signedHeaders) },
  );
  const expected = /Signature=([0-9a-f]{64})$/.exec(signed.headers.authorization ?? '')?.[1];
  if (expected === undefined || !isSameText(claim.signature, expected)) throw mismatch();
}

/**
 * The signer resolves `.`, `..` and empty segments, routers do not: a path that it would rewrite could be another path
 * under the same signature.
 */
function isCanonicalPath(path: string): boolean {
  const [before, ...segments] = path.split('/');
  const inner = segments.slice(0, -1);
  return before === '' && !inner.includes('') && !segments.some((segment) => segment === '.' || segment === '..');
}

/** Names that the signer leaves out of what it signs. */
const UNSIGNED_PARAMETER = /^(x-amz-signature|__proto__)$/i;

/** Names and values decoded once; `+` stays a plus sign, because canonical queries encode a space as `%20`. */
function parseQuery(query: string): Record<string, string[]> {
  const parameters = new Map<string, string[]>();
  for (const pair of query.split('&').filter((part) => part !== '')) {
    const [name = '', ...value] = pair.split('=');
    const decoded = decode(name);
    if (UNSIGNED_PARAMETER.test(decoded)) throw mismatch();
    parameters.set(decoded, [...(parameters.get(decoded) ?? []), decode(value.join('='))]);
  }
  return Object.fromEntries(parameters);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw mismatch();
  }
}

function mismatch(): AwsError {
  return new AwsError('InvalidSignatureException', MISMATCH);
}

/** In constant time for all texts of the right length; the length is no secret. */
function isSameText(actual: string, expected: string): boolean {
  const [left, right] = [Buffer.from(actual), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}

type SourceData = string | ArrayBuffer | ArrayBufferView;

/** What the signer calls SHA-256, on OpenSSL: this stands under load, and the library's own is plain JavaScript. */
class NodeSha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: SourceData) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', hmacKey(secret));
  }

  update(data: SourceData): void {
    this.#hash.update(bytes(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

const signingKeys = new WeakMap<object, KeyObject>();

/** The signer keeps the derived signing key of each day, region and service; OpenSSL's form of it is kept beside it. */
function hmacKey(secret: SourceData): KeyObject | string {
  if (typeof secret === 'string') return secret;
  const known = signingKeys.get(secret);
  const key = known ?? createSecretKey(bytes(secret));
  if (known === undefined) signingKeys.set(secret, key);
  return key;
}

function bytes(data: SourceData): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
