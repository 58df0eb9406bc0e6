/**
 * A resource of today, protected with the verifier library, that old servers call as well: it answers them with their challenge and hands
 * their tokens in at the service. It tells callers who it takes them for.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createMicrosoftBridge } from '../../../sdk/microsoft.ts';
import { refusalAnswer } from '../../../sdk/refusal-answer.ts';
import type { Fetch } from '../../../sdk/remote-document.ts';
import { createVerifier, type Verifier } from '../../../sdk/verifier.ts';
import { certify, startTlsServer } from '../../support/tls-server.ts';
import { send } from '../servers/transport.ts';
import type { Enterprise } from './enterprise.ts';

/** The library's calls by HTTPS with the certificates of these tests. */
const throughTls: Fetch = async (url, { method = 'GET', headers, body }) => {
  const plain = Object.fromEntries(new Headers(headers));
  const sent = { method, headers: plain, ...(typeof body === 'string' ? { body } : {}) };
  const { status, headers: answered, text } = await send(url, sent);
  const pairs = Object.entries(answered).map(([name, values = []]) => [name, values.join(', ')] as [string, string]);
  return new Response(text, { status, headers: pairs });
};

export interface ProtectedResource {
  /** The audience, and where it is. */
  readonly url: string;
  /** Tells callers that it trusts these issuers. */
  trust(...issuers: readonly string[]): void;
}

export const startResource = async (
  { issuer, names }: Enterprise,
  now: () => number,
  cleanup: AsyncDisposableStack,
): Promise<ProtectedResource> => {
  let bridge: Verifier | undefined;
  const listening = await startTlsServer((request, response) => void answer(bridge, request, response), {
    certificate: await certify(['localhost']),
  });
  cleanup.use(listening);
  const url = `https://localhost:${listening.port}`;
  const verifier = createVerifier({ issuer, audience: url, fetch: throughTls, now });
  const trust = (...trustedIssuers: readonly string[]): void => {
    bridge = createMicrosoftBridge({
      ...{ verifier, resource: url, issuer, fetch: throughTls, now, keepSeconds: 0 },
      ...{ clientId: names.applicationId, realm: names.realm },
      ...(trustedIssuers.length === 0 ? {} : { trustedIssuers }),
    });
  };
  trust();
  return { url, trust };
};

const answer = async (
  verifier: Verifier | undefined,
  { method = 'GET', headers, url }: IncomingMessage,
  response: ServerResponse,
) => {
  try {
    const claims = await verifier?.verify({ method, url: `https://${headers.host}${url}`, headers });
    response.setHeader('content-type', 'application/json').end(JSON.stringify(claims?.all));
  } catch (error) {
    const refusal = refusalAnswer(error);
    response.writeHead(refusal?.status ?? 500, refusal?.headers ?? {}).end(String(error));
  }
};
