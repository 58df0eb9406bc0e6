/**
 * Whom a TLS client certificate has to speak of: the one name that a partner is registered under (RFC 8705 2.1.2).
 */

/** Exactly one of them is there. */
export interface TlsSubject {
  /** Distinguished name as RFC 4514 writes it. */
  readonly subjectDn?: string;
  readonly sanDns?: string;
  readonly sanUri?: string;
  readonly sanIp?: string;
  readonly sanEmail?: string;
}

export const TLS_SUBJECT_MEMBERS = ['subjectDn', 'sanDns', 'sanUri', 'sanIp', 'sanEmail'] as const;
