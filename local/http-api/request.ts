/**
 * Reads an HTTP request under the limits of API Gateway, before any of it becomes an event.
 * Source: API Gateway developer guide, "Quotas for configuring and running an HTTP API".
 */

import type { IncomingMessage } from 'node:http';
import type { JsonObject } from '../service.ts';
import { clientCertificate } from './client-certificate.ts';

const MAX_BODY_BYTES = 10 * 1024 * 1024;
/** Request line and header values together. */
const MAX_HEAD_BYTES = 10_240;

/** An HTTP request, read completely. */
export interface GatewayRequest {
  readonly method: string;
  /** As sent, percent-encoding and query included. */
  readonly target: string;
  /** Percent-decoded path. */
  readonly path: string;
  readonly rawQuery: string;
  readonly protocol: string;
  /** Lower-case names; repeated headers joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly sourceIp: string;
  readonly clientCertificate: JsonObject | undefined;
}

/** Why a request is turned away before it is routed. */
interface RequestRefusal {
  readonly status: 400 | 413 | 431;
  readonly message: string;
}

export type ReadResult =
  | { readonly ok: true; readonly request: GatewayRequest }
  | { readonly ok: false; readonly refusal: RequestRefusal };

const refuse = (status: RequestRefusal['status'], message: string): ReadResult => ({
  ok: false,
  refusal: { status, message },
});

/** @throws Error when the client goes away while it sends. */
export async function readRequest(incoming: IncomingMessage): Promise<ReadResult> {
  const target = incoming.url ?? '/';
  if (headBytes(incoming, target) > MAX_HEAD_BYTES) return refuse(431, 'Request Header Fields Too Large');
  const mark = target.indexOf('?');
  const path = decodePath(mark < 0 ? target : target.slice(0, mark));
  if (path === undefined) return refuse(400, 'Bad Request');
  const body = await readBody(incoming);
  if (body === undefined) return refuse(413, 'Request Entity Too Large');
  const request: GatewayRequest = {
    method: incoming.method ?? 'GET',
    target,
    path,
    rawQuery: mark < 0 ? '' : target.slice(mark + 1),
    protocol: `HTTP/${incoming.httpVersion}`,
    headers: joinHeaders(incoming.rawHeaders),
    body,
    sourceIp: incoming.socket.remoteAddress ?? '127.0.0.1',
    clientCertificate: clientCertificate(incoming),
  };
  return { ok: true, request };
}

function headBytes(incoming: IncomingMessage, target: string): number {
  const values = incoming.rawHeaders.filter((_, index) => index % 2 === 1);
  return values.reduce((sum, value) => sum + Buffer.byteLength(value, 'latin1'), Buffer.byteLength(target));
}

function decodePath(path: string): string | undefined {
  if (!path.startsWith('/')) return undefined;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** Undefined when it is too large; the rest is then read and dropped, so that the answer can be received. */
async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
    else chunks.length = 0;
  }
  return bytes > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks);
}

function joinHeaders(rawHeaders: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const value = rawHeaders[index + 1] ?? '';
    const joiner = name === 'cookie' ? '; ' : ',';
    headers[name] = headers[name] === undefined ? value : `${headers[name]}${joiner}${value}`;
  }
  return headers;
}
