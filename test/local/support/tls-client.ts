/** A client that shows a certificate of its own in the TLS handshake, which `fetch` cannot. */

import { Agent, request as httpsRequest } from 'node:https';
import { onTestFinished } from 'vitest';
import type { Issued } from './certificates.ts';

/** GET, and the answer as JSON of a shape that the test's own assertions check. @param ca who has issued the server's certificate. */
export function getOverTls(
  url: URL,
  ca: string,
  client?: Issued,
  headers: Readonly<Record<string, string>> = {},
): Promise<ReturnType<typeof JSON.parse>> {
  const agent = new Agent({ ca, ...client });
  onTestFinished(() => agent.destroy());
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const request = httpsRequest(url, { agent, headers }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk) => chunks.push(chunk));
    response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString())));
    response.on('error', reject);
  });
  request.on('error', reject);
  request.end();
  return promise;
}
