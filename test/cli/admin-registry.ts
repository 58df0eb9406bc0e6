/**
 * What the admin API keeps, in memory: partners with versions, keys and documents, audiences with owners, grants that hold them in
 * place. It judges no keys; for the rest a request gets the answer that the service gives.
 */
import type { JWK } from 'jose';
import {
  credentialOf,
  define,
  type Members,
  NOW,
  type StoredCredential,
  type StoredPartner,
  sourceOf,
} from './admin-partner.ts';
import type { Reply } from './http-server.ts';

interface StoredAudience {
  readonly audience: string;
  readonly owner: string;
  readonly scopes: readonly string[];
  readonly authorizationDetails: Members;
  readonly tokenPolicy: Members;
  readonly introspectors: readonly string[];
  readonly version: number;
}

interface StoredGrant {
  readonly client: string;
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly authorizationDetailsTypes: readonly string[];
  readonly tokensNotBefore?: string;
  readonly version: number;
}

/** What is at a partner's address: keys, or why it cannot be had. */
export type PartnerDocument = { readonly keys: readonly JWK[] } | { readonly code: string; readonly detail: string };

const COOL_DOWN_ENDS = '2026-11-23T10:01:00Z';
const PAGE_SIZE = 2;

export const problem = (status: number, title: string, detail: string, more: object = {}): Reply => ({
  status,
  body: { type: 'about:blank', title, status, detail, ...more },
});

const notFound = (what: string): Reply => problem(404, 'Not found', `no ${what}`);
const conflict = (detail: string, more: object = {}): Reply => problem(409, 'Conflict', detail, more);
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export class RealmRegistry {
  readonly partners = new Map<string, StoredPartner>();
  readonly audiences = new Map<string, StoredAudience>();
  readonly grants = new Map<string, StoredGrant>();
  /** When each expires. */
  readonly revokedTokens = new Map<string, string>();
  readonly #documents: ReadonlyMap<string, PartnerDocument>;
  readonly #coolDowns = new Set<string>();
  #generated = 0;

  constructor(documents: ReadonlyMap<string, PartnerDocument>) {
    this.#documents = documents;
  }

  /** Another administrator changes the partner. */
  touch(id: string, members: Members = {}): void {
    const one = this.partners.get(id);
    if (one !== undefined) this.partners.set(id, { ...one, ...members, version: one.version + 1 });
  }

  async addPartner(body: Members): Promise<Reply> {
    const id = String(body.id ?? `generated-${++this.#generated}`);
    if (!/^[A-Za-z0-9][\w.~-]{0,127}$/.test(id)) {
      const errors = [{ pointer: '/id', detail: 'must start with a letter or digit' }];
      return problem(400, 'Invalid request', 'the partner is not acceptable', { errors });
    }
    const wanted = await define(id, body);
    const stored = this.partners.get(id);
    if (stored === undefined) return this.#keep(wanted, 201);
    if (!same({ ...wanted, version: stored.version, source: stored.source }, stored)) {
      return conflict(`partner ${id} exists with other content`);
    }
    return this.show(id);
  }

  async putPartner(id: string, { version, ...body }: Members): Promise<Reply> {
    const wanted = await define(id, body);
    const stored = this.partners.get(id);
    if (stored === undefined) return this.#keep(wanted, 201);
    if (version !== undefined && version !== stored.version) return conflict(`version is ${stored.version}`);
    const documentKeys = stored.credentials.filter(({ source }) => source === 'document');
    const ownKeys = stored.credentials.filter(({ source }) => source === 'self-registered');
    const source = stored.source?.url === wanted.source?.url ? stored.source : wanted.source;
    const keys = [...wanted.credentials, ...ownKeys, ...(source === stored.source ? documentKeys : [])];
    const { secrets, onboarding, registered, tokensNotBefore: mark } = stored;
    const kept = { ...(onboarding === undefined ? {} : { onboarding }), ...(mark ? { tokensNotBefore: mark } : {}) };
    const made = { secrets, registered, ...kept };
    const after = { ...wanted, ...made, credentials: keys, ...(source ? { source } : {}), version: stored.version };
    return this.#keep(same(after, stored) ? stored : { ...after, version: stored.version + 1 }, 200);
  }

  async patchPartner(id: string, { version, jwksUri, metadataUrl, ...members }: Members): Promise<Reply> {
    const stored = this.partners.get(id);
    if (stored === undefined) return notFound(`partner ${id}`);
    if (version !== stored.version) return conflict(`version is ${stored.version}`);
    const source = sourceOf({ jwksUri, metadataUrl });
    const after: Members = { ...stored, ...members, ...(source ? { source } : {}), version: stored.version + 1 };
    if (jwksUri === null || metadataUrl === null) delete after.source;
    for (const [name, value] of Object.entries(members)) if (value === null) delete after[name];
    return this.#keep(after as unknown as StoredPartner, 200);
  }

  deletePartner(id: string): Reply {
    if (!this.partners.has(id)) return notFound(`partner ${id}`);
    const naming = this.#introspectedBy(id).map((audience) => ({ client: id, audience }));
    if (naming.length > 0) return conflict('audiences name this partner as an introspector', { dependents: naming });
    const owned = [...this.audiences.values()].filter(({ owner }) => owner === id).map(({ audience }) => audience);
    const dependents = this.#grantsOn(...owned).filter(({ client }) => client !== id);
    if (dependents.length > 0) return conflict('others hold grants on its audiences', { dependents });
    for (const { client, audience } of this.grants.values())
      if (client === id) this.grants.delete(`${client} ${audience}`);
    for (const audience of owned) this.audiences.delete(audience);
    this.partners.delete(id);
    return { status: 204, body: '' };
  }

  async addCredential(id: string, body: Members): Promise<Reply> {
    const stored = this.partners.get(id);
    if (stored === undefined) return notFound(`partner ${id}`);
    const added = await credentialOf(body);
    const there = stored.credentials.find(({ kid }) => kid === added.kid);
    if (there !== undefined) return same(there, added) ? this.show(id) : conflict(`there is a key ${added.kid}`);
    return this.#keep({ ...stored, credentials: [...stored.credentials, added], version: stored.version + 1 }, 200);
  }

  patchCredential(id: string, { version, kid, ...change }: Members): Reply {
    const stored = this.partners.get(id);
    if (stored?.credentials.every((each) => each.kid !== kid) !== false) return notFound(`key ${kid} of ${id}`);
    if (version !== stored.version) return conflict(`version is ${stored.version}`);
    const changed = (each: StoredCredential): StoredCredential => {
      const members = Object.entries({ ...each, ...change }).filter(([, value]) => value !== null);
      return each.kid === kid ? (Object.fromEntries(members) as unknown as StoredCredential) : each;
    };
    this.touch(id, { credentials: stored.credentials.map(changed) });
    return this.show(id);
  }

  removeCredential(id: string, kid: string | null): Reply {
    const stored = this.partners.get(id);
    const left = stored?.credentials.filter((each) => each.kid !== kid);
    if (stored === undefined || left?.length === stored.credentials.length) return notFound(`key ${kid} of ${id}`);
    this.touch(id, { credentials: left });
    return { status: 204, body: '' };
  }

  addSecret(id: string, body: Members): Reply {
    const stored = this.partners.get(id);
    if (stored === undefined) return notFound(`partner ${id}`);
    const secretId = `secret-${stored.secrets.length + 1}`;
    this.touch(id, { secrets: [...stored.secrets, { id: secretId, ...body, addedAt: NOW }] });
    const secret = `csec_${'s'.repeat(43)}`;
    const { expiresAt } = body;
    const end = expiresAt === undefined ? {} : { expiresAt };
    return { status: 201, body: { secret, id: secretId, ...end, partner: this.show(id).body } };
  }

  removeSecret(id: string, secretId: string | null): Reply {
    const stored = this.partners.get(id);
    const left = stored?.secrets.filter((each) => each.id !== secretId);
    if (stored === undefined || left?.length === stored.secrets.length) return notFound(`secret ${secretId} of ${id}`);
    this.touch(id, { secrets: left });
    return { status: 204, body: '' };
  }

  openOnboarding(id: string, { expiresInSeconds = 86_400, methods = ['private_key_jwt'] }: Members): Reply {
    if (!this.partners.has(id)) return notFound(`partner ${id}`);
    const expiresAt = new Date(Date.parse(NOW) + Number(expiresInSeconds) * 1000).toISOString();
    this.touch(id, { onboarding: { createdAt: NOW, expiresAt, methods } });
    const registrationEndpoint = 'https://tokens.example.com/register';
    return { status: 201, body: { token: `cobt_${'t'.repeat(43)}`, expiresAt, registrationEndpoint } };
  }

  closeOnboarding(id: string): Reply {
    const stored = this.partners.get(id);
    if (stored === undefined) return notFound(`partner ${id}`);
    const { onboarding: _, ...rest } = stored;
    this.partners.set(id, { ...rest, registered: false, version: stored.version + 1 } as StoredPartner);
    return { status: 204, body: '' };
  }

  async refresh(id: string): Promise<Reply> {
    const stored = this.partners.get(id);
    if (stored?.source === undefined) return notFound(`document of partner ${id}`);
    if (this.#coolDowns.has(id)) return conflict('it was read a moment ago', { until: COOL_DOWN_ENDS });
    this.#coolDowns.add(id);
    const found = this.#documents.get(stored.source.url) ?? { code: 'unreachable', detail: 'nobody answers' };
    const attempt = { ...stored.source, lastAttemptAt: NOW };
    if (!('keys' in found)) {
      this.partners.set(id, { ...stored, source: { ...attempt, failure: found } });
      return problem(422, 'Unprocessable Content', found.detail, { code: found.code, errors: [] });
    }
    const registered = stored.credentials.filter(({ source }) => source === 'registered');
    const read = await Promise.all(found.keys.map((jwk) => credentialOf({ jwk }, 'document')));
    const source = { ...attempt, lastSuccessAt: NOW };
    return this.#keep({ ...stored, credentials: [...registered, ...read], source, version: stored.version + 1 }, 200);
  }

  addAudience(body: Members): Reply {
    const empty = { authorizationDetails: {}, tokenPolicy: {}, introspectors: [] };
    const wanted = { ...empty, ...body, version: 1 } as unknown as StoredAudience;
    const { audience, owner, introspectors } = wanted;
    const stranger = [owner, ...introspectors].find((id) => !this.partners.has(id));
    if (stranger !== undefined) return notFound(`partner ${stranger}`);
    const stored = this.audiences.get(audience);
    if (stored !== undefined && !same({ ...wanted, version: stored.version }, stored)) {
      return conflict(`${audience} exists with other content`);
    }
    this.audiences.set(audience, stored ?? wanted);
    return { status: stored === undefined ? 201 : 200, body: stored ?? wanted };
  }

  patchAudience({ audience, version, ...members }: Members): Reply {
    const stored = this.audiences.get(String(audience));
    if (stored === undefined) return notFound(`audience ${audience}`);
    if (version !== stored.version) return conflict(`version is ${stored.version}`);
    const after = { ...stored, ...members, version: stored.version + 1 } as StoredAudience;
    const stranger = after.introspectors.find((id) => !this.partners.has(id));
    if (stranger !== undefined) return notFound(`partner ${stranger}`);
    const dependents = this.#grantsOn(stored.audience).filter(
      ({ scopes, authorizationDetailsTypes: types }) =>
        scopes.some((each) => !after.scopes.includes(each)) ||
        types.some((each) => !Object.hasOwn(after.authorizationDetails, each)),
    );
    if (dependents.length > 0) return conflict('grants use a scope that would go', { dependents });
    this.audiences.set(stored.audience, after);
    return { status: 200, body: after };
  }

  deleteAudience(audience: string | null): Reply {
    if (audience === null || !this.audiences.has(audience)) return notFound(`audience ${audience}`);
    const dependents = this.#grantsOn(audience);
    if (dependents.length > 0) return conflict('there are grants on it', { dependents });
    this.audiences.delete(audience);
    return { status: 204, body: '' };
  }

  addGrant(body: Members): Reply {
    const { client, audience, scopes, authorizationDetailsTypes: types = [] } = body as unknown as StoredGrant;
    const declared = this.audiences.get(audience);
    if (!this.partners.has(client)) return notFound(`partner ${client}`);
    if (declared === undefined) return notFound(`audience ${audience}`);
    const strange = [
      ...scopes.filter((scope) => !declared.scopes.includes(scope)),
      ...types.filter((type) => !Object.hasOwn(declared.authorizationDetails, type)),
    ];
    if (strange.length > 0)
      return problem(400, 'Invalid request', `${audience} declares no scope ${strange.join(' ')}`);
    const name = `${client} ${audience}`;
    const stored = this.grants.get(name);
    const isSame = same([stored?.scopes, stored?.authorizationDetailsTypes], [scopes, types]);
    const mark = stored?.tokensNotBefore;
    const terms = { scopes, authorizationDetailsTypes: types, ...(mark ? { tokensNotBefore: mark } : {}) };
    const next = { client, audience, ...terms, version: (stored?.version ?? 0) + 1 };
    const kept = isSame && stored !== undefined ? stored : next;
    this.grants.set(name, kept);
    return { status: stored === undefined ? 201 : 200, body: kept };
  }

  deleteGrant(client: string | null, audience: string | null): Reply {
    if (!this.grants.delete(`${client} ${audience}`)) return notFound(`grant of ${client} on ${audience}`);
    return { status: 204, body: '' };
  }

  revokeTokensOf(id: string): Reply {
    this.touch(id, { tokensNotBefore: NOW });
    return this.show(id);
  }

  revokeTokensByGrant({ client, audience }: Members): Reply {
    const stored = this.grants.get(`${client} ${audience}`);
    if (stored === undefined) return notFound(`grant of ${client} on ${audience}`);
    const after = { ...stored, tokensNotBefore: NOW, version: stored.version + 1 };
    this.grants.set(`${client} ${audience}`, after);
    return { status: 200, body: after };
  }

  revokeToken({ tokenId, expiresAt }: Members): Reply {
    this.revokedTokens.set(String(tokenId), String(expiresAt));
    return { status: 204, body: '' };
  }

  listGrants(url: URL): Reply {
    const [client, audience] = [url.searchParams.get('client'), url.searchParams.get('audience')];
    const isMeant = (one: StoredGrant): boolean =>
      (client ?? one.client) === one.client && (audience ?? one.audience) === one.audience;
    return page(url, [...this.grants.values()].filter(isMeant));
  }

  listAudiences(url: URL): Reply {
    const asked = url.searchParams.get('audience');
    return page(
      url,
      [...this.audiences.values()].filter(({ audience }) => (asked ?? audience) === audience),
    );
  }

  listPartners(url: URL): Reply {
    const summaries = [...this.partners.values()].map(({ id, name, contact, tags, enabled, trustLevel, version }) => {
      return { id, name, contact, tags, enabled, trustLevel, version, createdAt: NOW, updatedAt: NOW };
    });
    return page(url, summaries);
  }

  show(id: string, status = 200): Reply {
    const one = this.partners.get(id);
    if (one === undefined) return notFound(`partner ${id}`);
    const audiences = [...this.audiences.values()].filter(({ owner }) => owner === id).map(({ audience }) => audience);
    const grants = [...this.grants.values()].filter(({ client }) => client === id);
    const held = grants.map(({ client: _client, version: _version, ...grant }) => grant);
    const introspects = this.#introspectedBy(id);
    const named = introspects.length === 0 ? {} : { introspects };
    return { status, body: { ...one, audiences, ...named, grants: held, createdAt: NOW, updatedAt: NOW } };
  }

  #keep(one: StoredPartner, status: number): Reply {
    this.partners.set(one.id, one);
    return this.show(one.id, status);
  }

  #introspectedBy(id: string): string[] {
    return [...this.audiences.values()]
      .filter(({ introspectors }) => introspectors.includes(id))
      .map(({ audience }) => audience);
  }

  #grantsOn(...audiences: readonly string[]): StoredGrant[] {
    return [...this.grants.values()].filter(({ audience }) => audiences.includes(audience));
  }
}

/** The cursor holds characters that a careless client would mangle. */
export function page(url: URL, all: readonly object[]): Reply {
  const start = Number((url.searchParams.get('cursor') ?? 'at +/=0').replace('at +/=', ''));
  const end = start + Math.min(PAGE_SIZE, Number(url.searchParams.get('limit') ?? PAGE_SIZE));
  const next = end < all.length ? { next: `at +/=${end}` } : {};
  return { status: 200, body: { items: all.slice(start, end), ...next } };
}
