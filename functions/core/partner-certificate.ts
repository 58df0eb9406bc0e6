/**
 * The certificate that a partner signs with, taken for the public key in it: whoever registers it vouches for it, so neither its
 * issuer nor its name proves anything here. It is pinned by its thumbprints and good as long as it says.
 */

import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { type ReadCertificate, readCertificate } from './certificate-reading.ts';
import { accept, type Result, refuse } from './errors.ts';
import { excerpt } from './excerpt.ts';
import type { EpochSeconds, PartnerKey } from './partner.ts';
import { EXPOSED, type KeyProblem, type KeyProblemCode, parsePublicKey } from './public-key.ts';

export interface PartnerCertificate {
  readonly key: PartnerKey;
  /** SHA-1 thumbprint of the DER, base64url (RFC 7515 4.1.7): what Microsoft's servers name their keys by. */
  readonly x5t: string;
  /** SHA-256 thumbprint of the DER, base64url (RFC 7515 4.1.8). */
  readonly x5tS256: string;
  readonly notBefore: EpochSeconds;
  /** Valid up to and with this second (RFC 5280 4.1.2.5). */
  readonly notAfter: EpochSeconds;
  /** For people: who it says it is, at most 64 printable characters. */
  readonly subject: string;
}

type Parsed = Promise<Result<PartnerCertificate, KeyProblem>>;

/** The largest one there is a use for, with an ML-DSA-87 key and signature, has half of it. PEM may come with text around it. */
const MAX_TEXT_LENGTH = 32_768;
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/;
const PRIVATE_PEM = /-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY-----/;

/** What a certificate does not say of its key. */
interface KeyNames {
  readonly kid?: string;
  readonly alg?: string;
}

/**
 * One certificate as an operator has it.
 * @param text PEM with one block, or base64 of the DER.
 * @param names what the partner calls the key and signs with; absent: its RFC 7638 thumbprint, and what its kind implies.
 */
export const parsePartnerCertificate = async (
  text: string,
  pointer: string,
  now: EpochSeconds,
  names: KeyNames = {},
): Parsed => {
  const wrong = (detail: string, code: KeyProblemCode = 'key_malformed') => refuse({ pointer, detail, code });
  if (PRIVATE_PEM.test(text)) return wrong(EXPOSED, 'key_exposed');
  if (text.length > MAX_TEXT_LENGTH) return wrong(`a certificate has ${MAX_TEXT_LENGTH} characters at most`);
  const blocks = text.split('-----BEGIN ').length - 1;
  if (blocks > 1) return wrong('one certificate is wanted, and there are several: of a chain, the first');
  const base64 = blocks === 0 ? text : PEM_BLOCK.exec(text)?.[1];
  if (base64 === undefined) return wrong('not a complete PEM block of the type CERTIFICATE');
  const der = decodeBase64(base64.replace(/\s/g, ''));
  if (der === undefined) return wrong('neither PEM nor base64');
  return parseCertificateDer(der, pointer, now, names);
};

/** RFC 5280 4.1.2.5: 99991231235959Z says that there is no end. Nor has a time beyond it a spelling in RFC 3339. */
const NEVER = 253_402_300_799;

/** From when on a credential with this certificate is not good any more; empty: it is good for ever. */
export const certificateEnd = (notAfter: EpochSeconds): { readonly expiresAt?: EpochSeconds } =>
  notAfter < NEVER ? { expiresAt: notAfter + 1 } : {};

/** Each text has one spelling; decoders take several. */
export const decodeBase64 = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'base64');
  return text !== '' && bytes.toString('base64') === text ? bytes : undefined;
};

/** The same for the DER, which has to be one certificate and nothing else. */
export const parseCertificateDer = async (
  der: Buffer,
  pointer: string,
  now: EpochSeconds,
  names: KeyNames = {},
): Parsed => {
  const wrong = (detail: string, code: KeyProblemCode = 'key_malformed') => refuse({ pointer, detail, code });
  const certificate = readCertificate(der);
  if (certificate === undefined) {
    return isPrivateKey(der) ? wrong(EXPOSED, 'key_exposed') : wrong('not one X.509 certificate in DER');
  }
  if (!certificate.maySignData) return wrong('its keyUsage does not allow digitalSignature', 'key_unsupported');
  const jwk = publicJwk(certificate.publicKey);
  if (jwk === undefined) return wrong('its public key is not of a kind that tokens are signed with', 'key_unsupported');
  const key = await parsePublicKey({ ...jwk, ...names }, pointer, now);
  return key.ok ? accept(describe(certificate, key.value)) : key;
};

const describe = ({ der, notBefore, notAfter }: ReadCertificate, key: PartnerKey): PartnerCertificate => ({
  key,
  x5t: createHash('sha1').update(der).digest('base64url'),
  x5tS256: createHash('sha256').update(der).digest('base64url'),
  notBefore,
  notAfter,
  subject: excerpt(new X509Certificate(der).subject?.replaceAll('\n', ', ')),
});

/** @returns `undefined` for a kind of key that JOSE has no form for, such as DSA. */
const publicJwk = (key: KeyObject): Readonly<Record<string, unknown>> | undefined => {
  try {
    return { ...key.export({ format: 'jwk' }) };
  } catch {
    return undefined;
  }
};

/** Whether somebody has handed in the wrong half: PEM in base64, or a private key in one of its DER forms. */
const isPrivateKey = (bytes: Buffer): boolean =>
  PRIVATE_PEM.test(bytes.toString('latin1')) ||
  (['pkcs8', 'pkcs1', 'sec1'] as const).some((type) => {
    try {
      return createPrivateKey({ key: bytes, format: 'der', type }).type === 'private';
    } catch {
      return false;
    }
  });
