/**
 * The setting `privateHosts`: the hosts on private networks that documents of partners may be fetched from, one by one, each
 * with the addresses that it may have. Without it, only public addresses are reached.
 */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { PrivateHost } from '../functions/config.ts';
import { SettingError } from './setting-error.ts';

/** Lambda allows 4 KB for all variables of a function together (Lambda developer guide, "Lambda quotas"). */
const MAX_LENGTH = 2500;

const NAME = 'privateHosts';
const SHAPE = `must be a JSON array of {"host": "...", "ranges": ["10.0.0.0/8", ...], "certificateAuthority": "PEM, optional"}`;
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** Members that are not understood may be misspelt ones, so they are refused. */
const MEMBERS: readonly string[] = ['host', 'ranges', 'certificateAuthority'] satisfies (keyof PrivateHost)[];

/** What the URL parser makes of a host, brackets of an IPv6 address left out; undefined when it takes it for none. */
const canonicalHost = (host: string): string | undefined =>
  URL.parse(`https://${isIP(host) === 6 ? `[${host}]` : host}/`)?.hostname.replace(/^\[|\]$/g, '');

const isHost = (value: unknown): value is string =>
  typeof value === 'string' && (HOST_NAME.test(value) || isIP(value) !== 0) && canonicalHost(value) === value;

const isRange = (value: unknown): value is string => {
  const [, address = '', prefix = ''] =
    /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(typeof value === 'string' ? value : '') ?? [];
  const family = isIP(address);
  // A prefix of 0 would allow every address that there is, which is what this list is there to prevent.
  return family !== 0 && Number(prefix) >= 1 && Number(prefix) <= (family === 4 ? 32 : 128);
};

/** Exactly one: of several, the TLS library would trust each. */
const isCertificate = (value: unknown): value is string => {
  if (typeof value !== 'string' || value.split('-----BEGIN ').length !== 2) return false;
  try {
    return new X509Certificate(value).fingerprint256 !== '';
  } catch {
    return false;
  }
};

/** What is wrong with one host of the list, if anything. */
const problemOf = (value: unknown): string | undefined => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return SHAPE;
  const { host, ranges, certificateAuthority } = value as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(value).find((member) => !MEMBERS.includes(member));
  if (unknown !== undefined) return `a host has no member "${unknown}"; it has ${MEMBERS.join(', ')}`;
  if (!isHost(host)) {
    return 'host must be a host name in lower case or an IP address in its shortest form, without port or brackets';
  }
  if (!Array.isArray(ranges) || ranges.length === 0 || !ranges.every(isRange)) {
    return `ranges of ${host} must be one or more CIDR ranges such as 10.20.0.0/16 or fd00:1::/64`;
  }
  if (certificateAuthority !== undefined && !isCertificate(certificateAuthority)) {
    return `certificateAuthority of ${host} must be exactly one certificate as PEM`;
  }
  return undefined;
};

const notAList = (value: unknown): SettingError =>
  new SettingError(NAME, `${(typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 40)}...`, SHAPE);

const parse = (value: unknown): unknown => {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    throw notAList(value);
  }
};

/**
 * @param value the list, or its JSON text.
 * @throws SettingError for the first host that cannot be used; it does not repeat what stands in place of a certificate.
 */
export const checkPrivateHosts = (value: unknown): readonly PrivateHost[] => {
  const hosts = parse(value);
  if (!Array.isArray(hosts)) throw notAList(value);
  for (const [index, host] of hosts.entries()) {
    const problem = problemOf(host);
    if (problem !== undefined) throw new SettingError(`${NAME}[${index}]`, (host as PrivateHost | null)?.host, problem);
  }
  if (new Set(hosts.map(({ host }) => host)).size < hosts.length) {
    throw new SettingError(
      NAME,
      hosts.map(({ host }) => host),
      'names a host twice; give all its ranges at once',
    );
  }
  const length = JSON.stringify(hosts).length;
  if (length > MAX_LENGTH) {
    throw new SettingError(NAME, `${length} characters`, `must have at most ${MAX_LENGTH} characters as JSON`);
  }
  return hosts;
};
