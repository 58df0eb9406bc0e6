/**
 * A signed JWT taken apart, nothing of it believed yet (RFC 7515 7.1, RFC 7519 7.2): what may stand in its header, and which kinds of
 * token are looked at where. Which claims it has to have is for those who take it.
 */

import { accept, type Result, refuse } from './errors.ts';
import type { JsonObject } from './json-object.ts';
import { decodeJson, isBase64url } from './jws.ts';

export interface JwtHeader {
  readonly alg: string;
  readonly typ: string | undefined;
  readonly kid: string | undefined;
  /** Thumbprints of the certificate that the key came in (RFC 7515 4.1.7, 4.1.8). */
  readonly x5t: string | undefined;
  readonly x5tS256: string | undefined;
}

interface JwtParts {
  readonly header: JwtHeader;
  readonly payload: JsonObject;
}

/** Longest token that is looked at, in characters. */
const MAX_JWS_LENGTH = 8_192;

const malformed = (detail: string) => refuse({ reason: 'assertion_malformed', detail } as const);

/**
 * @param types the accepted values of `typ` in lower case, without `application/`: RFC 7515 4.1.9 lets it be written with that prefix,
 *   and media types ignore case. `undefined` is a header without it.
 */
export const parseJwt = (jws: string, types: readonly (string | undefined)[]): Result<JwtParts> => {
  const parts = jws.length > MAX_JWS_LENGTH ? [] : jws.split('.');
  const [protectedHeader, encodedPayload, signature] = parts;
  if (parts.length !== 3 || protectedHeader === undefined || encodedPayload === undefined || signature === undefined)
    return malformed('not a compact JWS');
  if (!isBase64url(signature)) return malformed('signature');
  const header = decodeJson(protectedHeader);
  if (header === undefined) return malformed('header');
  const { alg, typ, kid, x5t, 'x5t#S256': x5tS256 } = header;
  if (!isOptionalText(typ)) return malformed('typ');
  if (!types.includes(typ?.toLowerCase().replace(/^application\//, '')))
    return refuse({ reason: 'assertion_typ', typ: typ?.slice(0, 64) ?? '' });
  // No extension is understood here, so none may be critical (RFC 7515 4.1.11); this also keeps b64=false (RFC 7797) out.
  if (header.crit !== undefined || header.b64 !== undefined) return refuse({ reason: 'assertion_critical_header' });
  if (typeof alg !== 'string') return malformed('alg');
  if (!isOptionalText(kid)) return malformed('kid');
  if (!isOptionalText(x5t) || !isOptionalText(x5tS256)) return malformed('x5t');
  const payload = decodeJson(encodedPayload);
  return payload === undefined ? malformed('payload') : accept({ header: { alg, typ, kid, x5t, x5tS256 }, payload });
};

const isOptionalText = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string';
