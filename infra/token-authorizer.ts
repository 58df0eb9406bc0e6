/**
 * Authorizers for APIs of yours: each a function that accepts the tokens of one audience, with the scopes it asks for, and what
 * API Gateway needs to know of it. HTTP APIs and REST APIs, in the stack of the service or in another one.
 */
import { Duration, Names } from 'aws-cdk-lib';
import * as rest from 'aws-cdk-lib/aws-apigateway';
import * as http from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { ENV, type Settings } from '../functions/config.ts';
import type { ResolvedAuthorizer } from './authorizer-options.ts';
import { assetDirectory, type Bundles } from './bundle.ts';
import { EMBEDDED_METRICS, EndpointFunction } from './endpoint-function.ts';
import { addChallenge, type MicrosoftOptions } from './microsoft-challenge.ts';
import { actorTokenStatements, authorizerStatements } from './permissions.ts';
import type { EphemeraTable, RegistryTable } from './tables.ts';

/** Where and how a REST API asks. */
export interface RestAuthorizerOptions {
  /**
   * `request`: bound tokens can prove themselves. `token`: API Gateway hands over the header `Authorization` alone, so tokens that
   * are bound to a key or certificate are all refused.
   */
  readonly type: 'token' | 'request';
  /**
   * Where the authorizer's own resource lies. One belongs to one REST API, so give the API itself where there are several, or where it
   * is in another stack.
   * @default - the service
   */
  readonly scope?: Construct;
}

/** What a function of the service is made of. */
export interface AuthorizerParts {
  readonly registry: RegistryTable;
  readonly ephemera: EphemeraTable;
  /** Value of the deployment tag on the signing keys. */
  readonly deployment: string;
  /** Issuer of the default realm. */
  readonly issuer: string;
  readonly settings: Settings;
  readonly bundles: Bundles;
}

/** What fails, beside requests: outages, faults, timeouts and crashes. A refused token is an error of Lambda for REST APIs, but none of ours. */
const FAILURES = logs.FilterPattern.literal(
  '{ ($.message = "outage") || ($.message = "fault") || ($.record.status = "timeout") || ($.record.status = "failure") }',
);

export class TokenAuthorizer extends Construct {
  readonly function: lambda.Function;
  readonly logGroup: logs.LogGroup;
  /** Without an action: add yours. */
  readonly alarm: cloudwatch.Alarm;

  private readonly resultsCacheTtl: Duration;
  private readonly microsoft: MicrosoftOptions | undefined;
  private readonly restAuthorizers = new Map<string, rest.IAuthorizer>();

  constructor(scope: Construct, options: ResolvedAuthorizer, parts: AuthorizerParts) {
    super(scope, options.id);
    this.resultsCacheTtl = options.resultsCacheTtl;
    this.microsoft = options.microsoft;
    const estate = { scope: this, ...parts };
    const { function: checker, logGroup } = new EndpointFunction(this, 'Authorizer', {
      description: 'Verifies access tokens for API Gateway',
      code: lambda.Code.fromAsset(assetDirectory(parts.bundles, 'authorizer')),
      environment: environmentOf(options, parts),
      statements: [
        ...authorizerStatements(estate),
        ...(options.microsoft === undefined ? [] : actorTokenStatements(estate)),
      ],
      memorySize: 1024,
      timeout: Duration.seconds(10),
      holdsAudit: true,
    });
    this.function = checker;
    this.logGroup = logGroup;
    this.alarm = this.watch();
  }

  /** For the routes of HTTP APIs. A token that is not accepted is answered with 403, a missing header with 401. */
  forHttpApi(): http.HttpLambdaAuthorizer {
    return new http.HttpLambdaAuthorizer(`Countersign${this.node.id}`, this.function, {
      responseTypes: [http.HttpLambdaResponseType.SIMPLE],
      identitySource: ['$request.header.Authorization'],
      resultsCacheTtl: this.resultsCacheTtl,
    });
  }

  /**
   * For the methods of one REST API. A token that is not good is answered with 401, one that lacks a scope with 403. The same options
   * give the same authorizer.
   */
  forRestApi({ type, scope = this }: RestAuthorizerOptions): rest.IAuthorizer {
    const id = `Countersign${this.node.id}${type === 'token' ? 'Token' : 'Request'}`;
    const key = `${scope.node.path}/${id}`;
    const made = this.restAuthorizers.get(key) ?? this.createForRest(scope, id, type);
    this.restAuthorizers.set(key, made);
    return made;
  }

  /**
   * Has a REST API answer 401 with the challenge of the Microsoft profile, from which Exchange, SharePoint and Skype for Business learn for
   * whom to make their tokens. Once for each API, whose methods all answer alike. An HTTP API has no such answers.
   * @throws Error where the authorizer does not take such tokens.
   */
  challenge(api: rest.RestApi): void {
    if (this.microsoft === undefined) throw new Error(`${this.node.path}: it has no option microsoft to tell of`);
    addChallenge(api, this.microsoft);
  }

  private createForRest(scope: Construct, id: string, type: RestAuthorizerOptions['type']): rest.IAuthorizer {
    // By its ARN, so that the permission to call it lies where the API is: two stacks must not need each other.
    const handler = lambda.Function.fromFunctionAttributes(scope, `${id}Function`, {
      functionArn: this.function.functionArn,
      sameEnvironment: true,
    });
    const props = { handler, resultsCacheTtl: this.resultsCacheTtl };
    const identitySource = rest.IdentitySource.header('Authorization');
    return type === 'token'
      ? new rest.TokenAuthorizer(scope, id, { ...props, identitySource })
      : new rest.RequestAuthorizer(scope, id, { ...props, identitySources: [identitySource] });
  }

  private watch(): cloudwatch.Alarm {
    const metricName = `AuthorizerFailures-${Names.uniqueResourceName(this, { maxLength: 200, separator: '-' })}`;
    const filter = new logs.MetricFilter(this, 'Failures', {
      logGroup: this.logGroup,
      filterPattern: FAILURES,
      metricNamespace: EMBEDDED_METRICS.namespace,
      metricName,
    });
    return filter.metric({ period: Duration.minutes(5), statistic: 'Sum' }).createAlarm(this, 'AuthorizerFailures', {
      alarmName: `${this.node.path}/AuthorizerFailures`,
      alarmDescription:
        'An authorizer could not decide: callers got a 500 instead of an answer. See AuthorizerFailures in docs/runbook.md.',
      threshold: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
  }
}

const environmentOf = (options: ResolvedAuthorizer, parts: AuthorizerParts): Record<string, string> => ({
  // The function has to know it: what is kept must not be about a bound token, nor outlive a token.
  [ENV.settings]: JSON.stringify({
    ...parts.settings,
    authorizerCacheSeconds: options.resultsCacheTtl.toSeconds(),
  }),
  [ENV.issuer]: parts.issuer,
  [ENV.registryTable]: parts.registry.tableName,
  [ENV.ephemeraTable]: parts.ephemera.tableName,
  [ENV.audience]: options.audience,
  [ENV.realm]: options.realm,
  ...(options.scopes.length === 0 ? {} : { [ENV.scopes]: options.scopes.join(' ') }),
  ...(options.resourceUrl === undefined ? {} : { [ENV.resourceUrl]: options.resourceUrl }),
  ...(options.microsoft === undefined ? {} : { [ENV.actorTokens]: 'accepted' }),
});
