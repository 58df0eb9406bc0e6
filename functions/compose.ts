/**
 * Builds each function's flow on the real adapters, once per execution environment. One builder per function, and no client
 * at module level, so that a bundle holds only what its function uses.
 */

import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { documentClient, kmsClient } from './adapters/aws-clients.ts';
import { dynamoCatalogueReader, dynamoPartnerReader, dynamoRingReader } from './adapters/dynamo-readers.ts';
import { dynamoRegistry } from './adapters/dynamo-registry.ts';
import { dynamoReplayGuard } from './adapters/dynamo-replay-guard.ts';
import { dynamoRevocationList } from './adapters/dynamo-revocation-list.ts';
import { dynamoRingStore } from './adapters/dynamo-ring-store.ts';
import { httpKeySets } from './adapters/http-key-sets.ts';
import { kmsKeyVault } from './adapters/kms-key-vault.ts';
import { kmsSigner } from './adapters/kms-signer.ts';
import { randomIds, randomSerials, systemClock } from './adapters/system.ts';
import { ConfigError, DEFAULT_REALM, ENV, parseSettings, requireVariable, type Settings } from './config.ts';
import { isJwsAlgorithm, type JwsAlgorithm } from './core/algorithms.ts';
import type { RotationPolicy } from './core/key-ring.ts';
import { authorizationServerMetadata, openidConfiguration } from './core/metadata.ts';
import { type CheckToken, checkToken } from './flows/check-token.ts';
import { type IssueToken, issueToken } from './flows/issue-token.ts';
import { type ManageCertificates, manageCertificates } from './flows/manage-certificates.ts';
import { type ManageKeys, manageKeys } from './flows/manage-keys.ts';
import { type ManagePartners, managePartners } from './flows/manage-partners.ts';
import { publishKeys } from './flows/publish-keys.ts';
import { currentRevocations, publishRevocations } from './flows/publish-revocations.ts';
import { type RotateKeys, rotateKeys } from './flows/rotate-keys.ts';

const variable = (name: string): string => requireVariable(process.env, name);

const loadSettings = (): Settings => parseSettings(variable(ENV.settings));

const parseAlgorithms = ({ algorithms }: Settings): readonly [JwsAlgorithm, ...JwsAlgorithm[]] => {
  const [first, ...rest] = algorithms.map((name) => {
    if (!isJwsAlgorithm(name)) throw new ConfigError(`setting algorithms names ${name}, which is not known`);
    return name;
  });
  if (first === undefined) throw new ConfigError('setting algorithms is empty');
  return [first, ...rest];
};

const readerOptions = (settings: Settings) => ({
  client: documentClient(),
  table: variable(ENV.registryTable),
  cacheSeconds: settings.registryCacheSeconds,
});

/** For `token`. */
export const composeIssuer = (): IssueToken => {
  const settings = loadSettings();
  const algorithms = parseAlgorithms(settings);
  const options = readerOptions(settings);
  return issueToken(
    {
      partners: dynamoPartnerReader(options),
      catalogue: dynamoCatalogueReader(options),
      replay: dynamoReplayGuard(options.client, variable(ENV.ephemeraTable)),
      signer: kmsSigner(kmsClient()),
      clock: systemClock,
      ids: randomIds,
    },
    { ...settings, realm: DEFAULT_REALM, issuer: variable(ENV.issuer), defaultAlgorithm: algorithms[0] },
  );
};

/** For `authorizer`. */
export const composeChecker = (): CheckToken => {
  const settings = loadSettings();
  const options = readerOptions(settings);
  return checkToken(
    { partners: dynamoPartnerReader(options), rings: dynamoRingReader(options), clock: systemClock },
    { ...settings, realm: DEFAULT_REALM, issuer: variable(ENV.issuer), audience: variable(ENV.audience) },
  );
};

/** For `discovery`. */
export const composePublisher = () => {
  const settings = loadSettings();
  const issuer = variable(ENV.issuer);
  const options = readerOptions(settings);
  return {
    publishKeys: publishKeys(dynamoRingReader(options), DEFAULT_REALM),
    revokedKeys: currentRevocations(dynamoRevocationList(options.client, options.table), DEFAULT_REALM),
    metadata: {
      '/.well-known/oauth-authorization-server': authorizationServerMetadata({ issuer }),
      '/.well-known/openid-configuration': openidConfiguration({ issuer, algorithms: parseAlgorithms(settings) }),
    },
    jwksMaxAgeSeconds: settings.jwksMaxAgeSeconds,
    metadataMaxAgeSeconds: settings.metadataMaxAgeSeconds,
  };
};

/** For `admin`. */
export const composeManager = (): { readonly manage: ManagePartners; readonly realms: readonly string[] } => ({
  manage: registryManager(documentClient(), variable(ENV.registryTable)),
  realms: [DEFAULT_REALM],
});

const registryManager = (client: DynamoDBDocumentClient, table: string): ManagePartners =>
  managePartners({
    registry: dynamoRegistry(client, table),
    rings: dynamoRingStore(client, table),
    clock: systemClock,
  });

/** Allowance for what AWS takes to be consistent, and for clocks of ours that differ; NTP keeps Lambda within a fraction of it. */
const PROPAGATION_SECONDS = 300;
const CLOCK_SKEW_SECONDS = 60;
/** A run lasts two minutes at most; a key it began to make is taken up by another run after three. */
const CREATION_SECONDS = 180;
const SWEEP_SECONDS = 86_400;

const rotationPolicy = (settings: Settings): RotationPolicy => ({
  leadSeconds: settings.keyLeadSeconds,
  periodSeconds: settings.keyPeriodSeconds,
  maxTokenSeconds: settings.accessTokenSeconds,
  ringCacheSeconds: settings.registryCacheSeconds,
  propagationSeconds: PROPAGATION_SECONDS,
  clockSkewSeconds: CLOCK_SKEW_SECONDS,
  leewaySeconds: settings.clockToleranceSeconds,
  graceSeconds: settings.keyGraceSeconds,
  creationSeconds: CREATION_SECONDS,
  sweepSeconds: SWEEP_SECONDS,
});

/** A command is answered within API Gateway's 30 s; the next run goes on with what took longer. */
const COMMAND_PATIENCE_SECONDS = 10;

const rotator = (maxPatienceSeconds: number) => {
  const settings = loadSettings();
  const client = kmsClient();
  const registry = documentClient();
  const rings = dynamoRingStore(registry, variable(ENV.registryTable));
  const policy = rotationPolicy(settings);
  const patienceMs = 1_000 * Math.min(settings.newKeyPatienceSeconds, maxPatienceSeconds);
  const ports = {
    rings,
    vault: kmsKeyVault({
      client,
      deployment: variable(ENV.deployment),
      keyPolicy: variable(ENV.keyPolicy),
      patienceMs,
    }),
    signer: kmsSigner(client),
    published: httpKeySets([`${variable(ENV.issuer)}/jwks`]),
    clock: systemClock,
    ids: randomIds,
  };
  const algorithms = parseAlgorithms(settings);
  const rotateRings = rotateKeys(ports, { realm: DEFAULT_REALM, algorithms, policy });
  const lists = dynamoRevocationList(registry, variable(ENV.registryTable));
  const publish = publishRevocations(
    { ...ports, lists },
    { realm: DEFAULT_REALM, issuer: variable(ENV.issuer), algorithm: algorithms[0] },
  );
  const rotate: RotateKeys = async (...run) => {
    try {
      return await rotateRings(...run);
    } finally {
      // Also when a step failed: a revocation must be known even while KMS does not disable the key.
      await publish();
    }
  };
  return { ports, policy, rotate };
};

/** For `rotate-keys`. */
export const composeRotator = (): RotateKeys => rotator(Number.POSITIVE_INFINITY).rotate;

/** For `keys`. */
export const composeKeyManager = (): {
  readonly manage: ManageKeys;
  readonly certificates: ManageCertificates;
  readonly realms: readonly string[];
} => {
  const { ports, policy, rotate } = rotator(COMMAND_PATIENCE_SECONDS);
  return {
    manage: manageKeys({ ...ports, rotate }, { policy }),
    certificates: manageCertificates({ ...ports, serials: randomSerials }),
    realms: [DEFAULT_REALM],
  };
};
