/**
 * What all routes of the admin API share: the realm in the path, bodies and queries checked by a schema, problem details for
 * every no (RFC 9457), and a record of who did what.
 */

import httpRouter from '@middy/http-router';
import type { APIGatewayProxyEventV2WithIAMAuthorizer } from 'aws-lambda';
import type * as z from 'zod';
import type { AdminRefusal, AdminResult } from '../core/registration.ts';
import { Outage } from '../ports.ts';
import { timestamp } from './admin-views.ts';
import type { Failure, HttpAnswer, HttpEvent, Invocation } from './endpoint.ts';
import { type Observability, recordAdministration } from './observability.ts';
import { decodeBody } from './request.ts';
import { json, problem } from './response.ts';

/** A partner with ten RSA keys and their certificates fits several times. */
const MAX_BODY_BYTES = 131_072;

type Handler = (event: HttpEvent, realm: string) => Promise<HttpAnswer>;

/** One route below `/admin/realms/{realm}`. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly handler: Handler;
}

export const adminRoute = (method: AdminRoute['method'], path: string, handler: Handler): AdminRoute => ({
  method,
  path,
  handler,
});

export const adminRouter = (routes: readonly AdminRoute[], realms: readonly string[]) => {
  const router = httpRouter<HttpEvent, HttpAnswer>({
    routes: routes.map(({ method, path, handler }) => ({
      method,
      path: `/admin/realms/{realm}${path}`,
      handler: async (event: HttpEvent) => {
        const realm = event.pathParameters?.realm ?? '';
        return realms.includes(realm) ? handler(event, realm) : noSuch('realm');
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
    const record = (status: number): void =>
      recordAdministration(seen, {
        requestId: event.requestContext.requestId,
        operator: operatorOf(event),
        method: event.requestContext.http.method,
        path: event.rawPath.slice(0, 512),
        // What was refused may be anything; what was done has been checked and is in the registry anyway.
        ...(change === undefined || status >= 300 ? {} : { change }),
        status,
      });
    try {
      const answer = await route(...call);
      record(answer.statusCode ?? 200);
      return answer;
    } catch (error) {
      // A write whose answer was lost may have been done: who tried it must be on record all the same.
      record(error instanceof Outage ? 503 : 500);
      throw error;
    }
  };

/** Members of a body that say who may do what; none of them holds key material, and each is bounded. */
const RECORDED = ['id', 'name', 'enabled', 'client', 'audience', 'owner', 'scopes', 'algorithm', 'breakGlass', 'days'];

const isRecordable = (member: unknown): boolean =>
  ['string', 'boolean', 'number'].includes(typeof member) ||
  (Array.isArray(member) && member.every((each) => typeof each === 'string'));

const changeOf = (event: HttpEvent): Readonly<Record<string, unknown>> | undefined => {
  const body = decodeBody(event, MAX_BODY_BYTES);
  const value = body.ok ? parseJson(body.value) : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  const recorded = Object.entries(value).filter(([name, member]) => RECORDED.includes(name) && isRecordable(member));
  return recorded.length === 0 ? undefined : Object.fromEntries(recorded);
};

const operatorOf = (event: HttpEvent): string => {
  const { authorizer } = event.requestContext as Partial<APIGatewayProxyEventV2WithIAMAuthorizer['requestContext']>;
  return authorizer?.iam?.userArn ?? 'unknown';
};

export const problemFailure = ({ status, description }: Failure): HttpAnswer =>
  problem(status, status === 503 ? 'Service Unavailable' : 'Internal Server Error', { detail: description });

export const withBody = async <Schema extends z.ZodType>(
  event: HttpEvent,
  schema: Schema,
  run: (input: z.infer<Schema>) => Promise<HttpAnswer>,
): Promise<HttpAnswer> => {
  const body = decodeBody(event, MAX_BODY_BYTES);
  if (!body.ok) return problem(400, 'Bad Request', { detail: `the body is ${body.refusal.reason}` });
  return withValue(parseJson(body.value), schema, run);
};

export const withQuery = <Schema extends z.ZodType>(
  event: HttpEvent,
  schema: Schema,
  run: (query: z.infer<Schema>) => Promise<HttpAnswer>,
): Promise<HttpAnswer> => withValue(Object.fromEntries(new URLSearchParams(event.rawQueryString)), schema, run);

const withValue = async <Schema extends z.ZodType>(
  value: unknown,
  schema: Schema,
  run: (input: z.infer<Schema>) => Promise<HttpAnswer>,
): Promise<HttpAnswer> => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return run(parsed.data);
  const errors = parsed.error.issues.map(({ path, message }) => ({
    pointer: path.map((member) => `/${String(member)}`).join(''),
    detail: message,
  }));
  return problem(400, 'Bad Request', { detail: 'the request is not of the expected shape', errors });
};

/** `undefined` for what is not JSON: no schema takes it. */
const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

export const shown = <Value>(result: AdminResult<Value>, view: (value: Value) => object): HttpAnswer =>
  result.ok ? json(200, view(result.value)) : refused(result.refusal);

export const created = <Value>(
  result: AdminResult<{ readonly created: boolean; readonly value: Value }>,
  view: (value: Value) => object,
): HttpAnswer =>
  result.ok ? json(result.value.created ? 201 : 200, view(result.value.value)) : refused(result.refusal);

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
  }
};
