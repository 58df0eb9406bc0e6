/**
 * Whom a certificate speaks of: a distinguished name of the attributes that CAs ask for, and DNS names besides. Checked here,
 * so that what is encoded later cannot be refused by a strict reader.
 */

import { accept, type Result, refuse } from './errors.ts';
import type { InputProblem } from './public-key.ts';

/** Short names as in RFC 4514 3. */
export interface Subject {
  readonly CN: string;
  readonly OU?: string | undefined;
  readonly O?: string | undefined;
  readonly L?: string | undefined;
  readonly ST?: string | undefined;
  readonly C?: string | undefined;
}

export interface SubjectAttribute {
  readonly oid: string;
  /** RFC 5280 appendix A.1, "upper bounds". */
  readonly maxLength: number;
}

/** In the order of a directory, from the country down, which is how names are encoded. */
export const SUBJECT_ATTRIBUTES: Readonly<Record<keyof Subject, SubjectAttribute>> = {
  C: { oid: '2.5.4.6', maxLength: 2 },
  ST: { oid: '2.5.4.8', maxLength: 128 },
  L: { oid: '2.5.4.7', maxLength: 128 },
  O: { oid: '2.5.4.10', maxLength: 64 },
  OU: { oid: '2.5.4.11', maxLength: 64 },
  CN: { oid: '2.5.4.3', maxLength: 64 },
};

/** The attributes that are there, in the order of their encoding. */
export const subjectEntries = (subject: Subject): readonly (readonly [keyof Subject, string])[] =>
  (Object.keys(SUBJECT_ATTRIBUTES) as (keyof Subject)[]).flatMap((name) => {
    const value = subject[name];
    return value === undefined ? [] : [[name, value] as const];
  });

const MAX_DNS_NAMES = 10;
const MAX_DNS_NAME_LENGTH = 253;
/** RFC 1123 2.1, with the one wildcard that RFC 6125 6.4.3 knows. */
const DNS_NAME = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

export const checkSubject = (
  subject: Subject,
  dnsNames: readonly string[] = [],
): Result<undefined, readonly InputProblem[]> => {
  const problems: InputProblem[] = subjectEntries(subject).flatMap(([name, value]) => {
    const detail = attributeProblem(name, value);
    return detail === undefined ? [] : [{ pointer: `/subject/${name}`, detail }];
  });
  if (dnsNames.length > MAX_DNS_NAMES) {
    problems.push({ pointer: '/dnsNames', detail: `${MAX_DNS_NAMES} DNS names at most` });
    return refuse(problems);
  }
  for (const [index, name] of dnsNames.entries()) {
    if (name.length > MAX_DNS_NAME_LENGTH || !DNS_NAME.test(name))
      problems.push({ pointer: `/dnsNames/${index}`, detail: 'not a DNS name' });
  }
  return problems.length > 0 ? refuse(problems) : accept(undefined);
};

const attributeProblem = (name: keyof Subject, value: string): string | undefined => {
  if (name === 'C') return /^[A-Z]{2}$/.test(value) ? undefined : 'a country is two capital letters (ISO 3166)';
  const { maxLength } = SUBJECT_ATTRIBUTES[name];
  const isText = value.trim() !== '' && value.length <= maxLength && !/[\p{Cc}\p{Cs}]/u.test(value);
  return isText ? undefined : `1 to ${maxLength} printable characters`;
};
