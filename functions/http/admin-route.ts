/**
 * What all routes of the admin API share: the realm in the path, problem details for every no (RFC 9457), and a record of who
 * did what.
 */

import httpRouter from '@middy/http-router';
import type { APIGatewayProxyEventV2WithIAMAuthorizer } from 'aws-lambda';
import type { Realm } from '../core/realm.ts';
import type { AdminRefusal, AdminResult } from '../core/registration.ts';
import { Outage } from '../ports.ts';
import { changeOf, outcomeOf } from './admin-audit.ts';
import type { AdminRoute } from './admin-operation.ts';
import { timestamp } from './admin-views.ts';
import type { Failure, HttpAnswer, HttpEvent, Invocation } from './endpoint.ts';
import { type Observability, recordAdministration } from './observability.ts';
import { json, problem } from './response.ts';

/** Which realm a path means; `undefined`: none. Throws Outage when DynamoDB did not answer. */
export type ResolveRealm = (nameOrAlias: string) => Promise<Realm | undefined>;

/** @param defaultRealm what paths without a realm are about. */
export const adminRouter = (routes: readonly AdminRoute[], resolve: ResolveRealm, defaultRealm: string) => {
  const router = httpRouter<HttpEvent, HttpAnswer>({
    routes: routes.map(({ operation: { method, path }, handler }) => ({
      method,
      path: `/admin${path}`,
      handler: async (event: HttpEvent) => {
        const realm = await resolve(event.pathParameters?.realm ?? defaultRealm);
        return realm === undefined ? noSuch('realm') : handler(event, realm);
      },
    })),
    notFoundResponse: () => noSuch('route'),
  });
  return async (...call: Invocation): Promise<HttpAnswer> => (await router(...call)) ?? noSuch('route');
};

const noSuch = (what: string): HttpAnswer => problem(404, 'Not Found', { detail: `there is no such ${what}` });

/** Routes and leaves a record of who did what. Reading is recorded too: the registry says who may call whom. */
export const recorded =
  (seen: Observability, route: (...call: Invocation) => Promise<HttpAnswer>) =>
  async (...call: Invocation): Promise<HttpAnswer> => {
    const [event] = call;
    const change = changeOf(event);
    const record = (status: number, answer?: HttpAnswer): void => {
      const outcome = answer === undefined || isReading(event) ? undefined : outcomeOf(answer);
      recordAdministration(seen, {
        requestId: event.requestContext.requestId,
        operator: operatorOf(event),
        method: event.requestContext.http.method,
        path: event.rawPath.slice(0, 512),
        // What was refused may be anything; what was done has been checked and is in the registry anyway.
        ...(change === undefined || status >= 300 ? {} : { change }),
        ...(outcome === undefined ? {} : { outcome }),
        status,
      });
    };
    try {
      const answer = await route(...call);
      record(answer.statusCode ?? 200, answer);
      return answer;
    } catch (error) {
      // A write whose answer was lost may have been done: who tried it must be on record all the same.
      record(error instanceof Outage ? 503 : 500);
      throw error;
    }
  };

const isReading = (event: HttpEvent): boolean => event.requestContext.http.method === 'GET';

const operatorOf = (event: HttpEvent): string => {
  const { authorizer } = event.requestContext as Partial<APIGatewayProxyEventV2WithIAMAuthorizer['requestContext']>;
  return authorizer?.iam?.userArn ?? 'unknown';
};

export const problemFailure = ({ status, description }: Failure): HttpAnswer =>
  problem(status, status === 503 ? 'Service Unavailable' : 'Internal Server Error', { detail: description });

export const shown = <Value>(result: AdminResult<Value>, view: (value: Value) => object): HttpAnswer =>
  result.ok ? json(200, view(result.value)) : refused(result.refusal);

export const created = <Value>(
  result: AdminResult<{ readonly created: boolean; readonly value: Value }>,
  view: (value: Value) => object,
): HttpAnswer =>
  result.ok ? json(result.value.created ? 201 : 200, view(result.value.value)) : refused(result.refusal);

/** What every call makes anew. */
export const made = <Value>(result: AdminResult<Value>, view: (value: Value) => object): HttpAnswer =>
  result.ok ? json(201, view(result.value)) : refused(result.refusal);

export const removed = (result: AdminResult<void>): HttpAnswer =>
  result.ok ? { statusCode: 204, headers: { 'cache-control': 'no-store' } } : refused(result.refusal);

export const paged = <Item>(
  page: { readonly items: readonly Item[]; readonly next?: string },
  view: (item: Item) => object,
) => json(200, { items: page.items.map(view), ...(page.next === undefined ? {} : { next: page.next }) });

const refused = (refusal: AdminRefusal): HttpAnswer => {
  switch (refusal.reason) {
    case 'invalid':
      return problem(400, 'Bad Request', { detail: 'the input is not acceptable', errors: refusal.problems });
    case 'not_found':
      return problem(404, 'Not Found', { detail: `there is no ${refusal.what}` });
    case 'conflict':
      return problem(409, 'Conflict', {
        detail: refusal.detail,
        ...(refusal.until === undefined ? {} : { until: timestamp(refusal.until) }),
      });
    case 'in_use':
      return problem(409, 'Conflict', { detail: refusal.detail, dependents: refusal.dependents });
    case 'document_refused':
      return problem(422, 'Unprocessable Content', {
        detail: refusal.detail,
        code: refusal.code,
        errors: refusal.problems,
      });
  }
};
