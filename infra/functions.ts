/**
 * The functions of a deployment, each with exactly the environment and the permissions that it needs.
 */
import { Duration } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { ENV, type PrivateHost, type Settings } from '../functions/config.ts';
import { assetDirectory, type Bundles } from './bundle.ts';
import { EndpointFunction, type EndpointFunctionProps, type FunctionNetwork } from './endpoint-function.ts';
import { ROTATION_TIMEOUT } from './key-rotation.ts';
import { acknowledgeNetworkWildcards, networkStatements } from './network-permissions.ts';
import { REFRESH_TIMEOUT } from './partner-refresh.ts';
import {
  acknowledgeKeyWildcards,
  adminStatements,
  authorizerStatements,
  discoveryStatements,
  introspectStatements,
  keyPolicy,
  keysStatements,
  partnerResourcesStatements,
  refreshPartnersStatements,
  registerStatements,
  revokeStatements,
  rotateKeysStatements,
  tokenStatements,
  whoamiStatements,
} from './permissions.ts';
import type { EphemeraTable, RegistryTable } from './tables.ts';

/** Names of the functions: `functions/<name>.lambda.ts` is the entry file of each. */
export const FUNCTIONS = [
  'token',
  'introspect',
  'revoke',
  'register',
  'discovery',
  'whoami',
  'authorizer',
  'admin',
  'keys',
  'rotate-keys',
  'refresh-partners',
  'partner-resources',
] as const;
type FunctionName = (typeof FUNCTIONS)[number];

export interface ServiceFunctions {
  readonly token: EndpointFunction;
  readonly introspect: EndpointFunction;
  readonly revoke: EndpointFunction;
  readonly register: EndpointFunction;
  readonly discovery: EndpointFunction;
  readonly whoami: EndpointFunction;
  readonly authorizer: EndpointFunction;
  readonly admin: EndpointFunction;
  readonly keys: EndpointFunction;
  readonly rotateKeys: EndpointFunction;
  readonly refreshPartners: EndpointFunction;
  readonly partnerResources: EndpointFunction;
}

export interface ServiceFunctionsProps {
  readonly registry: RegistryTable;
  readonly ephemera: EphemeraTable;
  /** Take scheduled runs that failed with all their retries. */
  readonly deadLetters: { readonly rotation: sqs.IQueue; readonly refresh: sqs.IQueue };
  /** Value of the deployment tag on the signing keys. */
  readonly deployment: string;
  /** Issuer of the default realm. */
  readonly issuer: string;
  /** Base URL of the domain that asks for TLS client certificates, where there is one. */
  readonly mutualTlsUrl: string | undefined;
  readonly settings: Settings;
  /** What the refresh of partners may reach beside the public internet. */
  readonly privateHosts: readonly PrivateHost[];
  /** Where the refresh of partners runs, if not in the network of Lambda. */
  readonly partnerNetwork: FunctionNetwork | undefined;
  readonly bundles: Bundles;
}

export const createFunctions = (scope: Construct, props: ServiceFunctionsProps): ServiceFunctions => {
  const { registry, ephemera, deadLetters, deployment, settings, bundles, partnerNetwork } = props;
  const estate = { scope, registry, ephemera, deployment };
  const common = { [ENV.settings]: JSON.stringify(settings) };
  const issuer = { [ENV.issuer]: props.issuer };
  const mutualTls = props.mutualTlsUrl === undefined ? {} : { [ENV.mutualTlsUrl]: props.mutualTlsUrl };
  const registryTable = { [ENV.registryTable]: registry.tableName };
  const ephemeraTable = { [ENV.ephemeraTable]: ephemera.tableName };
  const keyVault = { [ENV.deployment]: deployment, [ENV.keyPolicy]: keyPolicy(scope) };
  const create = (id: string, name: FunctionName, own: Omit<EndpointFunctionProps, 'code'>): EndpointFunction =>
    new EndpointFunction(scope, id, { ...own, code: lambda.Code.fromAsset(assetDirectory(bundles, name)) });

  const functions = {
    token: create('Token', 'token', {
      description: 'Token endpoint: authenticates partners and issues tokens',
      environment: { ...common, ...issuer, ...mutualTls, ...registryTable, ...ephemeraTable },
      statements: tokenStatements(estate),
      memorySize: 1024,
      timeout: Duration.seconds(10),
      holdsAudit: true,
    }),
    introspect: create('Introspect', 'introspect', {
      description: 'Introspection endpoint: tells the owners of resources about tokens',
      environment: { ...common, ...issuer, ...mutualTls, ...registryTable, ...ephemeraTable },
      statements: introspectStatements(estate),
      memorySize: 1024,
      timeout: Duration.seconds(10),
      holdsAudit: true,
    }),
    revoke: create('Revoke', 'revoke', {
      description: 'Revocation endpoint: ends tokens before their time',
      environment: { ...common, ...issuer, ...mutualTls, ...registryTable, ...ephemeraTable },
      statements: revokeStatements(estate),
      memorySize: 1024,
      timeout: Duration.seconds(10),
      holdsAudit: true,
    }),
    register: create('Register', 'register', {
      description: 'Dynamic registration: partners register their own keys',
      environment: { ...common, ...issuer, ...registryTable },
      statements: registerStatements(estate),
      memorySize: 512,
      timeout: Duration.seconds(10),
      holdsAudit: true,
    }),
    discovery: create('Discovery', 'discovery', {
      description: 'Publishes keys and metadata',
      environment: { ...common, ...issuer, ...mutualTls, ...registryTable },
      statements: discoveryStatements(estate),
      memorySize: 512,
      timeout: Duration.seconds(10),
      holdsAudit: false,
    }),
    whoami: create('Whoami', 'whoami', {
      description: 'Answers with the verified claims of the token it was called with',
      environment: {},
      statements: whoamiStatements(),
      memorySize: 256,
      timeout: Duration.seconds(5),
      holdsAudit: false,
    }),
    authorizer: create('Authorizer', 'authorizer', {
      description: 'Verifies access tokens for API Gateway',
      environment: {
        ...common,
        ...issuer,
        ...registryTable,
        ...ephemeraTable,
        [ENV.audience]: `${props.issuer}/whoami`,
        [ENV.resourceUrl]: props.issuer,
      },
      statements: authorizerStatements(estate),
      memorySize: 1024,
      timeout: Duration.seconds(10),
      holdsAudit: true,
    }),
    admin: create('Admin', 'admin', {
      description: 'Admin API: realms, partners, audiences and grants',
      environment: { ...common, ...issuer, ...registryTable, ...ephemeraTable },
      statements: adminStatements(estate),
      memorySize: 512,
      timeout: Duration.seconds(15),
      holdsAudit: true,
    }),
    keys: create('Keys', 'keys', {
      description: 'Admin API: signing keys',
      environment: { ...common, ...issuer, ...registryTable, ...keyVault },
      statements: keysStatements(estate),
      memorySize: 512,
      // API Gateway waits 30 s for an answer.
      timeout: Duration.seconds(29),
      holdsAudit: true,
    }),
    rotateKeys: create('RotateKeys', 'rotate-keys', {
      description: 'Makes and rotates the signing keys',
      environment: { ...common, ...issuer, ...registryTable, ...keyVault },
      statements: rotateKeysStatements(estate, deadLetters.rotation),
      memorySize: 512,
      timeout: ROTATION_TIMEOUT,
      holdsAudit: true,
    }),
    refreshPartners: create('RefreshPartners', 'refresh-partners', {
      description: 'Fetches the documents in which partners publish their keys',
      environment: {
        ...common,
        ...issuer,
        ...registryTable,
        ...ephemeraTable,
        [ENV.privateHosts]: JSON.stringify(props.privateHosts),
      },
      statements: [
        ...refreshPartnersStatements(estate, deadLetters.refresh),
        ...(partnerNetwork === undefined ? [] : networkStatements(scope)),
      ],
      memorySize: 512,
      timeout: REFRESH_TIMEOUT,
      holdsAudit: true,
      network: partnerNetwork,
    }),
    partnerResources: create('PartnerResources', 'partner-resources', {
      description: 'Registers the partners and grants of CloudFormation stacks',
      environment: { ...common, ...issuer, ...registryTable },
      statements: partnerResourcesStatements(estate),
      memorySize: 512,
      timeout: Duration.minutes(2),
      holdsAudit: true,
    }),
  };
  for (const signer of [functions.token, functions.introspect]) acknowledgeKeyWildcards(signer, { createsKeys: false });
  for (const maker of [functions.keys, functions.rotateKeys]) acknowledgeKeyWildcards(maker, { createsKeys: true });
  if (partnerNetwork !== undefined) acknowledgeNetworkWildcards(functions.refreshPartners);
  return functions;
};
