/**
 * The `Authorization` header of Signature Version 4, taken apart and checked for shape, scope and time; no cryptography.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * Messages: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
 */
import { AwsError } from '../service.ts';

/** Header names in lower case; a value that came several times is an array. */
export type SignedRequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface SignatureClaim {
  readonly accessKeyId: string;
  readonly region: string;
  /** When the client says that it signed; milliseconds since the epoch, whole seconds. */
  readonly signedAt: number;
  /** Lower case. */
  readonly signedHeaders: readonly string[];
  /** 64 hexadecimal digits if the client did it right. */
  readonly signature: string;
}

export interface ExpectedScope {
  readonly service: string;
  /** Undefined accepts any region. */
  readonly region: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const TERMINATOR = 'aws4_request';
const SKEW_MS = 5 * 60_000;
const REQUIRED_PARAMETERS = ['Credential', 'Signature', 'SignedHeaders'];
const BASIC_DATE = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/**
 * @throws AwsError MissingAuthenticationTokenException, IncompleteSignatureException (malformed) or
 * InvalidSignatureException (wrong scope or time, or a header left out of the signature).
 */
export function readSignatureClaim(headers: SignedRequestHeaders, expected: ExpectedScope): SignatureClaim {
  const authorization = headerText(headers, 'authorization') ?? '';
  if (!authorization.startsWith('AWS4-')) {
    throw new AwsError('MissingAuthenticationTokenException', 'Request is missing Authentication Token');
  }
  const { algorithm, parameters } = splitAuthorization(authorization);
  const date = headerText(headers, 'x-amz-date');
  const missing = REQUIRED_PARAMETERS.filter((name) => (parameters.get(name) ?? '') === '');
  const complaints = missing.map((name) => `Authorization header requires '${name}' parameter.`);
  if (date === undefined) complaints.push("Authorization header requires existence of a 'X-Amz-Date' header.");
  if (date === undefined || complaints.length > 0) throw incomplete(complaints.join(' '));
  if (algorithm !== ALGORITHM) {
    throw incomplete(`Unsupported AWS 'algorithm': '${algorithm}' (only ${ALGORITHM} for now). `);
  }
  const signedAt = readDate(date);
  const scope = readScope(parameters.get('Credential') ?? '', date, expected);
  checkTime(signedAt, expected.now);
  const signedHeaders = (parameters.get('SignedHeaders') ?? '').toLowerCase().split(';');
  checkSignedHeaders(headers, signedHeaders);
  return { ...scope, signedAt, signedHeaders, signature: parameters.get('Signature') ?? '' };
}

/** The header as the signature sees it: repeated values joined by commas. */
export function headerText(headers: SignedRequestHeaders, name: string): string | undefined {
  const value = headers[name];
  return value === undefined || typeof value === 'string' ? value : value.join(',');
}

/** `YYYYMMDD'T'HHMMSS'Z'`, as in X-Amz-Date. */
function basicDate(time: number): string {
  return new Date(time).toISOString().replace(/\.\d{3}|[-:]/g, '');
}

function splitAuthorization(authorization: string): { algorithm: string; parameters: Map<string, string> } {
  const [algorithm = '', ...rest] = authorization.split(' ');
  const parameters = new Map<string, string>();
  for (const part of rest.join(' ').split(',')) {
    const separator = part.indexOf('=');
    if (separator > 0) parameters.set(part.slice(0, separator).trim(), part.slice(separator + 1).trim());
  }
  return { algorithm, parameters };
}

function readDate(text: string): number {
  const time = BASIC_DATE.test(text) ? Date.parse(text.replace(BASIC_DATE, '$1-$2-$3T$4:$5:$6Z')) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw incomplete(`Date must be in ISO-8601 'basic format'. Got '${text}'. See http://en.wikipedia.org/wiki/ISO_8601`);
}

function readScope(credential: string, date: string, expected: ExpectedScope): { accessKeyId: string; region: string } {
  const parts = credential.split('/');
  const [accessKeyId = '', day = '', region = '', service = '', terminator = ''] = parts;
  if (parts.length !== 5) {
    throw incomplete(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`,
    );
  }
  const complaints: string[] = [];
  if (region === '' || (expected.region !== undefined && region !== expected.region)) {
    complaints.push(`Credential should be scoped to a valid region, not '${region}'. `);
  }
  if (service !== expected.service)
    complaints.push(`Credential should be scoped to correct service: '${expected.service}'. `);
  if (terminator !== TERMINATOR) {
    complaints.push(`Credential should be scoped with a valid terminator: '${TERMINATOR}', not '${terminator}'. `);
  }
  if (day !== date.slice(0, 8)) {
    complaints.push(
      'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ' +
        `'${day}' != '${date.slice(0, 8)}', from '${date}'.`,
    );
  }
  if (complaints.length > 0) throw invalid(complaints.join(''));
  return { accessKeyId, region };
}

function checkTime(signedAt: number, now: number): void {
  const [earliest, latest] = [now - SKEW_MS, now + SKEW_MS];
  if (signedAt < earliest) {
    throw invalid(
      `Signature expired: ${basicDate(signedAt)} is now earlier than ${basicDate(earliest)} (${basicDate(now)} - 5 min.)`,
    );
  }
  if (signedAt > latest) {
    throw invalid(
      `Signature not yet current: ${basicDate(signedAt)} is still later than ${basicDate(latest)} (${basicDate(now)} + 5 min.)`,
    );
  }
}

/** "You must include the host header and any x-amz-* headers": one that is left out could be changed on the way. */
function checkSignedHeaders(headers: SignedRequestHeaders, signedHeaders: readonly string[]): void {
  if (!signedHeaders.includes('host')) {
    throw invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  }
  const unsigned = Object.keys(headers).find((name) => name.startsWith('x-amz-') && !signedHeaders.includes(name));
  if (unsigned !== undefined) throw invalid(`'${unsigned}' must be a 'SignedHeader' in the AWS Authorization.`);
  const absent = signedHeaders.find((name) => headers[name] === undefined);
  if (absent !== undefined) throw invalid(`'${absent}' is a 'SignedHeader' but is not a header of the request.`);
}

function incomplete(message: string): AwsError {
  return new AwsError('IncompleteSignatureException', message);
}

function invalid(message: string): AwsError {
  return new AwsError('InvalidSignatureException', message);
}
