/** The OpenAPI 3.1 document of the admin API, made of the very schemas that check its requests. */

import * as z from 'zod';
import { problemAnswer } from './admin-answers.ts';
import { type AdminRoute, handle, NO_QUERY, type Operation, operation } from './admin-operation.ts';
import { json } from './response.ts';

const PROBLEM_TYPE = 'application/problem+json';

/** What any operation may say besides its answer. */
const REFUSALS = {
  400: 'The request is not acceptable; `errors` says where',
  403: 'These AWS credentials may not call the admin API',
  404: 'There is no such thing',
  409: 'It exists and is different, was changed by somebody else, or others depend on it',
  422: "The partner's document could not be had or taken",
  503: 'Temporarily unavailable; `Retry-After` says when to try again',
} as const;

const INFO = {
  title: 'Countersign admin API',
  version: '1',
  description:
    'Realms, partner applications, audiences, grants and signing keys. Problems are told as RFC 9457 has it.',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
};

const DOCUMENT = operation({
  id: 'openApi',
  method: 'GET',
  path: '/openapi.json',
  summary: 'This document',
  query: NO_QUERY,
  answer: z.record(z.string(), z.unknown()),
});

export const openApiRoute = (operations: readonly Operation[]): AdminRoute =>
  handle(DOCUMENT, async () => json(200, openApiDocument(operations)));

export const openApiDocument = (operations: readonly Operation[]): object => ({
  openapi: '3.1.0',
  info: INFO,
  security: [{ sigv4: [] }],
  components: {
    securitySchemes: {
      sigv4: {
        type: 'apiKey',
        name: 'Authorization',
        in: 'header',
        description: 'AWS Signature Version 4 for the service execute-api',
        'x-amazon-apigateway-authtype': 'awsSigv4',
      },
    },
    schemas: { Problem: schemaOf(problemAnswer, 'output') },
  },
  paths: groupByPath([...operations, DOCUMENT]),
});

const groupByPath = (operations: readonly Operation[]): object => {
  const paths: Record<string, Record<string, object>> = {};
  for (const each of operations) {
    const path = `/admin${each.path}`;
    paths[path] = { ...paths[path], [each.method.toLowerCase()]: describe(each) };
  }
  return paths;
};

const describe = (described: Operation): object => ({
  operationId: described.id,
  summary: described.summary,
  parameters: [...pathParameters(described.path), ...queryParameters(described.query)],
  ...(described.body === undefined
    ? {}
    : {
        requestBody: { required: true, content: { 'application/json': { schema: schemaOf(described.body, 'input') } } },
      }),
  responses: responses(described),
});

const pathParameters = (path: string): readonly object[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));

/** A query of several forms is told as the parameters of all of them, none required. */
const queryParameters = (query: z.ZodType): readonly object[] => {
  const { properties = {}, required = [], anyOf } = schemaOf(query, 'input') as QuerySchema;
  const members = anyOf === undefined ? properties : Object.assign({}, ...anyOf.map((each) => each.properties));
  return Object.entries(members).map(([name, schema]) => ({
    name,
    in: 'query',
    required: anyOf === undefined && required.includes(name),
    schema,
  }));
};

interface QuerySchema {
  readonly properties?: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly QuerySchema[];
}

const responses = (described: Operation): object => ({
  ...successes(described),
  ...Object.fromEntries(
    Object.entries(REFUSALS).map(([status, description]) => [
      status,
      { description, content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } } },
    ]),
  ),
});

const successes = ({ answer, creates }: Operation): object => {
  if (answer === undefined) return { 204: { description: 'Gone' } };
  const content = { 'application/json': { schema: schemaOf(answer, 'output') } };
  return {
    ...(creates === 'always' ? {} : { 200: { description: 'As it is now', content } }),
    ...(creates === undefined ? {} : { 201: { description: 'Created', content } }),
  };
};

/** JSON Schema 2020-12, the dialect of OpenAPI 3.1. */
const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): object => {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
};
