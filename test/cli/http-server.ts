/**
 * The plain part of the test servers: listens on a free loopback port, reads bodies, answers JSON, keeps what it was asked.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SignedRequest } from './sigv4.ts';

export interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestServer extends AsyncDisposable {
  /** Base URL without a trailing slash. */
  readonly url: string;
  readonly requests: SignedRequest[];
}

export async function serve(answer: (request: SignedRequest) => Reply | Promise<Reply>): Promise<TestServer> {
  const requests: SignedRequest[] = [];
  const server = createServer(async (incoming, response) => {
    const request = await readRequest(incoming);
    requests.push(request);
    // A fault of the test itself must end the request, or the client would wait for its time limit.
    const reply = await Promise.resolve(answer(request)).catch((error) => ({
      status: 500,
      body: { detail: `${error}` },
    }));
    const { status, body, headers }: Reply = reply;
    const type = status >= 400 ? 'application/problem+json' : 'application/json';
    response.writeHead(status, { 'content-type': type, ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readRequest(incoming: IncomingMessage): Promise<SignedRequest> {
  let body = '';
  for await (const chunk of incoming.setEncoding('utf8')) body += chunk;
  return { method: incoming.method ?? '', target: incoming.url ?? '', headers: incoming.headers, body };
}
