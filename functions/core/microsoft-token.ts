/**
 * A token of the Microsoft server-to-server profile taken apart, nothing of it believed yet (MS-XOAUTH, MS-SPS2SAUTH 3.1.5): a signed
 * actor token by itself, or inside an unsigned token about a user. Everything that is not exactly one of these two is refused.
 */

import { createHash } from 'node:crypto';
import { base64url } from 'jose';
import { accept, type Result, refuse } from './errors.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { decodeJson, isBase64url } from './jws.ts';
import type { MicrosoftFault } from './microsoft-fault.ts';
import { parsePrincipal } from './microsoft-principal.ts';
import { parseStrictJson } from './strict-json.ts';

/** The part that authenticates the application. */
export interface ActorToken {
  /** The compact form, for the signature check. */
  readonly jws: string;
  /** SHA-1 thumbprint of the certificate (RFC 7515 4.1.7): how this profile names keys. */
  readonly x5t: string | undefined;
  readonly claims: JsonObject;
}

export interface MicrosoftToken {
  readonly actor: ActorToken;
  /** Claims about a user, which nobody has signed: they are the actor's word, and worth what that is. */
  readonly outer?: JsonObject;
}

/** In characters. The largest that is known has 2,200. */
const MAX_TOKEN_LENGTH = 8_192;

/** Keys, and ways to find keys, that the token would bring along itself; and extensions, of which none is understood. */
const FORBIDDEN_MEMBERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'];

/** Steps 1 to 7 of the validation (docs/microsoft.md). */
export const parseMicrosoftToken = (token: string): Result<MicrosoftToken, MicrosoftFault> => {
  const parts = parseParts(token);
  if (!parts.ok) return parts;
  const { header, payload, signature } = parts.value;
  if (header.alg !== 'none') return parseActor(token, parts.value);
  if (signature !== '') return refuse('unexpected_signature');
  const { actortoken, ...outer } = payload;
  if (typeof actortoken !== 'string') return refuse('missing_actor_token');
  const inner = parseParts(actortoken);
  if (!inner.ok) return inner;
  const actor = parseActor(actortoken, inner.value);
  return actor.ok ? accept({ ...actor.value, outer }) : actor;
};

interface Parts {
  readonly header: JsonObject;
  readonly payload: JsonObject;
  readonly signature: string;
}

const parseParts = (token: string): Result<Parts, MicrosoftFault> => {
  const [header, payload, signature, ...rest] = token.length > MAX_TOKEN_LENGTH ? [] : token.split('.');
  if (header === undefined || payload === undefined || signature === undefined || rest.length > 0)
    return refuse('malformed_token');
  if (signature !== '' && !isBase64url(signature)) return refuse('malformed_token');
  const [head, body] = [parseObject(header), parseObject(payload)];
  if (!head.ok) return head;
  if (!body.ok) return body;
  if (FORBIDDEN_MEMBERS.some((name) => Object.hasOwn(head.value, name))) return refuse('forbidden_header');
  if (head.value.typ !== undefined && head.value.typ !== 'JWT') return refuse('unsupported_typ');
  return accept({ header: head.value, payload: body.value, signature });
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const parseObject = (part: string): Result<JsonObject, MicrosoftFault> => {
  if (!isBase64url(part)) return refuse('malformed_token');
  try {
    const text = utf8.decode(base64url.decode(part));
    if (!isJsonObject(JSON.parse(text))) return refuse('malformed_token');
    const value = parseStrictJson(text);
    return isJsonObject(value) ? accept(value) : refuse('duplicate_member');
  } catch {
    return refuse('malformed_token');
  }
};

/** Entra names the certificate twice, in `kid` as well; that is not looked at. */
const parseActor = (jws: string, { header, payload }: Parts): Result<MicrosoftToken, MicrosoftFault> => {
  if (header.alg !== 'RS256') return refuse('unsupported_alg');
  if (Object.hasOwn(payload, 'actortoken')) return refuse('nested_actor_not_allowed');
  const x5t = typeof header.x5t === 'string' ? header.x5t : undefined;
  return accept({ actor: { jws, x5t, claims: payload } });
};

/**
 * Whether a JWT speaks this language, good or bad: it is unsigned, or names an application by `nameid` as no assertion of RFC 7523 does.
 * That decides which checks it has to pass, never that it has passed any.
 */
export const isMicrosoftToken = (token: string): boolean => {
  const [header = '', payload = ''] = token.length > MAX_TOKEN_LENGTH ? [] : token.split('.', 2);
  return decodeJson(header)?.alg === 'none' || parsePrincipal(decodeJson(payload)?.nameid) !== undefined;
};

/**
 * What a use of an actor token is told by: what was signed, since what stands around it anybody could write in another way, and the user.
 * @param jws the actor token.
 */
export const actorTokenId = (jws: string, subject: string): string =>
  `sha256:${createHash('sha256')
    .update(`${jws.slice(0, jws.lastIndexOf('.'))}\0${subject}`)
    .digest('base64url')}`;
