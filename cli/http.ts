/**
 * One HTTP exchange as the commands need it: bounded in time, no redirects, patient with "not now" answers.
 * It knows neither SigV4 nor OAuth; callers build a fresh request for every attempt.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { unreachable } from './failure.ts';
import { errorCode } from './io.ts';
import { exchangeOverTls, type Received, type TlsIdentity } from './tls-exchange.ts';

export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For https: a client certificate, a private CA. */
  readonly tls?: TlsIdentity;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown;
}

const MAX_RETRIES = 3;
/** API Gateway gives up on a function after 30 s; one second more lets its own answer arrive. */
const TIMEOUT_MS = 31_000;
/** A person waits at the terminal: longer than this and the honest answer is "try later". */
const MAX_WAIT_MS = 20_000;
/** The service is there and asks for another try: RFC 9110 section 15.6.4 and RFC 6585 section 4. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 503]);
const QUOTA_IS_FULL = 429;
const GATEWAY_FAILURES: ReadonlySet<number> = new Set([502, 504]);

/**
 * Sends what `build` makes, again after 429 and 503 answers (at most three times, each with a newly built request:
 * a signature and an assertion are for one use).
 * @throws Failure (3) when there is no answer, or none but "not now".
 */
export async function send(build: () => Promise<Outgoing>): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    const outgoing = await build();
    const answer = await exchange(outgoing);
    if (GATEWAY_FAILURES.has(answer.status)) throw notNow(outgoing.url, answer);
    if (!RETRYABLE.has(answer.status)) return answer;
    const waitMs = retryDelayMs(answer.headers.get('retry-after'), attempt, Date.now());
    // Not a busy service, but a limit that somebody has set: the service says itself which.
    if (answer.status === QUOTA_IS_FULL && waitMs > MAX_WAIT_MS) return answer;
    if (attempt === MAX_RETRIES || waitMs > MAX_WAIT_MS) throw notNow(outgoing.url, answer);
    await sleep(waitMs);
  }
}

/**
 * How long to wait before the next attempt, in milliseconds.
 * @param header `Retry-After` in either form of RFC 9110 section 10.2.3; without one: 1, 2, 4 s.
 */
export function retryDelayMs(header: string | null, attempt: number, nowMs: number): number {
  if (header !== null && /^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = header === null ? Number.NaN : Date.parse(header);
  return Number.isNaN(date) ? 1000 * 2 ** attempt : Math.max(0, date - nowMs);
}

async function exchange(outgoing: Outgoing): Promise<Answer> {
  const { url, tls } = outgoing;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const isOverTls = tls !== undefined && url.protocol === 'https:';
  try {
    const received = await (isOverTls ? exchangeOverTls(outgoing, tls, signal) : fetchPlainly(outgoing, signal));
    return { ...received, json: parseJson(received.text) };
  } catch (error) {
    throw unreachable(`cannot reach ${url.origin}: ${describeNetworkError(error)}`);
  }
}

async function fetchPlainly({ method, url, headers, body }: Outgoing, signal: AbortSignal): Promise<Received> {
  const response = await fetch(url, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
    // A signed request or an assertion must not travel to a place that we did not choose.
    redirect: 'error',
    signal,
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** JSON or undefined: the parser's own message would repeat what it read. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notNow(url: URL, answer: Answer): Error {
  return unreachable(`${url.origin} is not available at the moment (HTTP ${answer.status}); try again later`);
}

function describeNetworkError(error: unknown): string {
  if (!(error instanceof Error)) return 'no connection';
  const told = error.cause ?? error;
  const cause = told instanceof AggregateError ? told.errors[0] : told;
  if ([error, cause].some((each) => each instanceof Error && each.name === 'TimeoutError')) {
    return `no answer within ${TIMEOUT_MS / 1000} s`;
  }
  const reason = cause instanceof Error && cause.message !== '' ? cause.message : error.message;
  const code = errorCode(cause);
  // An alert is what the other side says of our certificate, not we of theirs.
  const isTrust = /CERT|SIGNATURE|ISSUER/.test(code) && !/ALERT/.test(code);
  return isTrust ? `${reason} (a private CA? start with NODE_EXTRA_CA_CERTS=ca.pem)` : reason;
}
