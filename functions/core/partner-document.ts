/**
 * What a partner publishes about itself: a key set (RFC 7517), authorization server metadata (RFC 8414, OpenID Connect
 * Discovery), or Microsoft's metadata/json/1, told apart by their members. Whether to believe it was decided with the URL.
 */

import type { DocumentKey } from './document-key.ts';
import { accept, type Result, refuse } from './errors.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { readKeySet } from './key-set.ts';
import { isMicrosoftMetadata, readMicrosoftMetadata } from './microsoft-metadata.ts';
import type { EpochSeconds } from './partner.ts';
import { EXPOSED, type InputProblem, isPrivateJwk } from './public-key.ts';
import { readServerMetadata } from './server-metadata.ts';
import { parseStrictJson } from './strict-json.ts';

export interface PartnerDocument {
  readonly format: 'jwks' | 'oauth' | 'microsoft';
  /** Exactly as it stands there. A key set has none. */
  readonly issuer?: string;
  /** Where the keys are, when they are not in the document itself. */
  readonly jwksUri?: string;
  /** In the document's order. Of `oauth`: none. */
  readonly keys: readonly DocumentKey[];
  /** What was left out, and why; one sentence each. */
  readonly warnings: readonly string[];
}

type Read = Result<PartnerDocument, readonly InputProblem[]>;

const wrong = (pointer: string, detail: string, code = 'document_malformed') => refuse([{ pointer, detail, code }]);

/** @param value parsed JSON, see `parseDocumentText`. Every problem has a `code`. */
export const readPartnerDocument = async (value: unknown, now: EpochSeconds): Promise<Read> => {
  if (!isJsonObject(value)) return wrong('', 'a document is a JSON object');
  if (isExposed(value)) return wrong('', EXPOSED, 'key_exposed');
  const { keys } = value;
  if (Array.isArray(keys) && value.jwks_uri !== undefined) {
    return wrong('', 'keys and jwks_uri exclude one another: it would depend on the reader which is meant');
  }
  if (value.jwks_uri !== undefined) {
    const read = readServerMetadata(value);
    return read.ok ? accept({ format: 'oauth', ...read.value, keys: [], warnings: [] }) : read;
  }
  if (!Array.isArray(keys)) return wrong('', 'neither a key set, nor OAuth or OpenID metadata, nor metadata/json/1');
  if (isMicrosoftMetadata(value)) {
    const read = await readMicrosoftMetadata(value, keys, now);
    return read.ok ? accept({ format: 'microsoft', ...read.value }) : read;
  }
  const read = await readKeySet(keys, now);
  return read.ok ? accept({ format: 'jwks', ...read.value }) : read;
};

/** A private key anywhere in it, or in its place. All entries are looked at, however many there are. */
const isExposed = (document: JsonObject): boolean =>
  isPrivateJwk(document) ||
  (Array.isArray(document.keys) && document.keys.some((entry) => isJsonObject(entry) && isPrivateJwk(entry)));

/** Largest document that is read, in octets of UTF-8. */
export const MAX_DOCUMENT_BYTES = 65_536;

/**
 * The text of a document as JSON, strictly.
 * @returns `undefined` for what is too large, not JSON, or has a member twice.
 */
export const parseDocumentText = (text: string): unknown => {
  // In octets a text is at least as long as in UTF-16 units, which cost nothing to count.
  if (text.length > MAX_DOCUMENT_BYTES || Buffer.byteLength(text) > MAX_DOCUMENT_BYTES) return undefined;
  return parseStrictJson(text.startsWith('\ufeff') ? text.slice(1) : text);
};
