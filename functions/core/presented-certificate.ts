/**
 * The certificate that a client presented in its TLS handshake, as API Gateway hands it over: what it is (RFC 8705 3.1) and whom
 * it speaks of (2.1). Whether its issuer is trusted has been decided by then, at the door; that it is the holder's, too.
 * Names are read from the encoding: as text they can be made to look like others (CVE-2021-44532, CVE-2021-44533).
 */

import { createHash, X509Certificate } from 'node:crypto';
import { PUBLIC_KEY_MEMBERS } from './algorithms.ts';
import { type AlternativeNames, NO_NAMES, readAlternativeNames } from './alternative-name.ts';
import { childrenOf, contentOf, DER, type DerElement, DerError, readDer, readObjectIdentifier } from './der.ts';
import { readName } from './der-name.ts';
import { accept, type Result, refuse } from './errors.ts';
import type { DistinguishedName } from './name-attribute.ts';
import type { EpochSeconds } from './partner.ts';

export interface PresentedCertificate {
  /** SHA-256 of the DER, base64url: what tokens are bound to, as `cnf.x5t#S256`. */
  readonly x5tS256: string;
  /** RFC 7638 thumbprint of its key, if that is of a kind that JOSE has a form for. */
  readonly thumbprint?: string;
  readonly subjectDn: DistinguishedName;
  readonly names: AlternativeNames;
  /** Nobody else vouches for its names: it names itself as its issuer, or is signed by its own key. */
  readonly isSelfSigned: boolean;
  readonly notBefore: EpochSeconds;
  /** Good up to and with this second (RFC 5280 4.1.2.5). */
  readonly notAfter: EpochSeconds;
}

/** One with an ML-DSA-87 key and signature has 10 KB. */
const MAX_PEM_LENGTH = 16_384;
const PEM = /^\s*-----BEGIN CERTIFICATE-----\s*([A-Za-z0-9+/=\s]+?)\s*-----END CERTIFICATE-----\s*$/;

/** @param pem one certificate, as `requestContext.authentication.clientCert.clientCertPem` has it. */
export const readPresentedCertificate = (pem: string): Result<PresentedCertificate> => {
  const malformed = (detail: string) => refuse({ reason: 'certificate_malformed', detail } as const);
  if (pem.length > MAX_PEM_LENGTH) return malformed('too long');
  const base64 = PEM.exec(pem)?.[1]?.replace(/\s/g, '') ?? '';
  const der = Buffer.from(base64, 'base64');
  if (base64 === '' || der.toString('base64') !== base64) return malformed('not one certificate in PEM');
  try {
    return accept(describe(der));
  } catch (error) {
    return malformed(error instanceof DerError ? error.message : 'not a certificate');
  }
};

/** @throws Error when it cannot be read, or not with certainty. */
const describe = (der: Buffer): PresentedCertificate => {
  const x509 = new X509Certificate(der);
  const { issuer, subject, extensions } = readParts(der);
  const thumbprint = keyThumbprint(x509);
  return {
    x5tS256: createHash('sha256').update(der).digest('base64url'),
    ...(thumbprint === undefined ? {} : { thumbprint }),
    subjectDn: readName(subject),
    names: alternativeNames(extensions),
    isSelfSigned: issuer.encoded.equals(subject.encoded) || isSignedByItself(x509),
    notBefore: seconds(x509.validFromDate),
    notAfter: seconds(x509.validToDate),
  };
};

interface Parts {
  readonly issuer: DerElement;
  readonly subject: DerElement;
  readonly extensions: DerElement | undefined;
}

const VERSION_TAG = 0xa0;
const EXTENSIONS_TAG = 0xa3;

/** RFC 5280 4.1. @throws DerError */
const readParts = (der: Buffer): Parts => {
  const [toBeSigned] = childrenOf(readDer(der), DER.sequence);
  if (toBeSigned === undefined) throw new DerError('an empty certificate');
  const members = childrenOf(toBeSigned, DER.sequence);
  const [_serial, _algorithm, issuer, _validity, subject, _key, ...optional] =
    members[0]?.tag === VERSION_TAG ? members.slice(1) : members;
  if (issuer === undefined || subject === undefined) throw new DerError('a certificate without names');
  const wrapper = optional.find(({ tag }) => tag === EXTENSIONS_TAG);
  return { issuer, subject, extensions: wrapper && childrenOf(wrapper, EXTENSIONS_TAG)[0] };
};

const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

/** @throws DerError */
const alternativeNames = (extensions: DerElement | undefined): AlternativeNames => {
  if (extensions === undefined) return NO_NAMES;
  const found = childrenOf(extensions, DER.sequence).flatMap((extension) => {
    const [identifier, ...rest] = childrenOf(extension, DER.sequence);
    return readObjectIdentifier(identifier) === SUBJECT_ALTERNATIVE_NAME ? [rest.at(-1)] : [];
  });
  // RFC 5280 4.2. Of two, one reader takes the first and another the last.
  if (found.length > 1) throw new DerError('two extensions of the same kind');
  return found.length === 0 ? NO_NAMES : readAlternativeNames(readDer(contentOf(found[0], DER.octetString)));
};

/** RFC 7638 3. `undefined` for keys that nothing is signed with here. */
const keyThumbprint = (x509: X509Certificate): string | undefined => {
  const jwk = publicJwk(x509);
  const members = Object.entries(PUBLIC_KEY_MEMBERS).find(([kty]) => kty === jwk?.kty)?.[1];
  if (jwk === undefined || members === undefined) return undefined;
  const named = ['kty', ...members].toSorted().map((name) => [name, jwk[name]] as const);
  return createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(named)))
    .digest('base64url');
};

const publicJwk = (x509: X509Certificate): Readonly<Record<string, unknown>> | undefined => {
  try {
    return { ...x509.publicKey.export({ format: 'jwk' }) };
  } catch {
    return undefined;
  }
};

/** Where OpenSSL cannot even begin, its binding throws instead of saying no. */
const isSignedByItself = (x509: X509Certificate): boolean => {
  try {
    return x509.verify(x509.publicKey);
  } catch {
    return false;
  }
};

const seconds = (date: Date): EpochSeconds => {
  const milliseconds = date.getTime();
  if (Number.isNaN(milliseconds)) throw new DerError('a time that is none');
  return Math.floor(milliseconds / 1_000);
};
