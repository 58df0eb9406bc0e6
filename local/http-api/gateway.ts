/**
 * What API Gateway does with one request, in order: route, authorize, invoke, answer.
 */

import { randomBytes } from 'node:crypto';
import type { Clock, Placement } from '../service.ts';
import type { HttpApiDefinition, Route } from './definition.ts';
import { type EventContext, integrationEvent } from './event.ts';
import { authorizeByIam, type IamGate } from './iam-authorizer.ts';
import { type FunctionInvoker, invokeWithin } from './invoker.ts';
import { type JwtAuthorization, JwtAuthorizers } from './jwt-authorizer.ts';
import { type AuthorizationResult, LambdaAuthorizers } from './lambda-authorizer.ts';
import type { GatewayRequest } from './request.ts';
import { type GatewayResponse, internalServerError, messageResponse, responseOf } from './response.ts';
import { matchRoute } from './routes.ts';

export interface GatewayOptions extends Placement {
  readonly api: HttpApiDefinition;
  readonly invoker: FunctionInvoker;
  readonly iam: IamGate;
  readonly clock: Clock;
}

type Authorization = AuthorizationResult | JwtAuthorization;

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #authorizers: LambdaAuthorizers;
  readonly #jwtAuthorizers = new JwtAuthorizers();

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#authorizers = new LambdaAuthorizers(options.invoker, options.clock);
  }

  /** @param url of the listener that the request came to. */
  async handle(request: GatewayRequest, url: URL): Promise<GatewayResponse> {
    const requestId = newRequestId();
    const response = await this.#respond(request, requestId, url);
    const date = new Date(this.#options.clock()).toUTCString();
    return { ...response, headers: { ...response.headers, date, 'apigw-requestid': requestId } };
  }

  async #respond(request: GatewayRequest, requestId: string, url: URL): Promise<GatewayResponse> {
    const match = matchRoute(this.#options.api.routes, request.method, request.path);
    if (match === undefined) return messageResponse(404, 'Not Found');
    const context = {
      ...this.#context(match.route, requestId),
      ...listenerOf(url),
      pathParameters: match.pathParameters,
    };
    const authorization = await this.#authorize(request, match.route, context);
    switch (authorization.kind) {
      case 'unauthorized':
        return challenged(messageResponse(401, 'Unauthorized'), authorization);
      case 'forbidden':
        return challenged(messageResponse(403, 'Forbidden'), authorization);
      case 'broken':
        return internalServerError();
      case 'allowed':
        return this.#integrate(request, match.route, {
          ...context,
          ...(authorization.member === undefined ? {} : { authorizer: authorization.member }),
        });
    }
  }

  async #authorize(request: GatewayRequest, route: Route, context: EventContext): Promise<Authorization> {
    const routeArn = this.#arn(`${this.#options.api.stage}/${request.method}${request.path}`);
    switch (route.authorization.kind) {
      case 'none':
        return { kind: 'allowed', member: undefined };
      case 'iam':
        return authorizeByIam(request, routeArn, this.#options.iam);
      case 'lambda': {
        const { authorizer } = route.authorization;
        const sourceArn = this.#arn(`authorizers/${authorizer.id}`);
        return this.#authorizers.authorize({ authorizer, request, context, routeArn, sourceArn });
      }
      case 'jwt':
        return this.#jwtAuthorizers.authorize({ ...route.authorization, request, context });
    }
  }

  async #integrate(request: GatewayRequest, route: Route, context: EventContext): Promise<GatewayResponse> {
    const result = await invokeWithin(this.#options.invoker, {
      functionArn: route.functionArn,
      sourceArn: this.#arn(`${this.#options.api.stage}/${sourcePath(route, request.method)}`),
      event: integrationEvent(request, context),
      timeoutMs: route.timeoutMs,
    });
    switch (result.kind) {
      case 'answered':
        return responseOf(result.payload);
      case 'failed':
        return internalServerError();
      case 'timed-out':
        return messageResponse(503, 'Service Unavailable');
    }
  }

  #context(route: Route, requestId: string) {
    const { account, api, clock } = this.#options;
    return { account, apiId: api.id, stage: api.stage, routeKey: route.key, requestId, now: clock() };
  }

  #arn(resource: string): string {
    const { region, account, api } = this.#options;
    return `arn:aws:execute-api:${region}:${account}:${api.id}/${resource}`;
  }
}

/** JWT authorizers say why; all others leave callers to guess. */
const challenged = (response: GatewayResponse, authorization: Authorization): GatewayResponse =>
  'challenge' in authorization
    ? { ...response, headers: { ...response.headers, 'www-authenticate': authorization.challenge } }
    : response;

const listenerOf = ({ protocol, port }: URL): Pick<EventContext, 'scheme' | 'port'> => ({
  scheme: protocol === 'https:' ? 'https' : 'http',
  port: Number(port),
});

/** The route as the function's resource policy sees it: its path with the variables unfilled. */
const sourcePath = (route: Route, method: string): string =>
  route.segments === undefined ? '$default' : `${method}${route.key.slice(route.key.indexOf('/'))}`;

/** The shape of an extended request id: 15 base64 characters and a padding sign. */
const newRequestId = (): string => `${randomBytes(12).toString('base64url').slice(0, 15)}=`;
