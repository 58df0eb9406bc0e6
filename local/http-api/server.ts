/**
 * The socket side of the gateway: HTTP, TLS, or TLS with client certificates, on loopback. Routes nothing itself.
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { StartError, systemCode } from '../start-error.ts';
import { type GatewayRequest, readRequest } from './request.ts';
import { type GatewayResponse, internalServerError, messageResponse } from './response.ts';
import { readTruststore } from './truststore.ts';

/** The server's certificate and its private key, PEM texts. */
export interface TlsOptions {
  readonly cert: string;
  readonly key: string;
}

export interface ListenOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** @default - plain HTTP */
  readonly tls?: TlsOptions | undefined;
  /** PEM text. Every client has to present a certificate that is in it, or descends from one in it. @default - none is asked for */
  readonly truststore?: string;
  /** Which option of the command line chooses the port. */
  readonly portOption: string;
}

export type RequestHandler = (request: GatewayRequest) => Promise<GatewayResponse>;

const KEEP_ALIVE_MS = 75_000;
/** Node's own limit must lie above the gateway's, or clients would get Node's answer instead of the gateway's. */
const MAX_HEADER_BYTES = 64 * 1024;

export class HttpApiServer {
  readonly url: URL;
  readonly #server: Server;
  readonly #onDefect: (error: unknown) => void;
  #handler: RequestHandler = async () => messageResponse(503, 'Service Unavailable');

  private constructor(server: Server, url: URL, onDefect: (error: unknown) => void) {
    this.#server = server;
    this.url = url;
    this.#onDefect = onDefect;
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  /**
   * Listens on 127.0.0.1. Answers 503 until it gets a handler.
   * `onDefect` learns of errors that a handler should not have thrown; clients see a 500.
   * @throws StartError when the port is taken, or the certificate or the truststore unusable.
   */
  static async listen(options: ListenOptions, onDefect: (error: unknown) => void): Promise<HttpApiServer> {
    const server = createListener(options);
    try {
      server.listen(options.port, '127.0.0.1');
      await once(server, 'listening');
    } catch (error) {
      throw new StartError(listenProblem(error, options), { cause: error });
    }
    const address = server.address();
    if (address === null || typeof address === 'string') throw new StartError(`cannot listen on port ${options.port}`);
    const url = new URL(`${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}`);
    return new HttpApiServer(server, url, onDefect);
  }

  set handler(handler: RequestHandler) {
    this.#handler = handler;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      const read = await readRequest(incoming);
      const response = read.ok
        ? await this.#handler(read.request)
        : messageResponse(read.refusal.status, read.refusal.message);
      write(outgoing, response);
    } catch (error) {
      // A client that went away while it sent its request is nobody's defect.
      if (incoming.complete) this.#onDefect(error);
      if (outgoing.headersSent) outgoing.destroy();
      else write(outgoing, internalServerError());
    }
  }
}

function createListener({ tls, truststore }: ListenOptions): Server {
  const common = { keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: MAX_HEADER_BYTES };
  if (tls === undefined) return createServer(common);
  const mutual =
    truststore === undefined ? {} : { ca: readTruststore(truststore), requestCert: true, rejectUnauthorized: true };
  try {
    return createTlsServer({ ...common, ...tls, ...mutual, minVersion: 'TLSv1.2' });
  } catch (error) {
    throw new StartError(
      `the TLS certificate or key cannot be used: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function listenProblem(error: unknown, { port, portOption }: ListenOptions): string {
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return `port ${port} is in use; choose another with ${portOption}`;
    case 'EACCES':
      return `port ${port} needs privileges that this user does not have; choose another with ${portOption}`;
    default:
      return `cannot listen on port ${port}: ${error instanceof Error ? error.message : error}`;
  }
}

function write(outgoing: ServerResponse, response: GatewayResponse): void {
  const headers = Object.entries(response.headers).map(([name, value]) => [name, [value].flat()] as const);
  const hasBody = response.status !== 204 && response.status !== 304;
  outgoing.writeHead(response.status, {
    ...Object.fromEntries(headers.map(([name, values]) => [name, [...values]])),
    ...(hasBody ? { 'content-length': response.body.length } : {}),
  });
  outgoing.end(outgoing.req.method === 'HEAD' ? undefined : response.body);
}
