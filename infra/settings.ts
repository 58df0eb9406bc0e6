/**
 * The settings of a deployment: their bounds, their defaults, what must hold between them, and how they are read from CDK
 * context (`-c name=value`, or `context` in cdk.json). Reads no environment variable: one context, one template.
 */
import { Token } from 'aws-cdk-lib';
import { DEFAULT_ALGORITHMS, NUMBER_SETTINGS, type PrivateHost, type Settings } from '../functions/config.ts';
import { ALGORITHMS } from './algorithms.ts';
import { MUTUAL_TLS_CHECKS, type MutualTlsSettings, mutualTlsSettings } from './mutual-tls-settings.ts';
import { checkPrivateHosts } from './private-hosts.ts';
import { SettingError } from './setting-error.ts';

/**
 * Request limits of each route of the API. The default rate is half of the 1,000 RSA signatures a second that KMS allows an
 * account and Region (KMS developer guide, request quotas), so one flooding partner leaves room for other users of KMS.
 * The upper bounds are API Gateway's own account quotas.
 */
export const API_SETTINGS = {
  throttleRequestsPerSecond: { default: 500, min: 1, max: 10_000, help: 'steady requests per second on a route' },
  throttleBurstRequests: { default: 1000, min: 1, max: 5000, help: 'requests that a route takes at once' },
} as const;

const BOUNDS = { ...NUMBER_SETTINGS, ...API_SETTINGS };
type NumberName = keyof typeof BOUNDS;

/**
 * Whole numbers, each optional; the unit is in the name. Meaning, bounds and defaults: `NUMBER_SETTINGS` of
 * functions/config.ts and `API_SETTINGS` above.
 */
type NumberProps = { readonly [name in NumberName]?: number };

/** The settings as they are given: props of a `TokenService`. */
export interface GivenSettings extends NumberProps {
  /**
   * Issuer of the default realm: an https URL (http only on a loopback host) without trailing slash, query or fragment.
   * @default - the address of the API
   */
  readonly issuer?: string;
  /**
   * JWA names of the key rings of the default realm; the first signs for resources that name none.
   * @default - RS256 and ES256
   */
  readonly algorithms?: readonly string[];
  /**
   * Hosts on private networks that documents of partners (`jwksUri`, `metadataUrl`) may be fetched from, each with the only
   * addresses that it may have. As context, a JSON array.
   * @default - none: documents are fetched from public addresses only
   */
  readonly privateHosts?: readonly PrivateHost[];
}

/** Checked settings: what the functions get, what only one of them needs, and what only the API needs. */
export interface ResolvedSettings {
  readonly functions: Settings;
  readonly privateHosts: readonly PrivateHost[];
  readonly throttleRequestsPerSecond: number;
  readonly throttleBurstRequests: number;
}

const isNumberName = (name: string): name is NumberName => Object.hasOwn(BOUNDS, name);

const checkNumber = (name: NumberName, value: unknown): number => {
  const { min, max, help } = BOUNDS[name];
  const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number;
  throw new SettingError(name, value, `must be a whole number from ${min} to ${max} (${help})`);
};

const checkAlgorithms = (value: unknown): readonly string[] => {
  const names = typeof value === 'string' ? value.split(',').map((name) => name.trim()) : value;
  const isList = Array.isArray(names) && names.length > 0 && new Set(names).size === names.length;
  if (isList && names.every((name) => ALGORITHMS.includes(name))) return names;
  throw new SettingError('algorithms', value, `must be a comma-separated list, each once, of ${ALGORITHMS.join(', ')}`);
};

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** RFC 8414 2: an https URL without query or fragment. `http` only where nobody else can listen. */
const checkIssuer = (value: unknown): string => {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  const secure =
    url !== null && (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname)));
  // Issuers are compared as strings, so only the canonical spelling will do: no default port, no capitals, no credentials.
  if (url !== null && secure && value === `${url.origin}${url.pathname}`.replace(/\/$/, '') && !value.endsWith('/')) {
    return value;
  }
  throw new SettingError(
    'issuer',
    value,
    'must be an https URL (http only on a loopback host) in canonical form, without trailing slash, query or fragment',
  );
};

const STACK_NAME = /^[A-Za-z][A-Za-z0-9-]{0,127}$/;

const checkStackName = (value: unknown): string => {
  if (typeof value === 'string' && STACK_NAME.test(value)) return value;
  throw new SettingError('stackName', value, 'must be a letter followed by at most 127 letters, digits or hyphens');
};

/** What a verifier may lag behind beyond its own cache: KMS and DynamoDB propagation, clock skew, caches at the edge. */
const LEAD_ALLOWANCE_SECONDS = 300 + 60 + 60;

const checkKeyTimes = (settings: Settings): void => {
  const { keyLeadSeconds, keyPeriodSeconds, jwksMaxAgeSeconds, verifierCacheSeconds } = settings;
  const lead = Math.max(jwksMaxAgeSeconds, verifierCacheSeconds) + LEAD_ALLOWANCE_SECONDS;
  if (keyLeadSeconds < lead) {
    const sum = `the larger of jwksMaxAgeSeconds=${jwksMaxAgeSeconds} and verifierCacheSeconds=${verifierCacheSeconds}, plus ${LEAD_ALLOWANCE_SECONDS}`;
    throw new SettingError('keyLeadSeconds', keyLeadSeconds, `must be at least ${lead} (${sum})`);
  }
  if (keyPeriodSeconds < 2 * keyLeadSeconds) {
    const rule = `must be at least ${2 * keyLeadSeconds} (twice keyLeadSeconds=${keyLeadSeconds})`;
    throw new SettingError('keyPeriodSeconds', keyPeriodSeconds, rule);
  }
};

/**
 * Fills in the defaults and checks every bound and what must hold between settings.
 * @throws SettingError for the first setting that cannot be used.
 */
export const resolveSettings = (given: GivenSettings): ResolvedSettings => {
  const number = (name: NumberName): number => checkNumber(name, given[name] ?? BOUNDS[name].default);
  // An issuer that only the deployment knows, such as a domain name of another stack, cannot be checked here.
  if (given.issuer !== undefined && !Token.isUnresolved(given.issuer)) checkIssuer(given.issuer);
  const functions: Settings = {
    accessTokenSeconds: number('accessTokenSeconds'),
    assertionSeconds: number('assertionSeconds'),
    clockToleranceSeconds: number('clockToleranceSeconds'),
    registryCacheSeconds: number('registryCacheSeconds'),
    jwksMaxAgeSeconds: number('jwksMaxAgeSeconds'),
    metadataMaxAgeSeconds: number('metadataMaxAgeSeconds'),
    verifierCacheSeconds: number('verifierCacheSeconds'),
    keyLeadSeconds: number('keyLeadSeconds'),
    keyPeriodSeconds: number('keyPeriodSeconds'),
    keyGraceSeconds: number('keyGraceSeconds'),
    partnerRefreshSeconds: number('partnerRefreshSeconds'),
    newKeyPatienceSeconds: number('newKeyPatienceSeconds'),
    authorizerCacheSeconds: number('authorizerCacheSeconds'),
    algorithms: checkAlgorithms(given.algorithms ?? DEFAULT_ALGORITHMS),
  };
  checkKeyTimes(functions);
  return {
    functions,
    privateHosts: checkPrivateHosts(given.privateHosts ?? []),
    throttleRequestsPerSecond: number('throttleRequestsPerSecond'),
    throttleBurstRequests: number('throttleBurstRequests'),
  };
};

const CHECKS: Readonly<Record<string, (value: unknown) => unknown>> = {
  issuer: checkIssuer,
  algorithms: checkAlgorithms,
  privateHosts: checkPrivateHosts,
  stackName: checkStackName,
  ...MUTUAL_TLS_CHECKS,
};

/** Everything that the context says. */
export interface ContextSettings extends GivenSettings {
  readonly stackName?: string;
  readonly mutualTls?: MutualTlsSettings;
}

/**
 * Reads the settings out of CDK context. A plain word that is no setting of ours is refused, so that a typing error cannot
 * silently leave a default in force; names with other characters belong to the CDK itself.
 * @param context what `node.getAllContext()` answers; values from the command line are strings.
 * @throws SettingError
 */
export const parseContext = (context: Readonly<Record<string, unknown>>): ContextSettings => {
  const parsed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(context)) {
    if (!/^[A-Za-z]+$/.test(name)) continue;
    const check = isNumberName(name) ? (given: unknown) => checkNumber(name, given) : CHECKS[name];
    if (check === undefined) {
      const known = [...Object.keys(CHECKS), ...Object.keys(BOUNDS)].join(', ');
      throw new SettingError(name, value, `there is no such setting; there are ${known}`);
    }
    const checked = check(value);
    if (!Object.hasOwn(MUTUAL_TLS_CHECKS, name)) parsed[name] = checked;
  }
  const mutualTls = mutualTlsSettings(context);
  return mutualTls === undefined ? parsed : { ...parsed, mutualTls };
};
