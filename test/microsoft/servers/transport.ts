/**
 * HTTP as the simulated servers speak it with each other and with the service: one request, no redirect followed, certificates checked. Without
 * TLS on this machine only.
 */

import { request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { root } from '../../support/tls-server.ts';

export interface Reply {
  readonly status: number;
  /** Every value of a header that came more than once. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  readonly text: string;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export const send = (url: string | URL, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const isPlain = new URL(url).protocol === 'http:';
    const ask = isPlain ? plainRequest : request;
    const sent = ask(url, { method, headers, agent: false, ...(isPlain ? {} : { ca: root.pem }) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headersDistinct,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });

export const postForm = (url: string | URL, form: Readonly<Record<string, string>>): Promise<Reply> =>
  send(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  });
