/**
 * The local AWS endpoint: one HTTP server that speaks the AWS JSON protocols for all embedded services.
 * Every call is authenticated (Signature V4), authorized (IAM) and only then handed to its service.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import { finished } from 'node:stream/promises';
import { authorize } from './iam/authorize.ts';
import type { CredentialStore, Principal } from './iam/credentials.ts';
import { verifySignature } from './iam/sigv4.ts';
import { AwsError, type Clock, type EmbeddedService, type JsonObject } from './service.ts';

/** What an observer learns of a call when it ends. */
export interface AwsCallRecord {
  /** SigV4 name of the service, or `unknown` when X-Amz-Target names none of ours. */
  readonly service: string;
  readonly operation: string;
  /** Session ARN of the caller; undefined when the signature was not accepted. */
  readonly principal: string | undefined;
  /** `performance.now()` in milliseconds; two calls overlapped if each started before the other ended. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** `ok`, the type of the AWS error, or without an answer: `hung` (never given) or `dropped` (the connection broke). */
  readonly outcome: string;
  /** The exception behind the outcome: an AwsError as it was answered, or what an InternalFailure hides from the caller. */
  readonly cause?: unknown;
}

/** A call that IAM has allowed and that its service has not seen yet. */
export interface AwsCall {
  readonly service: string;
  readonly operation: string;
  readonly principal: string;
  readonly input: JsonObject;
}

/**
 * What becomes of a call: it passes; it fails with the error, without effect; it is never answered (until the caller
 * gives up or the endpoint closes); or it takes effect and the connection breaks instead of an answer.
 */
export type Interception = 'pass' | 'hang' | 'drop-after-call' | AwsError;

export interface AwsEndpointOptions {
  /** The endpoint does not own them: whoever made them closes them after it. */
  readonly services: readonly EmbeddedService[];
  readonly principals: CredentialStore;
  readonly clock: Clock;
  /** The only region that requests may be signed for; undefined accepts any. */
  readonly region?: string;
  /** Called once per call, before its answer is sent. */
  readonly observe?: (call: AwsCallRecord) => void;
  readonly intercept?: (call: AwsCall) => Interception | Promise<Interception>;
  /** @default 16 MiB - the largest request that DynamoDB takes */
  readonly maxBodyBytes?: number;
}

interface Reply {
  readonly status: number;
  readonly body: JsonObject;
}

/** What is known of a call so far; the steps of answering it fill it in. */
interface Progress {
  service?: EmbeddedService;
  operation?: string;
  principal?: Principal;
  outcome: string;
  cause?: unknown;
}

const DEFAULT_CONTENT_TYPE = 'application/x-amz-json-1.1';
const INTERNAL_FAILURE = 'The request processing has failed because of an unknown error, exception or failure.';
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Long, so that a client hardly ever writes into a socket that is being closed for being idle. */
const KEEP_ALIVE_MS = 120_000;

export class AwsEndpoint {
  readonly #options: AwsEndpointOptions;
  readonly #server = createServer((request, response) => this.#start(request, response));
  readonly #running = new Set<Promise<void>>();
  /** What would keep `close` waiting: requests that still arrive and answers that never come. */
  readonly #waiting = new Set<IncomingMessage | ServerResponse>();
  #isClosing = false;

  constructor(options: AwsEndpointOptions) {
    this.#options = options;
    this.#server.keepAliveTimeout = KEEP_ALIVE_MS;
  }

  /** Listens on a free port of 127.0.0.1. */
  async listen(): Promise<URL> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the AWS endpoint has no port');
    return new URL(`http://127.0.0.1:${address.port}`);
  }

  /** Lets running calls end, breaks hanging and idle connections, and frees the port. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#isClosing = true;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const waiting of this.#waiting) waiting.destroy();
    await Promise.all(this.#running);
    this.#server.closeAllConnections();
    await closed;
  }

  #start(request: IncomingMessage, response: ServerResponse): void {
    const call = this.#serve(request, response).finally(() => this.#running.delete(call));
    this.#running.add(call);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    const progress: Progress = { outcome: 'ok' };
    const reply = await this.#answer(request, response, progress);
    this.#options.observe?.({
      service: progress.service?.name ?? 'unknown',
      operation: progress.operation ?? '',
      principal: progress.principal?.arn,
      startedAt,
      endedAt: performance.now(),
      outcome: progress.outcome,
      ...(progress.cause === undefined ? {} : { cause: progress.cause }),
    });
    if (reply === undefined) response.destroy();
    else await send(response, reply, this.#headers(progress.service));
  }

  /** SDKs sign by the time that the service says, where theirs differs from it: so it has to be the time that we check signatures by. */
  #headers(service: EmbeddedService | undefined): OutgoingHttpHeaders {
    return {
      'content-type': service?.contentType ?? DEFAULT_CONTENT_TYPE,
      date: new Date(this.#options.clock()).toUTCString(),
    };
  }

  /** The reply, or undefined when the connection is to break without one. */
  async #answer(request: IncomingMessage, response: ServerResponse, progress: Progress): Promise<Reply | undefined> {
    try {
      const service = this.#route(request, progress);
      const body = await this.#read(request);
      const { principal, region } = await this.#authenticate(request, body, service);
      progress.principal = principal;
      const call = {
        service: service.name,
        operation: progress.operation ?? '',
        principal: principal.arn,
        input: parse(body),
      };
      authorizeCall(service, call, principal, region);
      return await this.#perform(service, call, response, progress);
    } catch (error) {
      return explain(error, request, progress);
    }
  }

  #route(request: IncomingMessage, progress: Progress): EmbeddedService {
    const target = String(request.headers['x-amz-target'] ?? '');
    const dot = target.lastIndexOf('.');
    const service = this.#options.services.find(({ targetPrefix }) => targetPrefix === target.slice(0, dot));
    progress.operation = service === undefined ? target : target.slice(dot + 1);
    if (service === undefined) throw new AwsError('UnknownOperationException', 'The requested operation is not known.');
    progress.service = service;
    if (request.method !== 'POST' || request.url !== '/') {
      throw new AwsError('UnknownOperationException', 'AWS JSON calls are POST requests to /.', { status: 404 });
    }
    return service;
  }

  async #read(request: IncomingMessage): Promise<Buffer> {
    const limit = this.#options.maxBodyBytes ?? MAX_BODY_BYTES;
    const chunks: Buffer[] = [];
    let size = 0;
    this.#hold(request);
    try {
      for await (const chunk of request) {
        size += chunk.length;
        // Beyond the limit the rest is read and forgotten: a client that still writes would not see the answer.
        if (size <= limit) chunks.push(chunk);
      }
    } finally {
      this.#waiting.delete(request);
    }
    if (size <= limit) return Buffer.concat(chunks, size);
    throw new AwsError('RequestEntityTooLargeException', `Request size exceeds ${limit} bytes`, { status: 413 });
  }

  async #authenticate(
    request: IncomingMessage,
    body: Buffer,
    service: EmbeddedService,
  ): Promise<{ principal: Principal; region: string }> {
    const { principals, clock, region } = this.#options;
    const verification = await verifySignature(
      { method: request.method ?? '', path: request.url ?? '', query: '', headers: request.headers, body },
      { service: service.name, principals, clock, ...(region === undefined ? {} : { region }) },
    );
    if (!verification.verified) throw verification.error;
    return verification;
  }

  async #perform(
    service: EmbeddedService,
    call: AwsCall,
    response: ServerResponse,
    progress: Progress,
  ): Promise<Reply | undefined> {
    const interception = (await this.#options.intercept?.(call)) ?? 'pass';
    if (interception instanceof AwsError) throw interception;
    if (interception === 'hang') {
      progress.outcome = 'hung';
      await this.#hang(response);
      return undefined;
    }
    const body = await service.call(call.operation, call.input);
    if (interception === 'pass') return { status: 200, body };
    progress.outcome = 'dropped';
    return undefined;
  }

  /** Until the caller gives up or the endpoint closes. */
  async #hang(response: ServerResponse): Promise<void> {
    if (response.closed) return;
    const gone = once(response, 'close');
    this.#hold(response);
    await gone;
    this.#waiting.delete(response);
  }

  #hold(stream: IncomingMessage | ServerResponse): void {
    if (this.#isClosing) stream.destroy();
    else this.#waiting.add(stream);
  }
}

function parse(body: Buffer): JsonObject {
  try {
    const input: unknown = JSON.parse(body.toString('utf8'));
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as JsonObject;
  } catch {
    // Said below, for bodies that are no JSON and for JSON that is no object alike.
  }
  throw new AwsError('SerializationException', 'The request body is not a JSON object.');
}

/** @throws AwsError AccessDeniedException at the first question that IAM answers with no. */
function authorizeCall(service: EmbeddedService, call: AwsCall, principal: Principal, region: string): void {
  const questions = service.authorizations(call.operation, call.input);
  // A service that asks nothing would be open to everyone.
  if (questions.length === 0) throw new Error(`${service.name} asks IAM nothing about ${call.operation}`);
  for (const question of questions) {
    const decision = authorize(principal, question, { 'aws:RequestedRegion': region });
    if (!decision.allowed) throw new AwsError('AccessDeniedException', decision.message);
  }
}

function explain(error: unknown, request: IncomingMessage, progress: Progress): Reply | undefined {
  if (error instanceof AwsError) {
    progress.outcome = error.type;
    progress.cause = error;
    return { status: error.status, body: { ...error.members, __type: error.type, message: error.message } };
  }
  if (!request.complete) {
    progress.outcome = 'dropped';
    return undefined;
  }
  progress.outcome = 'InternalFailure';
  progress.cause = error;
  return { status: 500, body: { __type: 'InternalFailure', message: INTERNAL_FAILURE } };
}

async function send(response: ServerResponse, reply: Reply, headers: OutgoingHttpHeaders): Promise<void> {
  const body = Buffer.from(JSON.stringify(reply.body));
  response.writeHead(reply.status, {
    ...headers,
    'content-length': body.length,
    'x-amzn-requestid': randomUUID(),
  });
  response.end(body);
  // A caller that has gone away has nobody to tell.
  await finished(response).catch(() => undefined);
}
