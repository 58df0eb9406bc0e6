/** Builds the flows of signing keys on the real adapters, as compose.ts does the others. */

import { documentClient, kmsClient } from './adapters/aws-clients.ts';
import { dynamoRealmRegistry } from './adapters/dynamo-realm-registry.ts';
import { dynamoRevocationList } from './adapters/dynamo-revocation-list.ts';
import { dynamoRingStore } from './adapters/dynamo-ring-store.ts';
import { httpKeySets } from './adapters/http-key-sets.ts';
import { kmsKeyVault } from './adapters/kms-key-vault.ts';
import { kmsSigner } from './adapters/kms-signer.ts';
import { randomIds, randomSerials, systemClock } from './adapters/system.ts';
import { DEFAULT_REALM, ENV, type Settings } from './config.ts';
import { CERTIFICATE_MAX_DAYS, certificateTerms } from './core/certificate-terms.ts';
import type { RotationPolicy } from './core/key-ring.ts';
import { type Realm, realmTerms, untouchedRealm } from './core/realm.ts';
import { loadSettings, realmDefaults, variable } from './deployed-settings.ts';
import { type ManageCertificates, manageCertificates } from './flows/manage-certificates.ts';
import { type ManageKeys, manageKeys } from './flows/manage-keys.ts';
import { type ManageRealms, manageRealms } from './flows/manage-realms.ts';
import { publishRevocations } from './flows/publish-revocations.ts';
import { type RotateKeys, rotateKeys } from './flows/rotate-keys.ts';
import { type RotateRealms, rotateRealms } from './flows/rotate-realms.ts';
import { selfSign } from './flows/self-sign.ts';

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
  const signer = kmsSigner(client);
  const registry = documentClient();
  const table = variable(ENV.registryTable);
  const policy = rotationPolicy(settings);
  const defaults = realmDefaults(settings);
  const patienceMs = 1_000 * Math.min(settings.newKeyPatienceSeconds, maxPatienceSeconds);
  const ports = {
    rings: dynamoRingStore(registry, table),
    vault: kmsKeyVault({
      client,
      deployment: variable(ENV.deployment),
      keyPolicy: variable(ENV.keyPolicy),
      patienceMs,
    }),
    signer,
    selfSign: selfSign({ signer, clock: systemClock, serials: randomSerials }, CERTIFICATE_MAX_DAYS),
    clock: systemClock,
    ids: randomIds,
  };
  const lists = dynamoRevocationList(registry, table);
  const policyOf = ({ policy: { microsoft } }: Realm): RotationPolicy =>
    microsoft === undefined ? policy : { ...policy, certificates: certificateTerms(microsoft, policy) };
  const rotateRealm = (realm: Realm): RotateKeys => {
    const { name, issuer, algorithms } = realmTerms(realm, defaults);
    const published = httpKeySets([`${issuer}/jwks`]);
    const rotate = rotateKeys({ ...ports, published }, { realm: name, algorithms, policy: policyOf(realm) });
    const publish = publishRevocations({ ...ports, lists }, { realm: name, issuer, algorithms });
    return async (...run) => {
      try {
        return await rotate(...run);
      } finally {
        // Also when a step failed: a revocation must be known even while KMS does not disable the key.
        await publish();
      }
    };
  };
  return { ports, policyOf, rotateRealm, realms: dynamoRealmRegistry(registry, table), settings };
};

/** For `rotate-keys`. */
export const composeRotator = (): RotateRealms => {
  const { realms, rotateRealm } = rotator(Number.POSITIVE_INFINITY);
  return rotateRealms(realms, DEFAULT_REALM, (realm, maxSteps) => rotateRealm(realm)(maxSteps));
};

/** For `keys`. */
export const composeKeyManager = (): {
  readonly manage: ManageKeys;
  readonly certificates: ManageCertificates;
  readonly realms: ManageRealms;
  readonly defaultRealm: string;
} => {
  const { ports, policyOf, rotateRealm, realms, settings } = rotator(COMMAND_PATIENCE_SECONDS);
  const realmOf = async (name: string): Promise<Realm> => (await realms.findRealm(name)) ?? untouchedRealm(name);
  return {
    manage: manageKeys({
      ...ports,
      rotate: async (name) => rotateRealm(await realmOf(name)),
      policyOf: async (name) => policyOf(await realmOf(name)),
    }),
    certificates: manageCertificates({ ...ports, serials: randomSerials }),
    realms: manageRealms({ realms, clock: systemClock }, realmDefaults(settings)),
    defaultRealm: DEFAULT_REALM,
  };
};
