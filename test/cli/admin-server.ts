/**
 * An admin API in memory that keeps the real one's contract: SigV4, realms and their rings, and what admin-registry.ts holds.
 */
import { NOW } from './admin-partner.ts';
import { type PartnerDocument, page, problem, RealmRegistry } from './admin-registry.ts';
import { type Reply, serve, type TestServer } from './http-server.ts';
import { checkSignature, type SignedRequest } from './sigv4.ts';
import { AWS_ENV } from './terminal.ts';

export interface AdminServer extends TestServer {
  /** Replies that go before everything else, one per request. */
  readonly interruptions: Reply[];
  /** Regions that requests were signed for. */
  readonly regions: string[];
  /** What is at the addresses of partners. */
  readonly documents: Map<string, PartnerDocument>;
  /** What another administrator does just before the next write, one for each. */
  readonly meddlers: ((registry: RealmRegistry) => void)[];
  /** What a realm holds. */
  registry(realm?: string): RealmRegistry;
}

export async function startAdminServer(): Promise<AdminServer> {
  const interruptions: Reply[] = [];
  const regions: string[] = [];
  const documents = new Map<string, PartnerDocument>();
  const meddlers: ((registry: RealmRegistry) => void)[] = [];
  const deployment = new Deployment(documents);
  const server = await serve((request) => {
    const { isGenuine, region, service } = checkSignature(request, (id) =>
      id === AWS_ENV.AWS_ACCESS_KEY_ID ? AWS_ENV.AWS_SECRET_ACCESS_KEY : undefined,
    );
    if (!isGenuine || service !== 'execute-api') return { status: 403, body: { message: 'Forbidden' } };
    regions.push(region);
    if (/^(PUT|PATCH|DELETE)$/.test(request.method)) meddlers.shift()?.(deployment.registry('default'));
    return interruptions.shift() ?? deployment.answer(request);
  });
  const registry = (realm = 'default') => deployment.registry(realm);
  return Object.assign(server, { interruptions, regions, documents, meddlers, registry });
}

interface StoredRealm {
  readonly name: string;
  readonly version: number;
  readonly policy: { readonly algorithms?: readonly string[] };
  readonly [member: string]: unknown;
}

const ISSUER = 'https://tokens.example.com';

class Deployment {
  readonly #realms = new Map<string, StoredRealm>();
  readonly #registries = new Map<string, RealmRegistry>();
  readonly #rings = new Map<string, string[]>();
  readonly #documents: ReadonlyMap<string, PartnerDocument>;

  constructor(documents: ReadonlyMap<string, PartnerDocument>) {
    this.#documents = documents;
    this.#realms.set('default', {
      name: 'default',
      issuer: ISSUER,
      aliases: [],
      enabled: true,
      policy: {},
      version: 0,
    });
    this.#addRealm({ name: 'staging' });
  }

  registry(realm: string): RealmRegistry {
    const there = this.#registries.get(realm) ?? new RealmRegistry(this.#documents);
    this.#registries.set(realm, there);
    return there;
  }

  answer(request: SignedRequest): Reply | Promise<Reply> {
    const url = new URL(request.target, 'http://localhost');
    const [, admin, realms, realm, kind, ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const body = request.body === '' ? {} : JSON.parse(request.body);
    if (admin !== 'admin' || realms !== 'realms') return problem(404, 'Not found', url.pathname);
    if (realm === undefined)
      return request.method === 'POST' ? this.#addRealm(body) : page(url, [...this.#realms.values()]);
    const stored = this.#realms.get(realm);
    if (stored === undefined) return problem(404, 'Not found', `no realm ${realm}`);
    if (kind === undefined)
      return request.method === 'PATCH' ? this.#patchRealm(stored, body) : { status: 200, body: stored };
    if (kind === 'keys') return this.#onKeys(request.method, url, realm, body);
    return answerIn(this.registry(realm), request.method, [kind, ...rest], url, body);
  }

  #addRealm(body: Record<string, unknown> & { readonly name: string }): Reply {
    const stored = this.#realms.get(body.name);
    const issuer = `${ISSUER}/realms/${body.name}`;
    const defaults = { issuer, aliases: [], enabled: true, policy: {}, version: 1, createdAt: NOW, updatedAt: NOW };
    const wanted = { ...defaults, ...body };
    if (stored !== undefined && JSON.stringify(stored) !== JSON.stringify(wanted)) {
      return problem(409, 'Conflict', `realm ${body.name} exists with other content`);
    }
    this.#realms.set(body.name, wanted);
    return { status: stored === undefined ? 201 : 200, body: wanted };
  }

  #patchRealm(stored: StoredRealm, { version, ...members }: Record<string, unknown>): Reply {
    if (version !== stored.version) return problem(409, 'Conflict', `version is ${stored.version}`);
    const after: StoredRealm = { ...stored, ...members, version: stored.version + 1 };
    const kept = Object.fromEntries(
      Object.entries(after).filter(([, value]) => value !== null),
    ) as unknown as StoredRealm;
    this.#realms.set(stored.name, kept);
    return { status: 200, body: kept };
  }

  #onKeys(method: string, url: URL, realm: string, { algorithm = '' }: { readonly algorithm?: string }): Reply {
    const rings = this.#rings.get(realm) ?? [];
    const view = (name: string) => ({ algorithm: name, version: 1, keys: [keyOf(name)] });
    if (method === 'GET') return page(url, rings.map(view));
    if (rings.includes(algorithm)) return problem(409, 'Conflict', `there is a ring for ${algorithm}`);
    this.#rings.set(realm, [...rings, algorithm]);
    return { status: 201, body: view(algorithm) };
  }
}

const keyOf = (algorithm: string) => ({
  kid: `kid-${algorithm}`,
  state: 'active',
  hold: false,
  keyArn: `arn:aws:kms:eu-west-1:111122223333:key/${algorithm}`,
  createdAt: NOW,
  ageSeconds: 0,
});

function answerIn(
  registry: RealmRegistry,
  method: string,
  [kind, id = '', more]: readonly string[],
  url: URL,
  body: Record<string, unknown>,
): Reply | Promise<Reply> {
  const query = (name: string) => url.searchParams.get(name);
  switch (`${method} ${kind}${id === '' ? '' : '/:id'}${more === undefined ? '' : `/${more}`}`) {
    case 'POST partners':
      return registry.addPartner(body);
    case 'GET partners':
      return registry.listPartners(url);
    case 'GET partners/:id':
      return registry.show(id);
    case 'PUT partners/:id':
      return registry.putPartner(id, body);
    case 'PATCH partners/:id':
      return registry.patchPartner(id, body);
    case 'DELETE partners/:id':
      return registry.deletePartner(id);
    case 'POST partners/:id/refresh':
      return registry.refresh(id);
    case 'POST partners/:id/revoke-tokens':
      return registry.revokeTokensOf(id);
    case 'POST partners/:id/credentials':
      return registry.addCredential(id, body);
    case 'PATCH partners/:id/credentials':
      return registry.patchCredential(id, body);
    case 'DELETE partners/:id/credentials':
      return registry.removeCredential(id, query('kid'));
    case 'POST partners/:id/secrets':
      return registry.addSecret(id, body);
    case 'DELETE partners/:id/secrets':
      return registry.removeSecret(id, query('id'));
    case 'POST partners/:id/onboarding':
      return registry.openOnboarding(id, body);
    case 'DELETE partners/:id/onboarding':
      return registry.closeOnboarding(id);
    case 'POST audiences':
      return registry.addAudience(body);
    case 'GET audiences':
      return registry.listAudiences(url);
    case 'PATCH audiences':
      return registry.patchAudience(body);
    case 'DELETE audiences':
      return registry.deleteAudience(query('audience'));
    case 'POST grants':
      return registry.addGrant(body);
    case 'GET grants':
      return registry.listGrants(url);
    case 'POST grants/:id':
      return registry.revokeTokensByGrant(body);
    case 'POST tokens/:id':
      return registry.revokeToken(body);
    case 'DELETE grants':
      return registry.deleteGrant(query('client'), query('audience'));
    default:
      return problem(404, 'Not found', `${method} ${url.pathname}`);
  }
}
