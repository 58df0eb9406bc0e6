/**
 * One certificate of a stranger, read once: OpenSSL decides what is well-formed and whether a signature holds, the ASN.1 schema
 * says what OpenSSL's binding does not tell. Everything is read at once, so that nothing can fail later.
 */

import { type KeyObject, X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  BasicConstraints,
  Certificate,
  id_ce_basicConstraints,
  id_ce_keyUsage,
  KeyUsage,
  KeyUsageFlags,
} from '@peculiar/asn1-x509';
import { isSoundSignature } from './certificate-algorithms.ts';
import type { EpochSeconds } from './partner.ts';

export interface ReadCertificate {
  readonly der: Buffer;
  readonly publicKey: KeyObject;
  /** Subject and issuer have the same name. */
  readonly namesItself: boolean;
  readonly notBefore: EpochSeconds;
  /** Valid up to and with this second (RFC 5280 4.1.2.5). */
  readonly notAfter: EpochSeconds;
  /** By its basic constraints and its key usage, if it has that. */
  readonly isAuthority: boolean;
  /** RFC 5280 4.2.1.9; absent: any. */
  readonly pathLength?: number;
  /** Whether the key usage, if there is one, allows signatures over data such as tokens. */
  readonly maySignData: boolean;
  readonly hasSoundSignature: boolean;
  /** An RSA key below 2048 bits. */
  readonly isWeak: boolean;
  /** By name, key identifier and key usage. */
  isIssuedBy(issuer: ReadCertificate): boolean;
  isSignedBy(issuer: ReadCertificate): boolean;
}

const MIN_RSA_BITS = 2_048;

/** @returns `undefined` for what is not one certificate in DER and nothing else. */
export const readCertificate = (der: Buffer): ReadCertificate | undefined => {
  try {
    const x509 = new X509Certificate(der);
    // The binding takes PEM as well, and takes no offence at bytes behind the end.
    return x509.raw.equals(der) ? describe(der, x509) : undefined;
  } catch {
    return undefined;
  }
};

const describe = (der: Buffer, x509: X509Certificate): ReadCertificate => {
  const certificate = AsnConvert.parse(der, Certificate);
  const basicConstraints = findExtension(certificate, id_ce_basicConstraints);
  const keyUsage = findExtension(certificate, id_ce_keyUsage);
  const { publicKey } = x509;
  const pathLength = basicConstraints && AsnConvert.parse(basicConstraints, BasicConstraints).pathLenConstraint;
  const usage = keyUsage && AsnConvert.parse(keyUsage, KeyUsage).toNumber();
  return {
    der,
    publicKey,
    namesItself: x509.subject === x509.issuer,
    notBefore: seconds(x509.validFromDate),
    notAfter: seconds(x509.validToDate),
    isAuthority: x509.ca,
    ...(pathLength === undefined ? {} : { pathLength }),
    maySignData: usage === undefined || (usage & KeyUsageFlags.digitalSignature) !== 0,
    hasSoundSignature: isSoundSignature(certificate.signatureAlgorithm),
    isWeak: (publicKey.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS) < MIN_RSA_BITS,
    isIssuedBy: (issuer) => isTrue(() => x509.checkIssued(new X509Certificate(issuer.der))),
    isSignedBy: (issuer) => isTrue(() => x509.verify(issuer.publicKey)),
  };
};

const findExtension = ({ tbsCertificate }: Certificate, id: string): ArrayBuffer | undefined =>
  tbsCertificate.extensions?.find(({ extnID }) => extnID === id)?.extnValue.buffer;

/** @throws RangeError for a time that is none. */
const seconds = (date: Date): EpochSeconds => {
  const milliseconds = date.getTime();
  if (Number.isNaN(milliseconds)) throw new RangeError('not a time');
  return Math.floor(milliseconds / 1_000);
};

/** Where OpenSSL cannot even begin, its binding throws instead of saying no. */
const isTrue = (check: () => boolean): boolean => {
  try {
    return check();
  } catch {
    return false;
  }
};
