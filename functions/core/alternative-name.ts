/**
 * Subject alternative names (RFC 5280 4.2.1.6): the four kinds that a partner can be known by (RFC 8705 2.1.2), each in the one
 * spelling in which two of them are compared. What has no such spelling has no name here, and so matches nothing.
 */

import { childrenOf, DER, type DerElement } from './der.ts';

export interface AlternativeNames {
  readonly dns: readonly string[];
  readonly uri: readonly string[];
  readonly ip: readonly string[];
  readonly email: readonly string[];
}

export const NO_NAMES: AlternativeNames = { dns: [], uri: [], ip: [], email: [] };

/** Context tags of `GeneralName`. The other kinds are passed over. */
const TAGS = { email: 0x81, dns: 0x82, uri: 0x86, ip: 0x87 } as const;

/** @param names a `GeneralNames`. @throws DerError */
export const readAlternativeNames = (names: DerElement): AlternativeNames => {
  const all = childrenOf(names, DER.sequence);
  const of = (tag: number, read: (content: Buffer) => string | undefined): readonly string[] =>
    all.filter((name) => name.tag === tag).flatMap(({ content }) => read(content) ?? []);
  // Octets beyond ASCII become characters that none of the spellings has.
  const text = (canonical: (text: string) => string | undefined) => (content: Buffer) =>
    canonical(content.toString('latin1'));
  return {
    dns: of(TAGS.dns, text(canonicalDnsName)),
    uri: of(TAGS.uri, text(canonicalUri)),
    ip: of(TAGS.ip, addressOf),
    email: of(TAGS.email, text(canonicalEmail)),
  };
};

const MAX_DNS_NAME_LENGTH = 253;
/** RFC 1123 2.1, and the underscore that names of services have. No wildcard: a partner is one host, not any of a domain. */
const DNS_NAME = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** In lower case (RFC 5280 7.2); internationalized names as `xn--`. */
export const canonicalDnsName = (text: string): string | undefined => {
  const name = text.toLowerCase();
  return text.length <= MAX_DNS_NAME_LENGTH && DNS_NAME.test(name) && canonicalAddress(name) === undefined
    ? name
    : undefined;
};

const MAX_URI_LENGTH = 512;
/** RFC 3986 3, in its characters: a scheme, an authority if there is one, and the rest. */
const URI_PARTS = /^([A-Za-z][A-Za-z0-9+.-]*:)(\/\/[^/?#]*)?([A-Za-z0-9._~:/?#@!$&'()*+,;=%[\]-]*)$/;
const AUTHORITY =
  /^\/\/((?:[A-Za-z0-9._~!$&'()*+,;=:%-]*@)?)((?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?)$/;

/** Absolute; scheme and host in lower case, all else character by character (RFC 5280 7.4). */
export const canonicalUri = (text: string): string | undefined => {
  if (text.length > MAX_URI_LENGTH || !URL.canParse(text)) return undefined;
  const [, scheme = '', authority = '', rest = ''] = URI_PARTS.exec(text) ?? [];
  if (scheme === '' || (authority === '' && rest === '')) return undefined;
  if (authority === '') return `${scheme.toLowerCase()}${rest}`;
  const [, user = '', host] = AUTHORITY.exec(authority) ?? [];
  return host === undefined ? undefined : `${scheme.toLowerCase()}//${user}${host.toLowerCase()}${rest}`;
};

const IPV4 = /^(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})$/;
const IPV6 = /^[0-9A-Fa-f:.]{2,45}$/;

/** RFC 5952 for IPv6, without brackets or zone; dotted decimal without leading zeros for IPv4. */
export const canonicalAddress = (text: string): string | undefined => {
  if (IPV4.test(text)) return text.split('.').every((octet) => Number(octet) < 256) ? text : undefined;
  if (!IPV6.test(text) || !text.includes(':')) return undefined;
  return URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1);
};

/** RFC 5280 4.2.1.6: four octets, or sixteen. */
const addressOf = (content: Buffer): string | undefined => {
  if (content.length === 4) return [...content].join('.');
  const groups = content.toString('hex').match(/.{4}/g);
  return content.length === 16 && groups !== null ? canonicalAddress(groups.join(':')) : undefined;
};

const MAX_LOCAL_PART_LENGTH = 64;
/** RFC 5321 4.1.2, `Dot-string`; quoted ones have several spellings. */
const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;

/** The host in lower case, what is before it as it is (RFC 5280 7.5). */
export const canonicalEmail = (text: string): string | undefined => {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, Math.max(at, 0));
  const host = canonicalDnsName(text.slice(at + 1));
  return local.length <= MAX_LOCAL_PART_LENGTH && LOCAL_PART.test(local) && host !== undefined
    ? `${local}@${host}`
    : undefined;
};
