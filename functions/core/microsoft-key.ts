/**
 * One entry of `keys` in a Microsoft metadata document: a certificate in base64, and its thumbprint if the product gives it.
 * What runs out or is too weak is left out; what contradicts itself refuses the document.
 */

import { type EntryReading, leftOut, refused, taken } from './document-key.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import type { EpochSeconds } from './partner.ts';
import { certificateEnd, decodeBase64, type PartnerCertificate, parseCertificateDer } from './partner-certificate.ts';
import { EXPOSED } from './public-key.ts';

export const readMicrosoftKey = async (entry: unknown, pointer: string, now: EpochSeconds): Promise<EntryReading> => {
  const malformed = (detail: string) => refused({ pointer, detail, code: 'metadata_malformed' });
  if (!isJsonObject(entry)) return malformed('not an object');
  const value = onlyObject(entry, 'keyvalue', 'keyValue');
  if (value === undefined) return malformed('a key has one keyvalue, or keyValue, which is an object');
  if (!isWord(entry.usage, 'signing') || !isWord(value.type, 'x509certificate')) {
    return leftOut({ pointer, detail: 'not a certificate for signing', code: 'metadata_unsupported_key' });
  }
  const certificate = await readCertificate(value.value, pointer, now);
  if ('outcome' in certificate) return certificate;
  const published = publishedThumbprints(entry, value);
  if (published.some((x5t) => x5t !== certificate.x5t)) {
    const detail = 'the x5t that is published is not the thumbprint of the certificate beside it';
    return refused({ pointer, detail, code: 'metadata_x5t_mismatch' });
  }
  return judge(certificate, pointer, now);
};

/** The member under one of its two spellings. Both at once could be two keys, of which readers see one or the other. */
const onlyObject = (parent: JsonObject, ...names: readonly string[]): JsonObject | undefined => {
  const [found, ...more] = names.filter((name) => parent[name] !== undefined).map((name) => parent[name]);
  return more.length === 0 && isJsonObject(found) ? found : undefined;
};

const isWord = (value: unknown, word: string): boolean => typeof value === 'string' && value.toLowerCase() === word;

/** Wherever a product puts it: beside the value, or within it. */
const publishedThumbprints = (entry: JsonObject, value: JsonObject): readonly unknown[] =>
  [entry.keyinfo, entry.keyInfo, value.keyinfo, value.keyInfo].flatMap((info) =>
    info === undefined ? [] : isJsonObject(info) ? (info.x5t ?? []) : [info],
  );

const readCertificate = async (
  value: unknown,
  pointer: string,
  now: EpochSeconds,
): Promise<PartnerCertificate | EntryReading> => {
  const der = typeof value === 'string' ? decodeBase64(value) : undefined;
  if (der?.includes('PRIVATE KEY-----')) return refused({ pointer, detail: EXPOSED, code: 'key_exposed' });
  if (der?.[0] !== 0x30) {
    return refused({ pointer, detail: 'the value is not base64 of a certificate in DER', code: 'metadata_not_der' });
  }
  const parsed = await parseCertificateDer(der, pointer, now);
  if (parsed.ok) return parsed.value;
  const { code, detail } = parsed.refusal;
  if (code === 'key_exposed') return refused(parsed.refusal);
  if (code === 'key_weak') return leftOut({ pointer, detail, code: 'metadata_weak_key' });
  if (code === 'key_unsupported') return leftOut({ pointer, detail, code: 'metadata_unsupported_key' });
  return refused({ pointer, detail, code: 'metadata_malformed' });
};

/** The `kid` is the thumbprint, since that is what tokens of these servers call the key: by `x5t`, and Entra's by `kid` too. */
const judge = (
  { key, x5t, x5tS256, notBefore, notAfter, subject }: PartnerCertificate,
  pointer: string,
  now: EpochSeconds,
): EntryReading => {
  if (key.algorithm !== 'RS256') {
    const detail = 'the profile of these servers has RSA keys only';
    return leftOut({ pointer, detail, code: 'metadata_unsupported_key' });
  }
  if (now > notAfter) {
    const detail = `the certificate of "${subject}" is not valid any more`;
    return leftOut({ pointer, detail, code: 'metadata_expired_cert' });
  }
  return taken({ ...key, kid: x5t, x5t, x5tS256, notBefore, ...certificateEnd(notAfter) });
};
