/**
 * Certificates as a signing key carries them: base64 DER, the key's own first. What is published of them, and when they end.
 * Reads with node:crypto alone, since the functions that issue and publish have no use for more.
 */

import { createHash, X509Certificate } from 'node:crypto';
import type { JwsAlgorithm } from './algorithms.ts';
import { type KeyRing, publishedKeys } from './key-ring.ts';
import type { EpochSeconds } from './partner.ts';

/** The members of a JWK that speak of a certificate (RFC 7517 4.7 to 4.9). */
export interface CertificateMembers {
  /** Base64, not base64url, DER; each certificate is signed by the one after it. */
  readonly x5c: string[];
  readonly x5t: string;
  readonly 'x5t#S256': string;
}

/** @returns nothing for a key that has no certificate. */
export const certificateMembers = (
  certificates: readonly string[] | undefined,
): CertificateMembers | Record<never, never> => {
  const [leaf] = certificates ?? [];
  if (certificates === undefined || leaf === undefined) return {};
  return { x5c: [...certificates], x5t: thumbprint('sha1', leaf), 'x5t#S256': thumbprint('sha256', leaf) };
};

/** `x5t` (RFC 7515 4.1.7). @param certificate base64 DER. */
export const certificateThumbprint = (certificate: string): string => thumbprint('sha1', certificate);

const thumbprint = (hash: 'sha1' | 'sha256', certificate: string): string =>
  createHash(hash).update(certificate, 'base64').digest('base64url');

/** What a person wants to know of a key's certificate. */
export interface CertificateFacts extends CertificateMembers {
  /** Distinguished names, one attribute a line, as OpenSSL writes them. */
  readonly subject: string;
  readonly issuer: string;
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly notBefore: EpochSeconds;
  readonly notAfter: EpochSeconds;
  /** When the first of the chain ends, which may be before the key's own does. */
  readonly chainNotAfter: EpochSeconds;
}

/** @throws Error when a certificate cannot be read; none gets into a ring unread. */
export const certificateFacts = (certificates: readonly [string, ...string[]]): CertificateFacts => {
  const [leaf] = certificates;
  const { subject, issuer, serialNumber, validFromDate, validToDate } = parse(leaf);
  return {
    subject,
    issuer,
    serialNumber,
    notBefore: seconds(validFromDate),
    notAfter: seconds(validToDate),
    chainNotAfter: chainNotAfter(certificates),
    x5c: [...certificates],
    x5t: thumbprint('sha1', leaf),
    'x5t#S256': thumbprint('sha256', leaf),
  };
};

const parse = (certificate: string): X509Certificate => new X509Certificate(Buffer.from(certificate, 'base64'));

const seconds = (date: Date): EpochSeconds => Math.floor(date.getTime() / 1_000);

const chainNotAfter = (certificates: readonly string[]): EpochSeconds =>
  Math.min(...certificates.map((certificate) => seconds(parse(certificate).validToDate)));

/** The levels of the warning before a certificate ends, in days: time for a CA, for a reminder, and for the telephone. */
const WARNING_DAYS = [7, 30, 60] as const;
/** A key that does not sign yet has its time still before it. */
const STANDBY_WARNING_DAYS = [...WARNING_DAYS, 120] as const;

const DAY_SECONDS = 86_400;

/** A published key whose certificate, or another one of its chain, ends soon or has ended. */
export interface ExpiringCertificate {
  readonly algorithm: JwsAlgorithm;
  readonly kid: string;
  /** The lowest level reached; one that has ended is at 7 as well. */
  readonly withinDays: (typeof STANDBY_WARNING_DAYS)[number];
  /** Whole days; below zero for one that has ended. */
  readonly daysLeft: number;
  readonly notAfter: EpochSeconds;
}

/** @throws Error when a certificate cannot be read; none gets into a ring unread. */
export const expiringCertificates = (rings: readonly KeyRing[], now: EpochSeconds): readonly ExpiringCertificate[] =>
  rings.flatMap((ring) =>
    publishedKeys(ring).flatMap(({ kid, state, certificates = [] }) => {
      if (certificates.length === 0) return [];
      const notAfter = chainNotAfter(certificates);
      const levels = state === 'standby' ? STANDBY_WARNING_DAYS : WARNING_DAYS;
      const withinDays = levels.find((days) => notAfter - now <= days * DAY_SECONDS);
      if (withinDays === undefined) return [];
      return [
        {
          algorithm: ring.algorithm,
          kid,
          withinDays,
          daysLeft: Math.floor((notAfter - now) / DAY_SECONDS),
          notAfter,
        },
      ];
    }),
  );
