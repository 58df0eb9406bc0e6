/** Certificates that the rotation gives to keys by itself, because servers of the Microsoft profile know a key by nothing else. */

import { formatPrincipal } from './microsoft-principal.ts';
import type { MicrosoftRealm } from './microsoft-profile.ts';

export interface CertificateTerms {
  readonly commonName: string;
  readonly days: number;
}

/** What a key's life is made of. */
interface KeyTimes {
  readonly leadSeconds: number;
  readonly periodSeconds: number;
  readonly maxTokenSeconds: number;
}

const DAY_SECONDS = 86_400;
const MIN_DAYS = 365;
/** So that no key that goes its usual way is ever warned of: the first warning comes so many days before the end. */
const MARGIN_DAYS = 120;

/** Longer than any setting asks for, and what Exchange gives its own: keys end it, not time. */
export const CERTIFICATE_MAX_DAYS = 5 * 365;

/** RFC 5280 A.1, `ub-common-name`. */
const MAX_COMMON_NAME = 64;

/**
 * A key stands by for as long as the one before it signs, then signs for as long itself. A new certificate for the same key would be
 * a new one to verifiers, so the first one lasts until its last token is over.
 */
export const certificateTerms = (
  { applicationId, realms: [realm] }: Pick<MicrosoftRealm, 'applicationId' | 'realms'>,
  { leadSeconds, periodSeconds, maxTokenSeconds }: KeyTimes,
): CertificateTerms => {
  const principal = formatPrincipal({ applicationId, realm });
  const lifeDays = Math.ceil((2 * (periodSeconds + leadSeconds) + maxTokenSeconds) / DAY_SECONDS);
  return {
    commonName: principal.length <= MAX_COMMON_NAME ? principal : applicationId,
    days: Math.min(Math.max(lifeDays + MARGIN_DAYS, MIN_DAYS), CERTIFICATE_MAX_DAYS),
  };
};
