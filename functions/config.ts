/**
 * The contract between the CDK app and the functions: names of environment variables, their bounds and defaults.
 * `infra/` writes them, `compose.ts` reads them; both sides import this file, so they cannot disagree.
 */

/** Environment variable names. */
export const ENV = {
  /** Issuer URL of the default realm, without a trailing slash. */
  issuer: 'ISSUER',
  /** Base URL of the domain that asks its callers for TLS certificates, without a trailing slash. Not set: there is none. */
  mutualTlsUrl: 'COUNTERSIGN_MUTUAL_TLS_URL',
  registryTable: 'REGISTRY_TABLE',
  ephemeraTable: 'EPHEMERA_TABLE',
  /** Value of the deployment tag on every KMS key of this deployment. */
  deployment: 'DEPLOYMENT',
  /** JSON policy document that every KMS key of this deployment is created with. */
  keyPolicy: 'KEY_POLICY',
  /** The audience that the authorizer function accepts. */
  audience: 'AUDIENCE',
  /** Its realm. Not set: the default one. */
  realm: 'REALM',
  /** The scopes that it asks of every token, separated by spaces. Not set: none. */
  scopes: 'SCOPES',
  /** Base URL that the authorized API is also called by, beside API Gateway's own domain names. Not set: there is none. */
  resourceUrl: 'RESOURCE_URL',
  /** `accepted`: the authorized API takes tokens of the Microsoft server-to-server profile as well. Not set: it does not. */
  actorTokens: 'ACTOR_TOKENS',
  /** JSON array of `PrivateHost`: what the function that fetches documents of partners may reach beside the public internet. */
  privateHosts: 'PRIVATE_HOSTS',
  /** All settings of the deployment that a function needs, as JSON: see `Settings`. */
  settings: 'SETTINGS',
} as const;

/** Tag keys on KMS signing keys; IAM policies reach the keys by these alone. */
export const KEY_TAGS = {
  deployment: 'countersign:deployment',
  realm: 'countersign:realm',
  algorithm: 'countersign:algorithm',
  /** Tells one creation of a key from another, so that a run that died half-way can be completed. */
  creation: 'countersign:creation',
} as const;

/** The GSI of the registry: lists partners, audiences and the grants on an audience. */
export const REGISTRY_INDEX = 'listing';

/** Attribute names of the two tables' keys. */
export const KEY_ATTRIBUTES = {
  partition: 'pk',
  sort: 'sk',
  listingPartition: 'listing',
  listingSort: 'listingSort',
  /** Epoch seconds; DynamoDB's TTL attribute of the ephemera table. */
  expiresAt: 'expiresAt',
} as const;

/** The realm that every deployment has; its issuer is the base URL. */
export const DEFAULT_REALM = 'default';

/** How the function was called: by the deploy-time trigger or by the schedule. */
export type RotationRun = 'until-settled' | 'one-step';

interface NumberSetting {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly help: string;
}

const DAY = 86_400;

/**
 * Whole-number settings of a deployment. Each is a CDK context value (`-c accessTokenSeconds=600`) of the same name.
 * The unit is the last word of the name.
 */
export const NUMBER_SETTINGS = {
  accessTokenSeconds: { default: 3600, min: 60, max: DAY, help: 'lifetime of access tokens' },
  assertionSeconds: { default: 300, min: 30, max: 3600, help: 'longest lifetime of a client assertion' },
  clockToleranceSeconds: {
    default: 60,
    min: 0,
    max: 300,
    help: "tolerated difference between a partner's clock and ours",
  },
  registryCacheSeconds: {
    default: 30,
    min: 0,
    max: 30,
    help: 'how long a function may use what it read of a partner or key ring',
  },
  jwksMaxAgeSeconds: { default: 300, min: 0, max: 3600, help: 'max-age of /jwks' },
  metadataMaxAgeSeconds: { default: 3600, min: 0, max: DAY, help: 'max-age of the /.well-known documents' },
  verifierCacheSeconds: { default: 7200, min: 60, max: 7 * DAY, help: 'longest time any verifier keeps a JWKS' },
  keyLeadSeconds: { default: DAY, min: 60, max: 30 * DAY, help: 'least time a key is published before it signs' },
  keyPeriodSeconds: { default: 60 * DAY, min: DAY, max: 730 * DAY, help: 'how long a key signs' },
  keyGraceSeconds: {
    default: 7 * DAY,
    min: 0,
    max: 365 * DAY,
    help: 'between the retirement of a key and the start of its deletion',
  },
  partnerRefreshSeconds: {
    default: 3600,
    min: 300,
    max: DAY,
    help: 'between two looks at the document in which a partner publishes its keys',
  },
  newKeyPatienceSeconds: {
    default: 60,
    min: 0,
    max: 90,
    help: 'how long a deployment waits until AWS lets it reach a key that it has just made',
  },
  authorizerCacheSeconds: {
    default: 0,
    min: 0,
    max: 300,
    help: 'how long API Gateway keeps an answer of the authorizer',
  },
} as const satisfies Record<string, NumberSetting>;

export type Settings = {
  readonly [name in keyof typeof NUMBER_SETTINGS]: number;
} & {
  /** JWA names of the rings that the default realm has; the first is the default. */
  readonly algorithms: readonly string[];
};

export const DEFAULT_ALGORITHMS: readonly string[] = ['RS256', 'ES256'];

/** A setting or a variable is missing or wrong: the deployment is broken, and nothing must run on a guess. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** @throws ConfigError naming the variable. */
export const requireVariable = (environment: Readonly<Record<string, string | undefined>>, name: string): string => {
  const value = environment[name];
  if (value === undefined || value === '') throw new ConfigError(`environment variable ${name} is not set`);
  return value;
};

/** @throws ConfigError naming the setting that is missing or out of bounds. */
export const parseSettings = (text: string): Settings => {
  const values = JSON.parse(text) as Readonly<Record<string, unknown>>;
  for (const [name, { min, max }] of Object.entries(NUMBER_SETTINGS)) {
    const value = values[name];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw new ConfigError(`setting ${name} must be a whole number from ${min} to ${max}`);
    }
  }
  const { algorithms } = values;
  if (!Array.isArray(algorithms) || algorithms.length === 0) throw new ConfigError('setting algorithms is empty');
  return values as unknown as Settings;
};

/**
 * A host on a private network that documents of partners may be fetched from, as an operator has allowed it: the one exception
 * from the rule that these documents lie on the public internet.
 */
export interface PrivateHost {
  /** As `URL.hostname` spells it: a DNS name in lower case, or an IP literal, IPv6 without the brackets. */
  readonly host: string;
  /** CIDR ranges; every address of the host has to lie within one of them. */
  readonly ranges: readonly string[];
  /** PEM of the one certificate that the host's own must be or descend from. Absent: any public authority will do. */
  readonly certificateAuthority?: string;
}

const isPrivateHost = (value: unknown): value is PrivateHost => {
  if (typeof value !== 'object' || value === null) return false;
  const { host, ranges, certificateAuthority } = value as Readonly<Record<string, unknown>>;
  const isAuthority = certificateAuthority === undefined || typeof certificateAuthority === 'string';
  const isRanges = Array.isArray(ranges) && ranges.every((range) => typeof range === 'string');
  return typeof host === 'string' && isRanges && isAuthority;
};

/** @throws ConfigError when it is not a JSON array of private hosts. */
export const parsePrivateHosts = (text: string): readonly PrivateHost[] => {
  const hosts: unknown = JSON.parse(text);
  if (Array.isArray(hosts) && hosts.every(isPrivateHost)) return hosts;
  throw new ConfigError(`${ENV.privateHosts} must be a JSON array of hosts with their ranges`);
};
