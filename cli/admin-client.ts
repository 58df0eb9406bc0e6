/**
 * The admin API as the commands call it: SigV4-signed JSON requests, typed answers, refusals as failures.
 * It decides nothing about partners; the service does.
 */
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { ZodType } from 'zod';
import { page } from './admin-records.ts';
import { awsCredentials, type CredentialProvider, signingRegion } from './aws-credentials.ts';
import { misuse, refused } from './failure.ts';
import { type Answer, type Outgoing, send } from './http.ts';
import type { Io } from './io.ts';
import { ServiceRefusal } from './service-refusal.ts';
import { requireEndpoint, type Settings } from './settings.ts';

type Query = Readonly<Record<string, string>>;

interface AdminTarget {
  /** `<endpoint>/admin`, or `<endpoint>/admin/realms/<realm>` */
  readonly base: string;
  readonly region: string;
  readonly credentials: CredentialProvider;
}

interface AdminCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly segments: readonly string[];
  readonly query?: Query;
  readonly body?: unknown;
}

/** As many as the service gives at once: fewer round trips for a long listing. */
export const LONG_PAGES: Query = { limit: '100' };

/**
 * What belongs to one realm: partners, audiences, grants, keys.
 * @throws Failure (2) when the settings name no endpoint.
 */
export const createAdminClient = (settings: Settings, io: Io): AdminClient =>
  createClient(settings, io, `/realms/${pathSegment(settings.realm)}`);

/**
 * What belongs to the deployment: its realms.
 * @throws Failure (2) when the settings name no endpoint.
 */
export const createDeploymentClient = (settings: Settings, io: Io): AdminClient => createClient(settings, io, '');

function createClient(settings: Settings, io: Io, path: string): AdminClient {
  const endpoint = requireEndpoint(settings);
  const region = signingRegion(endpoint, settings.region, io.env);
  return new AdminClient({ base: `${endpoint}/admin${path}`, region, credentials: awsCredentials(io.env, region) });
}

/** Every method throws Failure: 1 (ServiceRefusal) when the service refuses, 2 without credentials, 3 when it cannot be reached. */
export class AdminClient {
  readonly #target: AdminTarget;
  readonly #signer: SignatureV4;

  constructor(target: AdminTarget) {
    this.#target = target;
    this.#signer = new SignatureV4({
      service: 'execute-api',
      region: target.region,
      credentials: target.credentials,
      sha256: Sha256,
    });
  }

  async get<T>(segments: readonly string[], shape: ZodType<T>): Promise<T> {
    return parseAnswer(await this.#call({ method: 'GET', segments }), shape);
  }

  /** Undefined where there is no such thing. */
  async find<T>(segments: readonly string[], shape: ZodType<T>): Promise<T | undefined> {
    try {
      return await this.get(segments, shape);
    } catch (error) {
      if (error instanceof ServiceRefusal && error.status === 404) return undefined;
      throw error;
    }
  }

  async patch<T>(segments: readonly string[], body: unknown, shape: ZodType<T>): Promise<T> {
    return parseAnswer(await this.#call({ method: 'PATCH', segments, body }), shape);
  }

  async put<T>(segments: readonly string[], body: unknown, shape: ZodType<T>): Promise<T> {
    return parseAnswer(await this.#call({ method: 'PUT', segments, body }), shape);
  }

  /** `created` is false when the service already had exactly this. */
  async post<T>(
    segments: readonly string[],
    body: unknown,
    shape: ZodType<T>,
  ): Promise<{ record: T; created: boolean }> {
    const answer = await this.#call({ method: 'POST', segments, body });
    return { record: parseAnswer(answer, shape), created: answer.status === 201 };
  }

  /** Something that is done and leaves nothing to show. */
  async command(segments: readonly string[], body: unknown): Promise<void> {
    await this.#call({ method: 'POST', segments, body });
  }

  async delete(segments: readonly string[], query: Query = {}): Promise<void> {
    await this.#call({ method: 'DELETE', segments, query });
  }

  /** All items of a listing, page after page. */
  async list<T>(segments: readonly string[], query: Query, shape: ZodType<T>): Promise<T[]> {
    const items: T[] = [];
    const seen = new Set<string>();
    let cursor: string | undefined;
    do {
      const position: Query = cursor === undefined ? {} : { cursor };
      const answer = await this.#call({ method: 'GET', segments, query: { ...query, ...position } });
      const found = parseAnswer(answer, page(shape));
      items.push(...found.items);
      cursor = found.next;
      if (cursor !== undefined && seen.has(cursor)) throw refused('the service repeats a page of its listing');
      if (cursor !== undefined) seen.add(cursor);
    } while (cursor !== undefined);
    return items;
  }

  async #call(call: AdminCall): Promise<Answer> {
    const answer = await send(() => this.#sign(call));
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw new ServiceRefusal(answer);
  }

  async #sign({ method, segments, query = {}, body }: AdminCall): Promise<Outgoing> {
    const url = new URL([this.#target.base, ...segments.map(pathSegment)].join('/'));
    const payload = body === undefined ? {} : { body: JSON.stringify(body) };
    const signed = await this.#signer.sign({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: { ...query },
      headers: { host: url.host, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...payload,
    });
    url.search = encodeQuery(query);
    // fetch writes the Host header itself, from the URL that was signed.
    const { host: _, ...headers } = signed.headers;
    return { method, url, headers: { ...headers, accept: 'application/json, application/problem+json' }, ...payload };
  }
}

/** RFC 3986 encoding, as SigV4 canonicalises it: URLSearchParams would write a space as `+` and break the signature. */
const encodeStrictly = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

const encodeQuery = (query: Query): string =>
  Object.entries(query)
    .map(([name, value]) => `${encodeStrictly(name)}=${encodeStrictly(value)}`)
    .join('&');

function pathSegment(text: string): string {
  // URL parsing would fold these away and the call would reach another resource.
  if (text === '' || text === '.' || text === '..') throw misuse(`not a usable name: "${text}"`);
  return encodeStrictly(text);
}

function parseAnswer<T>(answer: Answer, shape: ZodType<T>): T {
  const parsed = shape.safeParse(answer.json);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join('/') || 'body';
  throw refused(`the service answered ${answer.status} with something this version does not understand (${where})`);
}
