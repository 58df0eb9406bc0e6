/**
 * The L3 construct: one Countersign deployment. Props on top, then the parts in the order in which they need each other.
 * The ids of its children are part of its contract: renaming one replaces the resource behind it, tables and logs included.
 */
import { Names } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { type Bundles, bundleFunctions } from './bundle.ts';
import { createFunctions, FUNCTIONS, type ServiceFunctions } from './functions.ts';
import { HttpEntry } from './http-entry.ts';
import { KeyRotation } from './key-rotation.ts';
import { Monitoring } from './monitoring.ts';
import { type GivenSettings, resolveSettings } from './settings.ts';
import { EphemeraTable, RegistryTable } from './tables.ts';

/** All optional. The whole-number settings are those of `NUMBER_SETTINGS` and `API_SETTINGS`, with the defaults given there. */
export interface TokenServiceProps extends GivenSettings {
  /**
   * Bundled functions, for several deployments out of one app.
   * @default - the functions of this repository are bundled now
   */
  readonly bundles?: Bundles;
}

export class TokenService extends Construct {
  /** Base URL of the API, without a trailing slash. */
  readonly apiEndpoint: string;
  /** Issuer of the default realm. */
  readonly issuer: string;
  /** Value of the tag `countersign:deployment` on every signing key of this deployment. */
  readonly deployment: string;
  readonly registry: RegistryTable;
  readonly ephemera: EphemeraTable;
  /** Alarms without actions: add yours. */
  readonly alarms: readonly cloudwatch.Alarm[];

  private readonly entry: HttpEntry;
  private readonly functions: ServiceFunctions;

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
    const rotation = new KeyRotation(this, 'KeyRotation');
    this.functions = createFunctions(this, {
      registry: this.registry,
      ephemera: this.ephemera,
      deadLetters: rotation.deadLetters,
      deployment: this.deployment,
      issuer: this.issuer,
      settings: settings.functions,
      bundles: props.bundles ?? bundleFunctions(FUNCTIONS),
    });
    const { token, discovery, whoami, authorizer, admin, keys, rotateKeys } = this.functions;
    const { authorizerCacheSeconds } = settings.functions;
    this.entry.addRoutes({
      token: token.function,
      discovery: discovery.function,
      whoami: whoami.function,
      authorizer: authorizer.function,
      admin: admin.function,
      keys: keys.function,
      authorizerCacheSeconds,
    });
    rotation.run(rotateKeys.function, [this.registry, rotateKeys]);
    this.alarms = new Monitoring(this, 'Monitoring', {
      http: this.entry.http,
      token: token.function,
      rotateKeys: rotateKeys.function,
      deadLetters: rotation.deadLetters,
    }).alarms;
  }

  /** Lets a role or user call the admin API, with requests signed by SigV4 for `execute-api`. */
  grantAdmin(grantee: iam.IGrantable): iam.Grant {
    return this.entry.grantAdmin(grantee);
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
