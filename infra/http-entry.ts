/**
 * The way in: the HTTP API, its stage with limits and access log, and the one table of its routes.
 * The API exists before the functions, because they are told its address; the routes are added after them.
 */
import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import * as api from 'aws-cdk-lib/aws-apigatewayv2';
import * as authorizers from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

export interface HttpEntryProps {
  /** Steady requests per second on each route. */
  readonly throttleRequestsPerSecond: number;
  /** Requests that each route takes at once. */
  readonly throttleBurstRequests: number;
}

/** The functions behind the routes, and how long API Gateway keeps an answer of the authorizer. */
export interface RouteTargets {
  readonly token: lambda.IFunction;
  readonly introspect: lambda.IFunction;
  readonly revoke: lambda.IFunction;
  readonly register: lambda.IFunction;
  readonly discovery: lambda.IFunction;
  readonly whoami: lambda.IFunction;
  readonly authorizer: lambda.IFunction;
  readonly admin: lambda.IFunction;
  readonly keys: lambda.IFunction;
  readonly refreshPartners: lambda.IFunction;
  readonly authorizerCacheSeconds: number;
}

/** Who asked, for which route, and how it went. No path, query or header: those may hold tokens and names of partners. */
const ACCESS_LOG = {
  requestId: '$context.requestId',
  requestTime: '$context.requestTime',
  sourceIp: '$context.identity.sourceIp',
  routeKey: '$context.routeKey',
  protocol: '$context.protocol',
  status: '$context.status',
  responseLength: '$context.responseLength',
  responseLatency: '$context.responseLatency',
  integrationStatus: '$context.integrationStatus',
  integrationLatency: '$context.integrationLatency',
  integrationError: '$context.integrationErrorMessage',
  authorizerError: '$context.authorizer.error',
  error: '$context.error.responseType',
};

const TOKEN_ENDPOINTS = [
  ['Token', '/token'],
  ['RealmToken', '/realms/{realm}/token'],
] as const;
const TOKEN_REASON = 'The token endpoint authenticates its callers itself (RFC 6749 3.2.1).';

const INTROSPECTION = [
  ['Introspect', '/introspect'],
  ['RealmIntrospect', '/realms/{realm}/introspect'],
] as const;
const INTROSPECTION_REASON = 'The introspection endpoint authenticates its callers itself (RFC 7662 2.1).';

const REVOCATION = [
  ['Revoke', '/revoke'],
  ['RealmRevoke', '/realms/{realm}/revoke'],
] as const;
const REVOCATION_REASON = 'The revocation endpoint authenticates its callers itself (RFC 7009 2.1).';

const { GET, PUT, POST, DELETE } = api.HttpMethod;
const REGISTRATION = [
  ['Register', POST, '/register'],
  ['RealmRegister', POST, '/realms/{realm}/register'],
  ['ReadRegistration', GET, '/register/{id}'],
  ['UpdateRegistration', PUT, '/register/{id}'],
  ['RemoveRegistration', DELETE, '/register/{id}'],
  ['RealmReadRegistration', GET, '/realms/{realm}/register/{id}'],
  ['RealmUpdateRegistration', PUT, '/realms/{realm}/register/{id}'],
  ['RealmRemoveRegistration', DELETE, '/realms/{realm}/register/{id}'],
] as const;
const REGISTRATION_REASON =
  'The registration endpoint checks the tokens of its callers itself (RFC 7591 3, RFC 7592 2).';

/** Documents that verifiers and clients fetch before they can trust anything (RFC 7517 5, RFC 8414 3). */
const PUBLISHED = [
  ['Jwks', '/jwks'],
  ['RevokedKeys', '/revoked-keys'],
  ['Metadata', '/.well-known/oauth-authorization-server'],
  ['OpenIdMetadata', '/.well-known/openid-configuration'],
  // OpenID Connect's document has to name one; it authorizes nobody.
  ['Authorize', '/authorize'],
  ['MicrosoftMetadata', '/metadata/json/1'],
  ['RealmJwks', '/realms/{realm}/jwks'],
  ['RealmRevokedKeys', '/realms/{realm}/revoked-keys'],
  ['RealmAuthorize', '/realms/{realm}/authorize'],
  ['RealmMicrosoftMetadata', '/realms/{realm}/metadata/json/1'],
  // Where RFC 8414 3.1 looks for the metadata of an issuer with a path, and where OpenID Connect Discovery 1.0 4 does.
  ['RealmMetadata', '/.well-known/oauth-authorization-server/realms/{realm}'],
  ['RealmOpenIdMetadata', '/realms/{realm}/.well-known/openid-configuration'],
  // RFC 8414 5: the path of OpenID Connect's document, made by the rule of RFC 8414.
  ['RealmOpenIdMetadataInserted', '/.well-known/openid-configuration/realms/{realm}'],
] as const;
const PUBLISHED_REASON = 'Public keys and public metadata: whoever verifies a token fetches them without credentials.';

export class HttpEntry extends Construct {
  readonly http: api.HttpApi;
  readonly stage: api.HttpStage;
  /** The widest of the admin API's IAM-authorized routes; only there once the routes are. */
  private adminRoute?: api.HttpRoute;

  constructor(scope: Construct, id: string, props: HttpEntryProps) {
    super(scope, id);
    this.http = new api.HttpApi(this, 'Http', {
      apiName: Stack.of(this).stackName,
      description: 'Countersign: issues tokens and publishes what verifies them',
      createDefaultStage: false,
    });
    const accessLog = new logs.LogGroup(this, 'AccessLog', {
      retention: logs.RetentionDays.ONE_YEAR,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.stage = new api.HttpStage(this, 'Stage', {
      httpApi: this.http,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: props.throttleRequestsPerSecond, burstLimit: props.throttleBurstRequests },
      accessLogSettings: {
        destination: new api.LogGroupLogDestination(accessLog),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
      },
    });
  }

  /** The one table of routes. Whatever is not in it, API Gateway answers with 404 before any code of ours runs. */
  addRoutes(targets: RouteTargets): void {
    const { ANY } = api.HttpMethod;
    const token = new HttpLambdaIntegration('TokenIntegration', targets.token);
    const introspect = new HttpLambdaIntegration('IntrospectIntegration', targets.introspect);
    const revoke = new HttpLambdaIntegration('RevokeIntegration', targets.revoke);
    const register = new HttpLambdaIntegration('RegisterIntegration', targets.register);
    const discovery = new HttpLambdaIntegration('DiscoveryIntegration', targets.discovery);
    const whoami = new HttpLambdaIntegration('WhoamiIntegration', targets.whoami);
    const admin = new HttpLambdaIntegration('AdminIntegration', targets.admin);
    for (const [id, path] of TOKEN_ENDPOINTS) this.addPublicRoute(id, POST, path, token, TOKEN_REASON);
    for (const [id, path] of INTROSPECTION) this.addPublicRoute(id, POST, path, introspect, INTROSPECTION_REASON);
    for (const [id, path] of REVOCATION) this.addPublicRoute(id, POST, path, revoke, REVOCATION_REASON);
    for (const [id, method, path] of REGISTRATION) {
      this.addPublicRoute(id, method, path, register, REGISTRATION_REASON);
    }
    for (const [id, path] of PUBLISHED) this.addPublicRoute(id, GET, path, discovery, PUBLISHED_REASON);
    this.addRoute('Whoami', GET, '/whoami', whoami, tokenAuthorizer(targets));
    const keys = new HttpLambdaIntegration('KeysIntegration', targets.keys);
    const operators = new authorizers.HttpIamAuthorizer();
    this.adminRoute = this.addRoute('Admin', ANY, '/admin/{proxy+}', admin, operators);
    // The more specific path wins (API Gateway developer guide, "Routing API requests"); keys/{proxy+} alone would leave out keys.
    this.addRoute('Keys', ANY, '/admin/realms/{realm}/keys', keys, operators);
    this.addRoute('Key', ANY, '/admin/realms/{realm}/keys/{proxy+}', keys, operators);
    const refresh = new HttpLambdaIntegration('RefreshPartnersIntegration', targets.refreshPartners);
    this.addRoute('Refresh', POST, '/admin/realms/{realm}/partners/{id}/refresh', refresh, operators);
  }

  /** Lets a role or user call the admin API, signing keys included: IAM sees paths, and the pattern admin/* covers them all. */
  grantAdmin(grantee: iam.IGrantable): iam.Grant {
    if (this.adminRoute === undefined) throw new Error('The API has no routes yet: call addRoutes before grantAdmin');
    return this.adminRoute.grantInvoke(grantee);
  }

  private addRoute(
    id: string,
    method: api.HttpMethod,
    path: string,
    integration: HttpLambdaIntegration,
    authorizer: api.IHttpRouteAuthorizer,
  ): api.HttpRoute {
    const routeKey = api.HttpRouteKey.with(path, method);
    return new api.HttpRoute(this, `${id}Route`, { httpApi: this.http, routeKey, integration, authorizer });
  }

  private addPublicRoute(
    id: string,
    method: api.HttpMethod,
    path: string,
    integration: HttpLambdaIntegration,
    reason: string,
  ): void {
    const route = this.addRoute(id, method, path, integration, new api.HttpNoneAuthorizer());
    Validations.of(route).acknowledge({ id: 'AwsSolutions-APIG4', reason });
  }
}

const tokenAuthorizer = (targets: RouteTargets): api.IHttpRouteAuthorizer =>
  new authorizers.HttpLambdaAuthorizer('Authorizer', targets.authorizer, {
    responseTypes: [authorizers.HttpLambdaResponseType.SIMPLE],
    identitySource: ['$request.header.Authorization'],
    resultsCacheTtl: Duration.seconds(targets.authorizerCacheSeconds),
  });
