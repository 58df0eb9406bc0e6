/**
 * The L3 construct: one Countersign deployment. Props on top, then the parts in the order in which they need each other.
 * The ids of its children are part of its contract: renaming one replaces the resource behind it, tables and logs included.
 */
import { Names } from 'aws-cdk-lib';
import type * as apigateway from 'aws-cdk-lib/aws-apigatewayv2';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { type AuthorizerOptions, resolveAuthorizer } from './authorizer-options.ts';
import { type Bundles, bundleFunctions } from './bundle.ts';
import type { FunctionNetwork } from './endpoint-function.ts';
import { createFunctions, FUNCTIONS, type ServiceFunctions } from './functions.ts';
import { HttpEntry } from './http-entry.ts';
import { KeyRotation } from './key-rotation.ts';
import { Monitoring } from './monitoring.ts';
import { MutualTlsEntry, type MutualTlsOptions } from './mutual-tls.ts';
import { checkMutualTlsDomain } from './mutual-tls-settings.ts';
import {
  PartnerApplication,
  type PartnerApplicationOptions,
  type PartnerIdentity,
  RegisteredPartner,
} from './partner-application.ts';
import type { PartnerRegistration } from './partner-reference.ts';
import { PartnerRefresh } from './partner-refresh.ts';
import { type GivenSettings, resolveSettings } from './settings.ts';
import { EphemeraTable, RegistryTable } from './tables.ts';
import { type AuthorizerParts, TokenAuthorizer } from './token-authorizer.ts';

/** All optional. The whole-number settings are those of `NUMBER_SETTINGS` and `API_SETTINGS`, with the defaults given there. */
export interface TokenServiceProps extends GivenSettings {
  /**
   * Bundled functions, for several deployments out of one app.
   * @default - the functions of this repository are bundled now
   */
  readonly bundles?: Bundles;
  /**
   * Where in a VPC the function runs that fetches documents of partners, for partners on networks that the VPC is connected with.
   * From there it also has to reach DynamoDB, and public addresses for all other partners. The hosts still have to be
   * allowed one by one: `privateHosts`.
   * @default - the network of Lambda: only what is on the public internet is reached
   */
  readonly partnerNetwork?: FunctionNetwork;
  /**
   * A second domain, on which every caller has to show a TLS client certificate: for client authentication by certificate and for
   * tokens that are bound to one (RFC 8705).
   * @default - none: there are no such clients and no such tokens
   */
  readonly mutualTls?: MutualTlsOptions;
}

export class TokenService extends Construct {
  /** Base URL of the API, without a trailing slash. */
  readonly apiEndpoint: string;
  /** Issuer of the default realm. */
  readonly issuer: string;
  /** Base URL of the domain that asks for TLS client certificates, where there is one. */
  readonly mutualTlsUrl?: string;
  /** That domain, for the DNS record that has to lead to it. */
  readonly mutualTlsDomain?: apigateway.IDomainName;
  /** Value of the tag `countersign:deployment` on every signing key of this deployment. */
  readonly deployment: string;
  readonly registry: RegistryTable;
  readonly ephemera: EphemeraTable;
  /** For partners of other stacks: `new PartnerApplication(stack, id, { service, ... })`. */
  readonly partnerRegistration: PartnerRegistration;
  private readonly entry: HttpEntry;
  private readonly functions: ServiceFunctions;
  /** Scope of partners, so that their ids cannot meet those of the parts of the service. */
  private readonly partners: Construct;
  private readonly monitoring: Monitoring;
  /** Scope of authorizers, likewise. */
  private readonly authorizers: Construct;
  private readonly authorizerParts: AuthorizerParts;
  private readonly madeAuthorizers = new Map<string, { readonly key: string; readonly authorizer: TokenAuthorizer }>();

  /** @throws SettingError when a setting cannot be used, Error when a function has no entry file. */
  constructor(scope: Construct, id: string, props: TokenServiceProps = {}) {
    super(scope, id);
    const settings = resolveSettings(props);
    this.deployment = Names.uniqueResourceName(this, { maxLength: 128, separator: '-' });
    this.registry = new RegistryTable(this, 'Registry');
    this.ephemera = new EphemeraTable(this, 'Ephemera');
    this.entry = new HttpEntry(this, 'Api', settings);
    this.apiEndpoint = this.entry.http.apiEndpoint;
    this.issuer = props.issuer ?? this.apiEndpoint;
    const mutualTls = this.createMutualTls(props);
    if (mutualTls !== undefined) {
      this.mutualTlsUrl = mutualTls.url;
      this.mutualTlsDomain = mutualTls.domain;
    }
    const rotation = new KeyRotation(this, 'KeyRotation');
    const refresh = new PartnerRefresh(this, 'PartnerRefresh');
    const bundles = props.bundles ?? bundleFunctions(FUNCTIONS);
    const deadLetters = { rotation: rotation.deadLetters, refresh: refresh.deadLetters };
    this.functions = createFunctions(this, {
      registry: this.registry,
      ephemera: this.ephemera,
      deadLetters,
      deployment: this.deployment,
      issuer: this.issuer,
      mutualTlsUrl: mutualTls?.url,
      settings: settings.functions,
      privateHosts: settings.privateHosts,
      partnerNetwork: props.partnerNetwork,
      bundles,
    });
    const {
      token,
      introspect,
      revoke,
      register,
      discovery,
      whoami,
      authorizer,
      admin,
      keys,
      rotateKeys,
      refreshPartners,
    } = this.functions;
    const { authorizerCacheSeconds } = settings.functions;
    this.entry.addRoutes({
      token: token.function,
      introspect: introspect.function,
      revoke: revoke.function,
      register: register.function,
      discovery: discovery.function,
      whoami: whoami.function,
      authorizer: authorizer.function,
      admin: admin.function,
      keys: keys.function,
      refreshPartners: refreshPartners.function,
      authorizerCacheSeconds,
    });
    const firstKeys = rotation.run(rotateKeys.function, [this.registry, rotateKeys]);
    refresh.run(refreshPartners.function);
    this.partners = new Construct(this, 'Partners');
    this.partnerRegistration = {
      serviceToken: this.functions.partnerResources.function.functionArn,
      deployment: this.deployment,
      firstKeys,
    };
    const { registry, ephemera, deployment, issuer } = this;
    this.authorizerParts = { registry, ephemera, deployment, issuer, settings: settings.functions, bundles };
    this.monitoring = new Monitoring(this, 'Monitoring', {
      http: this.entry.http,
      token: token.function,
      rotateKeys: rotateKeys.function,
      refreshPartners: refreshPartners.function,
      deadLetters,
    });
    this.authorizers = new Construct(this, 'Authorizers');
  }

  /** Lets a role or user call the admin API, with requests signed by SigV4 for `execute-api`. */
  grantAdmin(grantee: iam.IGrantable): iam.Grant {
    return this.entry.grantAdmin(grantee);
  }

  /**
   * Registers a partner application, in the stack of this service.
   * @throws Error naming everything that is wrong with it.
   */
  addPartner(id: string, options: PartnerApplicationOptions): PartnerApplication {
    return new PartnerApplication(this.partners, id, { ...options, service: this });
  }

  /**
   * A partner that is managed elsewhere, for grants from and to it.
   * @throws Error naming everything that is wrong with it.
   */
  partnerById(id: string, partnerId: string, options: Omit<PartnerIdentity, 'partnerId'> = {}): RegisteredPartner {
    return new RegisteredPartner(this.partners, id, { ...options, partnerId, service: this });
  }

  /**
   * Lets an API of yours accept tokens of this service: one function for each audience, set of scopes, realm and cache time. The
   * same options give the same authorizer.
   * @throws Error naming everything that is wrong with the options.
   */
  authorizer(options: AuthorizerOptions): TokenAuthorizer {
    const resolved = resolveAuthorizer(options, this.authorizerParts.settings);
    const made = this.madeAuthorizers.get(resolved.id);
    if (made !== undefined) {
      if (made.key === resolved.key) return made.authorizer;
      throw new Error(`${this.node.path}: the authorizer ${resolved.id} has other options; give this one another id`);
    }
    const authorizer = new TokenAuthorizer(this.authorizers, resolved, this.authorizerParts);
    this.madeAuthorizers.set(resolved.id, { key: resolved.key, authorizer });
    return authorizer;
  }

  /** Alarms without actions: add yours. Those of the authorizers are among them as soon as these are made. */
  get alarms(): readonly cloudwatch.Alarm[] {
    return [...this.monitoring.alarms, ...[...this.madeAuthorizers.values()].map(({ authorizer }) => authorizer.alarm)];
  }

  private createMutualTls({ mutualTls, issuer }: TokenServiceProps): MutualTlsEntry | undefined {
    if (mutualTls === undefined) return undefined;
    checkMutualTlsDomain(mutualTls.domainName, issuer);
    const { http, stage } = this.entry;
    return new MutualTlsEntry(this, 'MutualTls', { ...mutualTls, http, stage });
  }

  /** Token requests that ended in a crash or a timeout; refusals are not among them. */
  metricTokenErrors(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.functions.token.function.metricErrors(options);
  }

  /** Token requests that Lambda did not run because of a concurrency limit. */
  metricTokenThrottles(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.functions.token.function.metricThrottles(options);
  }

  /** Failed runs of key rotation. */
  metricRotationErrors(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.functions.rotateKeys.function.metricErrors(options);
  }

  /** Requests that the API answered with a 5xx status. */
  metricServerErrors(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.entry.http.metricServerError(options);
  }
}
