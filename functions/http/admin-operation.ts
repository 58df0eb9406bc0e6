/**
 * One operation of the admin API as data: what it takes and answers, by the schemas that check requests and from which the
 * OpenAPI document is made. `handle` joins it with what it does.
 */

import * as z from 'zod';
import type { Realm } from '../core/realm.ts';
import type { HttpAnswer, HttpEvent } from './endpoint.ts';
import { decodeBody } from './request.ts';
import { problem } from './response.ts';

/** A partner with ten RSA keys and their certificates fits several times. */
export const MAX_BODY_BYTES = 131_072;

export interface Operation<Query extends z.ZodType = z.ZodType, Body extends z.ZodType = z.ZodType> {
  /** `operationId` of the OpenAPI document. */
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/admin`. */
  readonly path: string;
  readonly summary: string;
  readonly query: Query;
  readonly body?: Body;
  /** Absent: 204 without a body. */
  readonly answer?: z.ZodType;
  /** Answers 201 when something came to be, 200 when it was there as wanted; `always`: every call makes another one. */
  readonly creates?: true | 'always';
}

export const NO_QUERY = z.strictObject({});

/** Keeps the types of the schemas. */
export const operation = <Query extends z.ZodType, Body extends z.ZodType>(
  described: Operation<Query, Body>,
): Operation<Query, Body> => described;

export interface Call<Query, Body> {
  /** The realm that the path names, by its own name or an alias; the default one where it names none. */
  readonly realm: Realm;
  readonly query: Query;
  readonly body: Body;
  /** A variable of the path; empty if there is no such. */
  readonly variable: (name: string) => string;
}

export interface AdminRoute {
  readonly operation: Operation;
  readonly handler: (event: HttpEvent, realm: Realm) => Promise<HttpAnswer>;
}

export const handle = <Query extends z.ZodType, Body extends z.ZodType>(
  described: Operation<Query, Body>,
  run: (call: Call<z.infer<Query>, z.infer<Body>>) => Promise<HttpAnswer>,
): AdminRoute => ({
  operation: described,
  handler: async (event, realm) => {
    const query = check(described.query, Object.fromEntries(new URLSearchParams(event.rawQueryString)));
    if (!query.ok) return query.answer;
    const body = readBody(described.body, event);
    if (!body.ok) return body.answer;
    const variable = (name: string): string => event.pathParameters?.[name] ?? '';
    return run({ realm, query: query.value, body: body.value, variable });
  },
});

type Checked<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly answer: HttpAnswer };

const readBody = <Body extends z.ZodType>(schema: Body | undefined, event: HttpEvent): Checked<z.infer<Body>> => {
  if (schema === undefined) {
    // What nobody looks at must not look like what was done: the audit keeps what stands in the body of a change.
    if (event.body)
      return { ok: false, answer: problem(400, 'Bad Request', { detail: 'this operation takes no body' }) };
    return { ok: true, value: undefined as z.infer<Body> };
  }
  const text = decodeBody(event, MAX_BODY_BYTES);
  if (!text.ok) {
    return { ok: false, answer: problem(400, 'Bad Request', { detail: `the body is ${text.refusal.reason}` }) };
  }
  return check(schema, parseJson(text.value));
};

const check = <Schema extends z.ZodType>(schema: Schema, value: unknown): Checked<z.infer<Schema>> => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const errors = parsed.error.issues.map(({ path, message }) => ({
    pointer: path.map((member) => `/${String(member)}`).join(''),
    detail: message,
  }));
  return {
    ok: false,
    answer: problem(400, 'Bad Request', { detail: 'the request is not of the expected shape', errors }),
  };
};

/** `undefined` for what is not JSON: no schema takes it. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
