/**
 * An admin API in memory that keeps the real one's contract: SigV4, idempotent creation, conflicts, pages, problem documents.
 */
import { calculateJwkThumbprint, type JWK } from 'jose';
import { type Reply, serve, type TestServer } from './http-server.ts';
import { checkSignature, type SignedRequest } from './sigv4.ts';
import { AWS_ENV } from './terminal.ts';

const NOW = '2026-11-23T10:00:00Z';
const PAGE_SIZE = 2;
const REALMS = ['default', 'staging'];

interface StoredPartner {
  readonly id: string;
  readonly name?: string;
  readonly jwks: { readonly keys: readonly JWK[] };
  enabled: boolean;
  version: number;
}
interface StoredAudience {
  readonly audience: string;
  readonly owner: string;
  readonly scopes: readonly string[];
  readonly algorithm?: string;
}
interface StoredGrant {
  readonly client: string;
  readonly audience: string;
  readonly scopes: readonly string[];
}

export interface AdminServer extends TestServer {
  /** Replies that go before everything else, one per request. */
  readonly interruptions: Reply[];
  /** Regions that requests were signed for. */
  readonly regions: string[];
}

export async function startAdminServer(): Promise<AdminServer> {
  const interruptions: Reply[] = [];
  const regions: string[] = [];
  const registry = new Registry();
  const server = await serve((request) => {
    const { isGenuine, region, service } = checkSignature(request, (id) =>
      id === AWS_ENV.AWS_ACCESS_KEY_ID ? AWS_ENV.AWS_SECRET_ACCESS_KEY : undefined,
    );
    if (!isGenuine || service !== 'execute-api') return { status: 403, body: { message: 'Forbidden' } };
    regions.push(region);
    return interruptions.shift() ?? registry.answer(request);
  });
  return Object.assign(server, { interruptions, regions });
}

const problem = (status: number, title: string, detail: string, errors?: readonly object[]): Reply => ({
  status,
  body: { type: 'about:blank', title, status, detail, ...(errors ? { errors } : {}) },
});

class Registry {
  readonly #partners = new Map<string, StoredPartner>();
  readonly #audiences = new Map<string, StoredAudience>();
  readonly #grants = new Map<string, StoredGrant>();

  async answer(request: SignedRequest): Promise<Reply> {
    const url = new URL(request.target, 'http://localhost');
    const [, admin, realms, realm = '', kind = '', id] = url.pathname.split('/').map(decodeURIComponent);
    if (admin !== 'admin' || realms !== 'realms' || !REALMS.includes(realm)) {
      return problem(404, 'Not found', `no realm ${realm}`);
    }
    const body = request.body === '' ? undefined : JSON.parse(request.body);
    switch (`${request.method} ${kind}${id === undefined ? '' : '/:id'}`) {
      case 'POST partners':
        return this.#addPartner(body);
      case 'GET partners':
        return page(url, await Promise.all([...this.#partners.values()].map(async (one) => summary(one))));
      case 'GET partners/:id':
        return this.#onPartner(id, (one) => this.#show(one, 200));
      case 'PATCH partners/:id':
        return this.#onPartner(id, (one) => {
          one.enabled = body.enabled;
          one.version += 1;
          return this.#show(one, 200);
        });
      case 'POST audiences':
        return store(this.#audiences, body.audience, body);
      case 'GET audiences':
        return page(url, withVersion(this.#audiences));
      case 'POST grants':
        return store(this.#grants, `${body.client} ${body.audience}`, body);
      case 'GET grants':
        return page(url, withVersion(this.#grants).filter(selectedBy(url)));
      default:
        return problem(404, 'Not found', `${request.method} ${url.pathname}`);
    }
  }

  #addPartner(body: Omit<StoredPartner, 'enabled' | 'version'>): Reply | Promise<Reply> {
    if (!/^[a-z][\w.-]*$/i.test(body.id)) {
      return problem(400, 'Invalid request', 'the partner is not acceptable', [
        { pointer: '/id', detail: 'must start with a letter' },
      ]);
    }
    const existing = this.#partners.get(body.id);
    const { enabled: _, version: __, ...content } = existing ?? { enabled: true, version: 1 };
    if (existing !== undefined && JSON.stringify(content) !== JSON.stringify(body)) {
      return problem(409, 'Conflict', `partner ${body.id} exists with other content`);
    }
    const one = existing ?? { ...body, enabled: true, version: 1 };
    this.#partners.set(one.id, one);
    return this.#show(one, existing === undefined ? 201 : 200);
  }

  #onPartner(id: string | undefined, then: (one: StoredPartner) => Promise<Reply>): Reply | Promise<Reply> {
    const one = this.#partners.get(id ?? '');
    return one === undefined ? problem(404, 'Not found', `no partner ${id}`) : then(one);
  }

  async #show(one: StoredPartner, status: number): Promise<Reply> {
    const credentials = one.jwks.keys.map(async ({ kid, alg, kty, ...rest }) => {
      return { kid, alg, kty, thumbprint: await calculateJwkThumbprint({ kty, ...rest } as JWK), addedAt: NOW };
    });
    const audiences = [...this.#audiences.values()].filter(({ owner }) => owner === one.id);
    const grants = [...this.#grants.values()].filter(({ client }) => client === one.id);
    const lists = {
      credentials: await Promise.all(credentials),
      audiences: audiences.map(({ audience }) => audience),
      grants: grants.map(({ audience, scopes }) => ({ audience, scopes })),
    };
    return { status, body: { ...summary(one), ...lists } };
  }
}

const summary = ({ jwks: _, ...one }: StoredPartner) => ({ ...one, createdAt: NOW, updatedAt: NOW });

const withVersion = <T extends object>(records: ReadonlyMap<string, T>) =>
  [...records.values()].map((one) => ({ ...one, version: 1 }));

const selectedBy = (url: URL) => (grant: StoredGrant) =>
  (url.searchParams.get('client') ?? grant.client) === grant.client &&
  (url.searchParams.get('audience') ?? grant.audience) === grant.audience;

function store<T extends object>(records: Map<string, T>, id: string, record: T): Reply {
  const existing = records.get(id);
  if (existing !== undefined && JSON.stringify(existing) !== JSON.stringify(record)) {
    return problem(409, 'Conflict', `${id} exists with other content`);
  }
  records.set(id, record);
  return { status: existing === undefined ? 201 : 200, body: { ...record, version: 1 } };
}

/** The cursor holds characters that a careless client would mangle. */
function page(url: URL, all: readonly object[]): Reply {
  const start = Number((url.searchParams.get('cursor') ?? 'at +/=0').replace('at +/=', ''));
  const end = start + PAGE_SIZE;
  const next = end < all.length ? { next: `at +/=${end}` } : {};
  return { status: 200, body: { items: all.slice(start, end), ...next } };
}
