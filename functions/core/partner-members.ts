/** The members of a partner that are plain values: what each may look like. */

import { claimProblems } from './custom-claims.ts';
import { TRUST_LEVELS } from './partner.ts';
import type { PartnerChange } from './partner-definition.ts';
import type { InputProblem } from './public-key.ts';
import { isLine } from './realm.ts';
import { isTrustDomain } from './spiffe-id.ts';

type Problems = readonly InputProblem[];

const MAX_NAME_LENGTH = 128;
const MAX_TAGS = 20;
const MAX_ISSUER_LENGTH = 512;
const MAX_URL_LENGTH = 1_024;
/** `constructor` is what objects of JavaScript have of themselves; with another value the AWS SDK refuses to store one. */
const TAG_NAME = /^(?!constructor$)[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/;

/** Everything that is wrong with them; members that are not named are not looked at. */
export const memberProblems = (change: PartnerChange): Problems => {
  const { name, contact, tags = {}, trustLevel, issuer, claims = {}, jwksUri, metadataUrl } = change;
  const line = (member: string, text: string | null | undefined): Problems =>
    typeof text !== 'string' || isLine(text, MAX_NAME_LENGTH)
      ? []
      : [{ pointer: `/${member}`, detail: `1 to ${MAX_NAME_LENGTH} printable characters` }];
  return [
    ...line('name', name),
    ...line('contact', contact),
    ...tagProblems(tags),
    ...(trustLevel === undefined || TRUST_LEVELS.includes(trustLevel)
      ? []
      : [{ pointer: '/trustLevel', detail: `one of ${TRUST_LEVELS.join(', ')}` }]),
    ...(typeof issuer !== 'string' || isPartnerIssuer(issuer) ? [] : [{ pointer: '/issuer', detail: ISSUER_RULE }]),
    ...claimProblems(claims),
    ...urlProblems('jwksUri', jwksUri),
    ...urlProblems('metadataUrl', metadataUrl),
  ];
};

const tagProblems = (tags: Readonly<Record<string, string>>): Problems => {
  const entries = Object.entries(tags);
  if (entries.length > MAX_TAGS) return [{ pointer: '/tags', detail: `at most ${MAX_TAGS} tags` }];
  return entries.flatMap(([name, value]) =>
    TAG_NAME.test(name) && (value === '' || isLine(value, MAX_NAME_LENGTH))
      ? []
      : [{ pointer: '/tags', detail: `not a tag: "${name.slice(0, 64)}"` }],
  );
};

const ISSUER_RULE =
  'an issuer is an https URL without query and fragment, <application>@<realm>, or spiffe://<trust domain>';
const TWO_PART = /^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+$/;

/**
 * RFC 8414 2, the two-part name of the Microsoft profile, or a SPIFFE trust domain. No wildcard: `*` as a realm would speak for
 * everybody.
 */
export const isPartnerIssuer = (issuer: string): boolean => {
  if (issuer.length > MAX_ISSUER_LENGTH) return false;
  return TWO_PART.test(issuer) || isTrustDomain(issuer) || (isHttpsUrl(issuer) && !issuer.includes('?'));
};

/** RFC 3986 2: no character that parsers mend or drop, so that all of them see one URL. No fragment. */
const HTTPS_URL = /^https:\/\/[A-Za-z0-9._~:/?[\]@!$&'()*+,;=%-]+$/;

const isHttpsUrl = (text: string): boolean => {
  const url = HTTPS_URL.test(text) ? URL.parse(text) : null;
  return url !== null && url.username === '' && url.password === '';
};

/** Shape only: whether we may go there is decided when we do, on the address. */
const urlProblems = (member: string, text: string | null | undefined): Problems => {
  if (typeof text !== 'string' || (text.length <= MAX_URL_LENGTH && isHttpsUrl(text))) return [];
  return [{ pointer: `/${member}`, detail: 'an https URL without user name, password and fragment' }];
};
