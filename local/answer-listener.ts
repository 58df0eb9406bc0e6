/**
 * Takes what functions behind custom resources answer to CloudFormation: a server on the loopback that stands in for the presigned
 * S3 addresses which `ResponseURL` gives on AWS.
 */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** CloudFormation reference, "Custom resource response objects". */
export const MAX_ANSWER_BYTES = 4096;

/** One place to put an answer. */
export interface AnswerBox {
  readonly url: string;
  /** The body of the first PUT, if there was one; what exceeds `MAX_ANSWER_BYTES` by far is cut off. Ends the taking of answers. */
  take(): string | undefined;
}

export class AnswerListener implements AsyncDisposable {
  readonly #server: Server;
  readonly #boxes = new Map<string, { body: string | undefined }>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(): Promise<AnswerListener> {
    const server = createServer();
    const listener = new AnswerListener(server);
    server.on(
      'request',
      (request, response) => void listener.#receive(request, response).catch(() => response.destroy()),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return listener;
  }

  open(): AnswerBox {
    const path = `/${randomUUID()}`;
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the listener for answers is closed');
    this.#boxes.set(path, { body: undefined });
    const take = (): string | undefined => {
      const body = this.#boxes.get(path)?.body;
      this.#boxes.delete(path);
      return body;
    };
    return { url: `http://127.0.0.1:${address.port}${path}`, take };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** S3 answers 200 to a PUT on a presigned address, and 403 to everything else. */
  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const box = this.#boxes.get(request.url ?? '');
    if (request.method !== 'PUT' || box === undefined) {
      response.writeHead(403).end();
      return;
    }
    const body = await readBody(request);
    // The first answer counts, as CloudFormation does not look at the address again.
    box.body ??= body;
    response.writeHead(200).end();
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= 4 * MAX_ANSWER_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
