/**
 * Fetches documents from URLs that partners have named, and from nowhere else that such a URL could lead to: the addresses of
 * a host are looked up once, judged, and connected to as they are. One request, no redirect, bounded in time and size.
 */

import { lookup as systemLookup } from 'node:dns/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { PrivateHost } from '../config.ts';
import { MAX_DOCUMENT_BYTES } from '../core/partner-document.ts';
import type { PartnerDocuments } from '../ports.ts';
import { type Destination, destinations } from './partner-url.ts';
import { within } from './reachable-addresses.ts';

interface Address {
  readonly address: string;
  readonly family: number;
}

interface FetcherOptions {
  /** What an operator has allowed beside the public internet. */
  readonly privateHosts: readonly PrivateHost[];
  /** For everything together, from the lookup to the last octet. */
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  /** All addresses of a host. Absent: as the system resolves it. */
  readonly lookup?: (host: string) => Promise<readonly Address[]>;
}

/** Why there is no document; stable. */
type FailureCode =
  | 'url_refused'
  | 'address_refused'
  | 'unreachable'
  | 'tls'
  | 'timeout'
  | 'redirect'
  | 'status'
  | 'too_large'
  | 'content_type'
  | 'content_encoding';

/** Ends a fetch from within. It never leaves this file: what a partner's server does is no outage of ours. */
class NotFetched extends Error {
  readonly code: FailureCode;

  constructor(code: FailureCode, detail: string) {
    super(detail);
    this.code = code;
  }
}

/** @throws RangeError for a range of a private host that is none. */
export const httpsPartnerDocuments = ({
  privateHosts,
  timeoutMs = 5_000,
  maxBytes = MAX_DOCUMENT_BYTES,
  lookup = (host) => systemLookup(host, { all: true, order: 'verbatim' }),
}: FetcherOptions): PartnerDocuments => {
  const destinationOf = { operator: destinations(privateHosts), partner: destinations([]) };
  const fetchText = async (url: string, by: 'operator' | 'partner', deadline: AbortSignal): Promise<string> => {
    const destination = destinationOf[by](url);
    if (typeof destination === 'string') throw new NotFetched('url_refused', destination);
    const addresses = await resolve(destination, lookup);
    deadline.throwIfAborted();
    const response = await open(destination, addresses, deadline);
    try {
      return await read(response, maxBytes);
    } finally {
      response.destroy();
    }
  };
  return {
    fetch: async (url, by) => {
      const deadline = AbortSignal.timeout(timeoutMs);
      try {
        return { ok: true, text: await before(deadline, fetchText(url, by, deadline)) };
      } catch (error) {
        return { ok: false, failure: failureOf(error, deadline.aborted, timeoutMs) };
      }
    },
  };
};

/** @returns every address of the host; all of them may be connected to. */
const resolve = async (
  { host, mayReach }: Destination,
  lookup: (host: string) => Promise<readonly Address[]>,
): Promise<readonly Address[]> => {
  const family = isIP(host);
  const addresses = family === 0 ? await lookup(host) : [{ address: host, family }];
  if (addresses.length === 0) throw new NotFetched('unreachable', 'the host has no address');
  // One that is not public condemns them all: who mixes them in wants us to come to it by chance.
  if (!addresses.every(({ address }) => mayReach(address))) {
    throw new NotFetched('address_refused', 'an address of the host is not a public one, and not allowed');
  }
  return addresses;
};

/** What cannot be called off, such as the system's resolver, is left behind. */
const before = <Value>(deadline: AbortSignal, work: Promise<Value>): Promise<Value> =>
  Promise.race([
    work,
    new Promise<never>((_, reject) => {
      deadline.addEventListener('abort', () => reject(deadline.reason), { once: true });
    }),
  ]);

/** Nothing is looked up a second time, where another answer could come. */
const fixedLookup =
  (addresses: readonly Address[]): LookupFunction =>
  (_host, { all }, callback) => {
    const [first] = addresses;
    if (all) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };

const MAX_HEADER_BYTES = 16_384;

/** Sends the one request. @returns its response, of which nothing but the head has been read. */
const open = (
  { url, host, certificateAuthority }: Destination,
  addresses: readonly Address[],
  deadline: AbortSignal,
): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const isJudged = within(addresses.map(({ address }) => `${address}/${isIP(address) === 4 ? 32 : 128}`));
    let isHandshake = false;
    const outgoing = request(url, {
      // Of its own, so that no connection, TLS session or proxy of the process is used.
      agent: new Agent({ keepAlive: false, maxCachedSessions: 0, proxyEnv: {}, autoSelectFamily: true }),
      lookup: fixedLookup(addresses),
      servername: isIP(host) === 0 ? host : '',
      // Said, since the environment could say otherwise.
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
      maxHeaderSize: MAX_HEADER_BYTES,
      headers: {
        accept: 'application/json, application/jwk-set+json',
        'accept-encoding': 'identity',
        'user-agent': 'countersign',
      },
      signal: deadline,
    });
    outgoing.once('socket', (socket) => {
      socket.once('connect', () => {
        isHandshake = true;
        if (!isJudged(socket.remoteAddress ?? ''))
          socket.destroy(
            new NotFetched('address_refused', 'connected to another address than the one that was judged'),
          );
      });
      socket.once('secureConnect', () => {
        isHandshake = false;
      });
    });
    outgoing.once('response', resolve);
    // Without a listener Node drops the connection and tells nobody.
    outgoing.once('upgrade', (_response, socket) => {
      socket.destroy();
      reject(new NotFetched('status', 'status 101; 200 is wanted'));
    });
    // Stays after the response: what breaks later is told by reading it.
    outgoing.on('error', (error) => reject(isHandshake ? tlsFailure(error) : error));
    outgoing.end();
  });

const tlsFailure = (error: Error): Error =>
  error instanceof NotFetched ? error : new NotFetched('tls', `no trusted TLS connection${codeOf(error)}`);

const JSON_TYPE = /^(?:application|text)\/(?:[a-z0-9!#$&^_.-]{1,100}\+)?json[ \t]*(?:;|$)/i;

const read = async (response: IncomingMessage, maxBytes: number): Promise<string> => {
  checkHead(response, maxBytes);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new NotFetched('content_type', 'the body is not UTF-8');
  }
};

const checkHead = ({ statusCode = 0, headers }: IncomingMessage, maxBytes: number): void => {
  if (statusCode >= 300 && statusCode <= 399)
    throw new NotFetched('redirect', `status ${statusCode}; redirects are not followed`);
  if (statusCode !== 200) throw new NotFetched('status', `status ${statusCode}; 200 is wanted`);
  if (
    (headers['content-encoding'] ?? 'identity') !== 'identity' ||
    (headers['transfer-encoding'] ?? CHUNKED) !== CHUNKED
  )
    throw new NotFetched('content_encoding', 'the body is compressed, which was not asked for');
  const type = headers['content-type'];
  if (type !== undefined && !JSON_TYPE.test(type)) throw new NotFetched('content_type', 'the content type is not JSON');
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
};

const CHUNKED = 'chunked';

const tooLarge = (maxBytes: number) => new NotFetched('too_large', `the document has more than ${maxBytes} bytes`);

const failureOf = (error: unknown, isLate: boolean, timeoutMs: number): { code: FailureCode; detail: string } => {
  // Whatever broke off then, broke off for this.
  if (isLate) return { code: 'timeout', detail: `no whole document within ${timeoutMs} ms` };
  if (error instanceof NotFetched) return { code: error.code, detail: error.message };
  const code = codeOf(error);
  return code === ' (HPE_HEADER_OVERFLOW)'
    ? { code: 'too_large', detail: `the head of the answer has more than ${MAX_HEADER_BYTES} bytes` }
    : { code: 'unreachable', detail: `no answer${code}` };
};

/** The code of a Node or OpenSSL error, ready to be put behind a sentence. Messages could hold what the server has said. */
const codeOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? ` (${code})` : '';
};
