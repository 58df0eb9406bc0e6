/**
 * Builds each function's flow on the real adapters, once per execution environment. One builder per function, and no client
 * at module level, so that a bundle holds only what its function uses.
 */

import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { documentClient, kmsClient } from './adapters/aws-clients.ts';
import { dynamoDpopNonces } from './adapters/dynamo-dpop-nonces.ts';
import { dynamoGrantRegistry } from './adapters/dynamo-grant-registry.ts';
import { dynamoPartnerRegistry } from './adapters/dynamo-partner-registry.ts';
import { dynamoQuotaCounter } from './adapters/dynamo-quota-counter.ts';
import {
  dynamoAudienceReader,
  dynamoCatalogueReader,
  dynamoIssuerReader,
  dynamoPartnerReader,
  dynamoRealmReader,
  dynamoRingReader,
  dynamoThumbprintReader,
} from './adapters/dynamo-readers.ts';
import { dynamoRealmRegistry } from './adapters/dynamo-realm-registry.ts';
import { dynamoReplayGuard } from './adapters/dynamo-replay-guard.ts';
import { dynamoRevocationList } from './adapters/dynamo-revocation-list.ts';
import { dynamoRingStore } from './adapters/dynamo-ring-store.ts';
import { dynamoTokenRevocations } from './adapters/dynamo-token-revocations.ts';
import { dynamoUserRegistry } from './adapters/dynamo-user-registry.ts';
import { dynamoUserReader } from './adapters/dynamo-users.ts';
import { kmsSigner } from './adapters/kms-signer.ts';
import { dynamoCredentialUses } from './adapters/last-use.ts';
import { httpsPartnerDocuments } from './adapters/partner-fetcher.ts';
import { randomIds, randomSecrets, systemClock, systemPause } from './adapters/system.ts';
import { DEFAULT_REALM, ENV, parsePrivateHosts, type Settings } from './config.ts';
import { realmTerms, untouchedRealm } from './core/realm.ts';
import { loadSettings, readerOptions, realmDefaults, variable } from './deployed-settings.ts';
import { checkActorToken, checkEitherToken } from './flows/check-actor-token.ts';
import { type CheckToken, checkToken } from './flows/check-token.ts';
import { diagnoseToken } from './flows/diagnose-token.ts';
import { type IntrospectToken, introspectToken } from './flows/introspect-token.ts';
import { type IssueToken, issueToken } from './flows/issue-token.ts';
import { manageGrants } from './flows/manage-grants.ts';
import { managePartners } from './flows/manage-partners.ts';
import { type ManageRealms, manageRealms } from './flows/manage-realms.ts';
import { manageSecrets } from './flows/manage-secrets.ts';
import { manageTokens } from './flows/manage-tokens.ts';
import { manageUsers } from './flows/manage-users.ts';
import { onboardPartner } from './flows/onboard-partner.ts';
import { declareResources } from './flows/partner-resource.ts';
import { publishRealm } from './flows/publish-realm.ts';
import { type RefreshPartner, refreshPartner } from './flows/refresh-partner.ts';
import { type RegisterClient, registerClients } from './flows/register-client.ts';
import { type RevokeToken, revokeToken } from './flows/revoke-token.ts';

/** For `token`. */
export const composeIssuer = (): { readonly issue: IssueToken; readonly defaultRealm: string } => {
  const settings = loadSettings();
  const options = readerOptions(settings);
  const ephemera = variable(ENV.ephemeraTable);
  const partners = dynamoPartnerReader(options);
  const issue = issueToken(
    {
      partners: { ...partners, ...dynamoIssuerReader(options, partners) },
      certificates: dynamoThumbprintReader(options, partners),
      users: dynamoUserReader(options),
      catalogue: dynamoCatalogueReader(options),
      realms: dynamoRealmReader(options),
      replay: dynamoReplayGuard(options.client, ephemera),
      quotas: dynamoQuotaCounter(options.client, ephemera),
      nonces: dynamoDpopNonces(options.client, ephemera),
      revocations: dynamoTokenRevocations({ ...options, table: ephemera }),
      signer: kmsSigner(kmsClient()),
      clock: systemClock,
      ids: randomIds,
    },
    { ...realmDefaults(settings), clockToleranceSeconds: settings.clockToleranceSeconds },
  );
  return { issue, defaultRealm: DEFAULT_REALM };
};

/** What an authorizer stands in front of: tokens of which realm, for which audience, with which scopes. */
const guardedResource = (settings: Settings) => {
  const realm = process.env[ENV.realm] ?? DEFAULT_REALM;
  const resourceUrl = process.env[ENV.resourceUrl];
  return {
    realm,
    issuer: realmTerms(untouchedRealm(realm), realmDefaults(settings)).issuer,
    audience: variable(ENV.audience),
    scopes: process.env[ENV.scopes]?.split(' ') ?? [],
    ...(resourceUrl === undefined ? {} : { resourceUrl }),
  };
};

/** What answering clients about tokens takes. */
const clientPorts = (settings: Settings) => {
  const options = readerOptions(settings);
  const ephemera = variable(ENV.ephemeraTable);
  const partners = dynamoPartnerReader(options);
  return {
    partners: { ...partners, ...dynamoIssuerReader(options, partners) },
    realms: dynamoRealmReader(options),
    rings: dynamoRingReader(options),
    replay: dynamoReplayGuard(options.client, ephemera),
    nonces: dynamoDpopNonces(options.client, ephemera),
    revocations: dynamoTokenRevocations({ ...options, table: ephemera }),
    clock: systemClock,
  };
};

const clientSettings = (settings: Settings) => ({
  ...realmDefaults(settings),
  clockToleranceSeconds: settings.clockToleranceSeconds,
});

/** For `introspect`. */
export const composeIntrospector = (): { readonly introspect: IntrospectToken; readonly defaultRealm: string } => {
  const settings = loadSettings();
  const audiences = dynamoAudienceReader(readerOptions(settings));
  const ports = { ...clientPorts(settings), audiences, signer: kmsSigner(kmsClient()) };
  return { introspect: introspectToken(ports, clientSettings(settings)), defaultRealm: DEFAULT_REALM };
};

/** For `revoke`. */
export const composeRevoker = (): { readonly revoke: RevokeToken; readonly defaultRealm: string } => {
  const settings = loadSettings();
  return { revoke: revokeToken(clientPorts(settings), clientSettings(settings)), defaultRealm: DEFAULT_REALM };
};

/** For `authorizer`. */
export const composeChecker = (): CheckToken => {
  const settings = loadSettings();
  const options = readerOptions(settings);
  const ephemera = variable(ENV.ephemeraTable);
  const partners = dynamoPartnerReader(options);
  const ports = {
    partners: { ...partners, ...dynamoIssuerReader(options, partners) },
    audiences: dynamoAudienceReader(options),
    rings: dynamoRingReader(options),
    realms: dynamoRealmReader(options),
    replay: dynamoReplayGuard(options.client, ephemera),
    revocations: dynamoTokenRevocations({ ...options, table: ephemera }),
    clock: systemClock,
  };
  const resource = { ...settings, ...guardedResource(settings), defaults: realmDefaults(settings) };
  const check = checkToken(ports, resource);
  if (process.env[ENV.actorTokens] === undefined) return check;
  const names = { certificates: dynamoThumbprintReader(options, partners), users: dynamoUserReader(options) };
  return checkEitherToken(checkActorToken({ ...ports, ...names }, resource), check);
};

/** For `discovery`. */
export const composePublisher = () => {
  const settings = loadSettings();
  const options = readerOptions(settings);
  return {
    publish: publishRealm(
      {
        realms: dynamoRealmReader(options),
        rings: dynamoRingReader(options),
        lists: dynamoRevocationList(options.client, options.table),
      },
      realmDefaults(settings),
    ),
    defaultRealm: DEFAULT_REALM,
    jwksMaxAgeSeconds: settings.jwksMaxAgeSeconds,
    metadataMaxAgeSeconds: settings.metadataMaxAgeSeconds,
  };
};

const realmManager = (client: DynamoDBDocumentClient, table: string, settings: Settings): ManageRealms =>
  manageRealms({ realms: dynamoRealmRegistry(client, table), clock: systemClock }, realmDefaults(settings));

const registryPorts = (client: DynamoDBDocumentClient, table: string) => ({
  registry: { ...dynamoPartnerRegistry(client, table), ...dynamoGrantRegistry(client, table) },
  realms: dynamoRealmRegistry(client, table),
  rings: dynamoRingStore(client, table),
  clock: systemClock,
  pause: systemPause,
  ids: randomIds,
  secrets: randomSecrets,
});

/** For `admin`. */
export const composeManager = () => {
  const client = documentClient();
  const settings = loadSettings();
  const ephemera = variable(ENV.ephemeraTable);
  const table = variable(ENV.registryTable);
  const ports = {
    ...registryPorts(client, table),
    users: dynamoUserRegistry(client, table),
    uses: dynamoCredentialUses(client, ephemera),
    revocations: dynamoTokenRevocations({ client, table: ephemera, cacheSeconds: 0 }),
  };
  return {
    partners: managePartners(ports),
    secrets: manageSecrets(ports),
    onboarding: onboardPartner(ports),
    grants: manageGrants(ports),
    users: manageUsers(ports),
    tokens: manageTokens(ports, settings),
    diagnose: diagnoseToken(ports, realmDefaults(settings)),
    realms: manageRealms(ports, realmDefaults(settings)),
    defaultRealm: DEFAULT_REALM,
  };
};

/** For `partner-resources`, which shows partners to nobody and so needs not know how they are used. */
export const composeResources = () => {
  const ports = registryPorts(documentClient(), variable(ENV.registryTable));
  const partners = managePartners({ ...ports, uses: { lastUses: async () => new Map() } });
  return {
    declare: declareResources(partners, manageGrants(ports)),
    realms: manageRealms(ports, realmDefaults(loadSettings())),
  };
};

/** For `refresh-partners`. */
export const composeRefresher = (): {
  readonly refresh: RefreshPartner;
  readonly realms: ManageRealms;
  readonly defaultRealm: string;
} => {
  const settings = loadSettings();
  const client = documentClient();
  const table = variable(ENV.registryTable);
  const refresh = refreshPartner(
    {
      registry: dynamoPartnerRegistry(client, table),
      uses: dynamoCredentialUses(client, variable(ENV.ephemeraTable)),
      documents: httpsPartnerDocuments({ privateHosts: parsePrivateHosts(variable(ENV.privateHosts)) }),
      clock: systemClock,
    },
    { intervalSeconds: settings.partnerRefreshSeconds },
  );
  return { refresh, realms: realmManager(client, table, settings), defaultRealm: DEFAULT_REALM };
};

/** For `register`. */
export const composeRegistrar = (): { readonly clients: RegisterClient; readonly defaultRealm: string } => {
  const client = documentClient();
  const table = variable(ENV.registryTable);
  const clients = registerClients(
    {
      registry: dynamoPartnerRegistry(client, table),
      realms: dynamoRealmRegistry(client, table),
      secrets: randomSecrets,
      clock: systemClock,
    },
    realmDefaults(loadSettings()),
  );
  return { clients, defaultRealm: DEFAULT_REALM };
};
