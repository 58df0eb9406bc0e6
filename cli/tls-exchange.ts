/**
 * One HTTPS exchange with a client certificate or a private CA, which `fetch` has no way to be told of.
 */
import { type RequestOptions, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { createSecureContext, getCACertificates } from 'node:tls';
import { misuse } from './failure.ts';

/** PEM texts. */
export interface TlsIdentity {
  /** The client's certificate, with its chain behind it. Absent: none is presented. */
  readonly certificate?: { readonly cert: string; readonly key: string };
  /** Trusted beside the usual ones. */
  readonly ca?: string | undefined;
}

interface Sent {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Received {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * Redirects are answers like any other here.
 * @throws whatever the network does, as `node:https` tells it.
 */
export async function exchangeOverTls(sent: Sent, tls: TlsIdentity, signal: AbortSignal): Promise<Received> {
  const { method, headers, body } = sent;
  const options: RequestOptions = { method, headers, signal, agent: false, ...contextOptions(tls) };
  return new Promise((resolve, reject) => {
    const outgoing = request(sent.url, options, (answer) => {
      const received = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
      const build = (body: string): Received => ({
        status: answer.statusCode ?? 0,
        headers: new Headers(received),
        text: body,
      });
      text(answer).then((body) => resolve(build(body)), reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** @throws Failure (2) for files that are not what they should be, and for a key that is not the certificate's. */
export function checkTlsIdentity({ certificate, ca }: TlsIdentity): void {
  if (ca !== undefined) attempt('--tls-ca is not a PEM certificate', { ca });
  if (certificate === undefined) return;
  attempt('--tls-cert is not a PEM certificate', { cert: certificate.cert });
  attempt('--tls-key is not a PEM private key without passphrase', { key: certificate.key });
  attempt('--tls-key is not the key of --tls-cert', certificate);
}

/** What the library says may repeat what it has read, so it is not told. */
function attempt(
  message: string,
  parts: { readonly cert?: string; readonly key?: string; readonly ca?: string },
): void {
  try {
    createSecureContext(parts);
  } catch {
    throw misuse(message);
  }
}

const contextOptions = ({ certificate, ca }: TlsIdentity): RequestOptions => ({
  ...certificate,
  ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }),
});
