/** A handler of web-standard requests on a Node server. The handler may come later than the port: until then the answer is 503. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

type Handler = (request: Request) => Promise<Response>;

export interface OrdersServer {
  /** Without a trailing slash. */
  readonly url: string;
  serve(handler: Handler): void;
  close(): Promise<void>;
}

/** @param port on 127.0.0.1; 0 takes a free one. */
export const listen = async (port: number): Promise<OrdersServer> => {
  let handler: Handler = async () => new Response('', { status: 503, headers: { 'retry-after': '1' } });
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => outgoing.writeHead(500).end());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : port}`;

  const answer = async ({ method = 'GET', url: target = '/', headers }: IncomingMessage, outgoing: ServerResponse) => {
    // By the name that clients call it, not by the `Host` that one of them claims: DPoP proofs are made for it.
    const lines = Object.entries(headers).map(([name, value]): [string, string] => [name, [value].flat().join(', ')]);
    const response = await handler(new Request(new URL(target, url), { method, headers: lines }));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(await response.text());
  };
  return {
    url,
    serve: (given) => {
      handler = given;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
