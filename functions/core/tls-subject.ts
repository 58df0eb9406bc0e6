/**
 * Whom a TLS client certificate has to speak of: the one name that a partner is registered under (RFC 8705 2.1.2).
 */

import { canonicalAddress, canonicalDnsName, canonicalEmail, canonicalUri } from './alternative-name.ts';
import { formatDistinguishedName, isSameName, MAX_NAME_LENGTH, parseDistinguishedName } from './distinguished-name.ts';
import { accept, type Result, refuse } from './errors.ts';
import { isJsonObject } from './json-object.ts';
import type { PresentedCertificate } from './presented-certificate.ts';
import type { InputProblem } from './public-key.ts';

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

type Member = (typeof TLS_SUBJECT_MEMBERS)[number];

interface Rule {
  /** The spelling in which it is kept; `undefined`: not such a name. */
  readonly canonical: (text: string) => string | undefined;
  readonly detail: string;
}

const canonicalName = (text: string): string | undefined => {
  const name = parseDistinguishedName(text);
  return name && formatDistinguishedName(name);
};

const RULES: Readonly<Record<Member, Rule>> = {
  subjectDn: {
    canonical: canonicalName,
    detail: `a distinguished name as RFC 4514 writes it, such as CN=billing,O=Example,C=DE, the most specific part first and types without a short name as numbers; ${MAX_NAME_LENGTH} characters at most`,
  },
  sanDns: { canonical: canonicalDnsName, detail: 'a DNS name in ASCII, without wildcard or dot at the end' },
  sanUri: { canonical: canonicalUri, detail: 'an absolute URI of 512 characters at most' },
  sanIp: { canonical: canonicalAddress, detail: 'an IPv4 or IPv6 address without brackets, zone or prefix length' },
  sanEmail: { canonical: canonicalEmail, detail: 'an e-mail address in ASCII' },
};

const isMember = (name: string): name is Member => Object.hasOwn(RULES, name);

/** @returns the subject, its name in the spelling in which it is compared. */
export const parseTlsSubject = (input: unknown, pointer: string): Result<TlsSubject, InputProblem> => {
  const one = `a TLS subject has exactly one of ${TLS_SUBJECT_MEMBERS.join(', ')}`;
  const [entry, ...others] = isJsonObject(input)
    ? Object.entries(input).filter(([, value]) => value !== undefined)
    : [];
  if (entry === undefined || others.length > 0) return refuse({ pointer, detail: one });
  const [member, value] = entry;
  if (!isMember(member)) return refuse({ pointer, detail: one });
  const { canonical, detail } = RULES[member];
  const name = typeof value === 'string' ? canonical(value) : undefined;
  return name === undefined ? refuse({ pointer: `${pointer}/${member}`, detail }) : accept({ [member]: name });
};

/** Whether the certificate speaks of this subject. A subject with more or less than one name is nobody's. */
export const isSubjectOf = (certificate: PresentedCertificate, subject: TlsSubject): boolean => {
  const given = TLS_SUBJECT_MEMBERS.filter((member) => subject[member] !== undefined);
  const [member] = given;
  if (member === undefined || given.length > 1) return false;
  const expected = subject[member] ?? '';
  const { subjectDn, names } = certificate;
  switch (member) {
    case 'subjectDn':
      return isNamed(subjectDn, expected);
    case 'sanDns':
      return isAmong(names.dns, canonicalDnsName(expected));
    case 'sanUri':
      return isAmong(names.uri, canonicalUri(expected));
    case 'sanIp':
      return isAmong(names.ip, canonicalAddress(expected));
    case 'sanEmail':
      return isAmong(names.email, canonicalEmail(expected));
  }
};

const isNamed = (name: PresentedCertificate['subjectDn'], expected: string): boolean => {
  const wanted = parseDistinguishedName(expected);
  return wanted !== undefined && isSameName(name, wanted);
};

const isAmong = (names: readonly string[], wanted: string | undefined): boolean =>
  wanted !== undefined && names.includes(wanted);
