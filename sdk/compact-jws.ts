/**
 * A compact JWS taken apart strictly, nothing of it believed yet (RFC 7515 7.1, RFC 8725 3): bounded, with one spelling only, and with no
 * header extension, since none is understood here.
 */

import { base64url } from 'jose';

export type JsonObject = Readonly<Record<string, unknown>>;

export interface CompactJws {
  readonly jws: string;
  readonly header: JsonObject & { readonly alg: string };
  readonly claims: JsonObject;
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @returns the word for what is wrong with it. */
export const parseCompactJws = (jws: string, maxLength: number): CompactJws | string => {
  if (jws.length > maxLength) return 'too_long';
  const [protectedHeader = '', payload = '', signature = '', ...rest] = jws.split('.');
  if (rest.length > 0 || !BASE64URL.test(signature)) return 'malformed';
  const header = decodeObject(protectedHeader);
  const claims = decodeObject(payload);
  if (header === undefined || claims === undefined) return 'malformed';
  // Also keeps out payloads that are not encoded (RFC 7797).
  if (header.crit !== undefined || header.b64 !== undefined) return 'critical_header';
  return hasAlg(header) ? { jws, header, claims } : 'malformed';
};

const hasAlg = (header: JsonObject): header is JsonObject & { readonly alg: string } => typeof header.alg === 'string';

/**
 * RFC 7515 2, RFC 4648 3.5: no padding, and the bits that are left over are zero, so that equal tokens have equal texts. Decoders are
 * more forgiving.
 */
const BASE64URL = /^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{4}|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]|[A-Za-z0-9_-][AQgw])$/;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** One part of a JWS that is to be a JSON object. @returns `undefined`: it is none. */
export const decodeObject = (part: string): JsonObject | undefined => {
  if (!BASE64URL.test(part)) return undefined;
  try {
    const value: unknown = JSON.parse(utf8.decode(base64url.decode(part)));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

/** SHA-256, base64url: `ath` of a proof (RFC 9449 4.2), and a name for a token that does not give it away. */
export const sha256 = async (text: string | Uint8Array<ArrayBuffer>): Promise<string> => {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
};
