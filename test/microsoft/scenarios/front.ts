/**
 * What stands in front of a deployment, and stays where it is when that is started again somewhere else: HTTPS for everybody, as partners
 * want it, and HTTP for the service's own look at what it publishes, for which only public authorities would do.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { certify, count, startTlsServer } from '../../support/tls-server.ts';

export interface Front {
  /** Origin, by HTTPS. */
  readonly address: string;
  /** The same by HTTP. */
  readonly issuer: string;
  leadTo(url: URL): void;
}

const PASSED = ['accept', 'authorization', 'content-type', 'if-none-match'];

export const openFront = async (cleanup: AsyncDisposableStack): Promise<Front> => {
  let target: URL | undefined;
  const forward = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (target === undefined) {
      response.writeHead(503).end();
      return;
    }
    const { method = 'GET', url = '/', headers } = request;
    const passed = Object.entries(headers).filter(([name]) => PASSED.includes(name)) as [string, string][];
    const answer = await fetch(new URL(url, target), {
      ...{ method, headers: passed, redirect: 'manual' },
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    });
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(Buffer.from(await answer.arrayBuffer()));
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    forward(request, response).catch(() => response.destroy());
  };
  const secure = cleanup.use(await startTlsServer(listener, { certificate: await certify(['localhost']) }));
  const plain = cleanup.use(await count(createServer(listener)));
  return {
    address: `https://localhost:${secure.port}`,
    issuer: `http://127.0.0.1:${plain.port}`,
    leadTo: (url) => {
      target = url;
    },
  };
};
