import { describe, expect, it, vi } from 'vitest';
import type { Operation } from '../../functions/http/admin-operation.ts';
import { OPERATIONS } from '../../functions/http/admin-operations.ts';
import { openApiDocument } from '../../functions/http/openapi.ts';
import { openAdmin } from './admin-world.ts';

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

interface Described {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly { name: string; in: string; required: boolean; schema: Json }[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, { schema: Json }>> };
  readonly responses: Readonly<
    Record<string, { description: string; content?: Readonly<Record<string, { schema: Json }>> }>
  >;
}

interface Document extends Json {
  readonly openapi: string;
  readonly info: Json & { readonly license: Json };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>>; readonly securitySchemes: Json };
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}

const document = JSON.parse(JSON.stringify(openApiDocument(OPERATIONS))) as Document;
const described = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, each]) => ({ path, method, each })),
);
const NAMED = OPERATIONS.map((operation): [string, Operation] => [operation.id, operation]);
const describedOf = ({ path, method }: Operation): Described => {
  const found = document.paths[`/admin${path}`]?.[method.toLowerCase()];
  if (found === undefined) throw new Error(`${method} ${path} is not in the document`);
  return found;
};
const bodyOf = (operation: Operation) => describedOf(operation).requestBody?.content['application/json']?.schema;
const membersOf = (schema: Json | undefined) => (schema?.properties ?? {}) as Readonly<Record<string, Json>>;
const find = (id: string): Operation => {
  const found = OPERATIONS.find((operation) => operation.id === id);
  if (found === undefined) throw new Error(`there is no operation ${id}`);
  return found;
};

/** Everything within the value, with where it stands. */
const walk = (value: unknown, at = '#'): { readonly at: string; readonly value: unknown }[] => {
  const members = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return [{ at, value }, ...members.flatMap(([name, member]) => walk(member, `${at}/${name}`))];
};

const resolve = (reference: string): unknown =>
  reference
    .slice(2)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((value, name) => (isObject(value) ? value[name] : undefined), document);

const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

/** What JSON Schema 2020-12 has, as far as it is used here; anything else would be ignored by whoever reads it. */
const KEYWORDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  type: (value) => [value].flat().every((each) => TYPES.includes(String(each))),
  properties: (value) => isObject(value) && Object.values(value).every(isSchema),
  required: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  additionalProperties: (value) => typeof value === 'boolean' || isSchema(value),
  propertyNames: (value) => isSchema(value),
  items: (value) => isSchema(value),
  anyOf: (value) => Array.isArray(value) && value.length > 0 && value.every(isSchema),
  enum: (value) => Array.isArray(value) && value.length > 0 && new Set(value).size === value.length,
  const: () => true,
  default: () => true,
  format: (value) => typeof value === 'string',
  pattern: (value) => typeof value === 'string' && new RegExp(value, 'u') instanceof RegExp,
  minimum: (value) => Number.isFinite(value),
  maximum: (value) => Number.isFinite(value),
  exclusiveMinimum: (value) => Number.isFinite(value),
  exclusiveMaximum: (value) => Number.isFinite(value),
  $ref: (value) => typeof value === 'string' && value.startsWith('#/'),
};

const isSchema = (value: unknown): boolean => {
  if (!isObject(value)) return false;
  const { required = [], properties = {} } = value as { required?: string[]; properties?: object };
  return (
    Object.entries(value).every(([name, member]) => KEYWORDS[name]?.(member) === true) &&
    required.every((name) => Object.hasOwn(properties, name))
  );
};

describe('the OpenAPI document', () => {
  it('is of version 3.1, of an API that is licensed and guarded', () => {
    const { openapi, info, security, components } = document;
    expect([openapi, info.title, info.version]).toEqual(['3.1.0', expect.any(String), expect.any(String)]);
    // `identifier` and `url` exclude one another (OpenAPI 3.1 4.8.4).
    expect(Object.keys(info.license).sort()).toEqual(['identifier', 'name']);
    expect(security.flatMap((each) => Object.keys(each))).toEqual(Object.keys(components.securitySchemes));
  });

  it('has every operation once, and itself', () => {
    const ids = described.map(({ each }) => each.operationId);
    expect([...ids].sort()).toEqual([...OPERATIONS.map(({ id }) => id), 'openApi'].sort());
    expect(new Set(ids).size).toBe(ids.length);
    expect(document.paths['/admin/openapi.json']?.get?.operationId).toBe('openApi');
    for (const { path, method } of described) {
      expect(path).toMatch(/^\/admin\/[a-z{}/.-]+$/i);
      expect(['get', 'post', 'put', 'patch', 'delete']).toContain(method);
    }
  });

  it.each(NAMED)('has %s with the variables of its path, each once', (_id, operation) => {
    const { parameters, summary, operationId } = describedOf(operation);
    const variables = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const inPath = parameters.filter((each) => each.in === 'path');
    expect([operationId, summary]).toEqual([operation.id, operation.summary]);
    expect(inPath.map(({ name }) => name)).toEqual(variables);
    expect(inPath.every(({ required }) => required)).toBe(true);
    const places = parameters.map((each) => `${each.in} ${each.name}`);
    expect(new Set(places).size).toBe(places.length);
    expect(parameters.every((each) => ['path', 'query'].includes(each.in) && isSchema(each.schema))).toBe(true);
  });

  it.each(NAMED)('says of %s what it takes, what it answers, and how it says no', (_id, operation) => {
    const { requestBody, responses } = describedOf(operation);
    expect(requestBody !== undefined).toBe(operation.body !== undefined);
    if (requestBody !== undefined) {
      expect([requestBody.required, Object.keys(requestBody.content)]).toEqual([true, ['application/json']]);
      expect(isSchema(bodyOf(operation))).toBe(true);
    }
    const done = Object.keys(responses).filter((status) => status < '300');
    const fitting = operation.creates === 'always' ? ['201'] : ['200', ...(operation.creates === true ? ['201'] : [])];
    expect(done).toEqual(operation.answer === undefined ? ['204'] : fitting);
    for (const [status, { description, content = {} }] of Object.entries(responses)) {
      const type = status === '204' ? [] : [status < '300' ? 'application/json' : 'application/problem+json'];
      expect([description === '', Object.keys(content)]).toEqual([false, type]);
      expect(Object.values(content).every(({ schema }) => isSchema(schema))).toBe(true);
    }
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['400', '403', '404', '409', '503']));
  });

  it('refers to nothing that is not in it', () => {
    const references = walk(document).flatMap(({ at, value }) =>
      isObject(value) && typeof value.$ref === 'string' ? [{ at, to: value.$ref }] : [],
    );
    expect(references.length).toBeGreaterThan(OPERATIONS.length);
    expect(references.filter(({ to }) => !isSchema(resolve(to)))).toEqual([]);
  });

  it('has no schema of another dialect, and no definition that only its own schema could reach', () => {
    const names = walk(document).flatMap(({ at }) => (/\/(?:\$schema|\$defs|\$id|\$anchor)$/.test(at) ? [at] : []));
    expect(names).toEqual([]);
  });

  it('tells times as texts of RFC 3339, in requests as in answers', () => {
    const { notBefore, expiresAt } = membersOf(bodyOf(find('addCredential')));
    const shown = describedOf(find('showRealm')).responses['200']?.content?.['application/json']?.schema;
    const times = [notBefore, expiresAt, membersOf(shown).createdAt];
    expect(times).toMatchObject(times.map(() => ({ type: 'string', format: 'date-time' })));
  });

  it('says which members a change has to have, and which may be taken away by null', () => {
    const body = bodyOf(find('changePartner'));
    expect([body?.required, body?.additionalProperties]).toEqual([['version'], false]);
    const { name, tags } = membersOf(body);
    expect(name).toEqual({ type: ['string', 'null'] });
    expect(tags).toMatchObject({ type: 'object', additionalProperties: { type: 'string' } });
  });

  it('says which parameters of a query there are, and which of them are needed', () => {
    const query = (id: string) =>
      describedOf(find(id))
        .parameters.filter((each) => each.in === 'query')
        .map(({ name, required }) => `${name}${required ? '!' : ''}`);
    const ids = ['listPartners', 'removeCredential', 'removeSecret', 'removeGrant', 'showPartner'];
    expect(ids.map(query)).toEqual([['limit', 'cursor'], ['kid!'], ['id!'], ['client!', 'audience!'], []]);
    expect(query('listGrants').sort()).toEqual(['audience', 'client', 'cursor', 'limit']);
  });

  it('is what GET /admin/openapi.json answers', async () => {
    const { status, body, type } = await openAdmin().call('GET', '/openapi.json');
    vi.restoreAllMocks();
    expect([status, type]).toEqual([200, 'application/json']);
    expect(body).toEqual(document);
  });
});
