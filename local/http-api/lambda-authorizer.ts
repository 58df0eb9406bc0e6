/**
 * Lambda authorizers: payload 2.0, simple responses, identity sources, and the cache of their results.
 * Source: API Gateway developer guide, "Control access to HTTP APIs with AWS Lambda authorizers".
 */

import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Clock, JsonObject } from '../service.ts';
import type { LambdaAuthorizer } from './authorizer-definition.ts';
import { authorizerEvent, type EventContext } from './event.ts';
import { identitySource } from './identity-source.ts';
import { type FunctionInvoker, invokeWithin } from './invoker.ts';
import type { GatewayRequest } from './request.ts';

/** `member` is what the event's `requestContext.authorizer` becomes. */
export type AuthorizationResult =
  | { readonly kind: 'allowed'; readonly member: JsonObject | undefined }
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'forbidden' }
  | { readonly kind: 'broken' };

/** API Gateway's own limit on an authorizer's answer. */
const TIMEOUT_MS = 10_000;
const MAX_CACHED_RESULTS = 10_000;

const contextSchema = z.custom<JsonObject>((value) => typeof value === 'object' && !Array.isArray(value));
const simpleResponse = z.object({ isAuthorized: z.boolean(), context: contextSchema.nullish() });

export interface AuthorizerCall {
  readonly authorizer: LambdaAuthorizer;
  readonly request: GatewayRequest;
  readonly context: EventContext;
  /** ARN of the route in question, for the event. */
  readonly routeArn: string;
  /** ARN of the authorizer, on whose behalf the function is invoked. */
  readonly sourceArn: string;
}

export class LambdaAuthorizers {
  readonly #invoker: FunctionInvoker;
  readonly #clock: Clock;
  readonly #cache = new LRUCache<string, { result: AuthorizationResult; expiresAt: number }>({
    max: MAX_CACHED_RESULTS,
  });

  constructor(invoker: FunctionInvoker, clock: Clock) {
    this.#invoker = invoker;
    this.#clock = clock;
  }

  /** Asks the authorizer's function, unless an identity source is missing or a kept result still holds. */
  async authorize(call: AuthorizerCall): Promise<AuthorizationResult> {
    const { authorizer, request, context } = call;
    const identity = authorizer.identitySources.map((source) => identitySource(source, request, context));
    if (identity.some((value) => value === '')) return { kind: 'unauthorized' };
    const key = JSON.stringify([authorizer.id, identity]);
    const kept = this.#cache.get(key);
    if (kept !== undefined && kept.expiresAt > this.#clock()) return kept.result;
    const result = await this.#ask(call, identity);
    if (authorizer.cacheSeconds > 0 && identity.length > 0 && result.kind !== 'broken')
      this.#cache.set(key, { result, expiresAt: this.#clock() + authorizer.cacheSeconds * 1000 });
    return result;
  }

  async #ask(call: AuthorizerCall, identity: readonly string[]): Promise<AuthorizationResult> {
    const { authorizer, request, context, routeArn, sourceArn } = call;
    const answer = await invokeWithin(this.#invoker, {
      functionArn: authorizer.functionArn,
      sourceArn,
      event: authorizerEvent(request, context, routeArn, identity),
      timeoutMs: TIMEOUT_MS,
    });
    if (answer.kind !== 'answered') return { kind: 'broken' };
    const parsed = simpleResponse.safeParse(JSON.parse(answer.payload));
    if (!parsed.success) return { kind: 'broken' };
    if (!parsed.data.isAuthorized) return { kind: 'forbidden' };
    return { kind: 'allowed', member: { lambda: parsed.data.context ?? null } };
  }
}
