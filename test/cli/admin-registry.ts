/**
 * What the admin API keeps, in memory: partners with versions, keys and documents, audiences with owners, grants that hold them in
 * place. It judges no keys; for the rest a request gets the answer that the service gives.
 */
import { X509Certificate } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { Reply } from './http-server.ts';

type Members = Record<string, unknown>;

interface StoredCredential {
  readonly kid: string;
  readonly alg: string;
  readonly kty: string;
  readonly thumbprint: string;
  readonly source: 'registered' | 'document';
  readonly [member: string]: unknown;
}

interface StoredSource {
  readonly type: 'jwks_uri' | 'metadata';
  readonly url: string;
  readonly lastAttemptAt?: string;
  readonly lastSuccessAt?: string;
  readonly failure?: { readonly code: string; readonly detail: string };
}

export interface StoredPartner {
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly enabled: boolean;
  readonly credentials: readonly StoredCredential[];
  readonly source?: StoredSource;
  readonly version: number;
  readonly [member: string]: unknown;
}

interface StoredAudience {
  readonly audience: string;
  readonly owner: string;
  readonly scopes: readonly string[];
  readonly tokenPolicy: Members;
  readonly version: number;
}

interface StoredGrant {
  readonly client: string;
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly version: number;
}

/** What is at a partner's address: keys, or why it cannot be had. */
export type PartnerDocument = { readonly keys: readonly JWK[] } | { readonly code: string; readonly detail: string };

export const NOW = '2026-11-23T10:00:00Z';
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
    const source = stored.source?.url === wanted.source?.url ? stored.source : wanted.source;
    const keys = [...wanted.credentials, ...(source === stored.source ? documentKeys : [])];
    const after = { ...wanted, credentials: keys, ...(source ? { source } : {}), version: stored.version };
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

  addAudience({ tokenPolicy = {}, ...rest }: Members): Reply {
    const { audience, owner, scopes } = rest as unknown as StoredAudience;
    if (!this.partners.has(owner)) return notFound(`partner ${owner}`);
    const wanted = { audience, owner, scopes, tokenPolicy: tokenPolicy as Members, version: 1 };
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
    const dependents = this.#grantsOn(stored.audience).filter(({ scopes }) =>
      scopes.some((each) => !after.scopes.includes(each)),
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
    const { client, audience, scopes } = body as unknown as StoredGrant;
    const declared = this.audiences.get(audience);
    if (!this.partners.has(client)) return notFound(`partner ${client}`);
    if (declared === undefined) return notFound(`audience ${audience}`);
    const strange = scopes.filter((scope) => !declared.scopes.includes(scope));
    if (strange.length > 0)
      return problem(400, 'Invalid request', `${audience} declares no scope ${strange.join(' ')}`);
    const name = `${client} ${audience}`;
    const stored = this.grants.get(name);
    const isSame = stored !== undefined && same(stored.scopes, scopes);
    const kept = isSame ? stored : { client, audience, scopes, version: (stored?.version ?? 0) + 1 };
    this.grants.set(name, kept);
    return { status: stored === undefined ? 201 : 200, body: kept };
  }

  deleteGrant(client: string | null, audience: string | null): Reply {
    if (!this.grants.delete(`${client} ${audience}`)) return notFound(`grant of ${client} on ${audience}`);
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
    const held = grants.map(({ audience, scopes }) => ({ audience, scopes }));
    return { status, body: { ...one, audiences, grants: held, createdAt: NOW, updatedAt: NOW } };
  }

  #keep(one: StoredPartner, status: number): Reply {
    this.partners.set(one.id, one);
    return this.show(one.id, status);
  }

  #grantsOn(...audiences: readonly string[]): StoredGrant[] {
    return [...this.grants.values()].filter(({ audience }) => audiences.includes(audience));
  }
}

async function define(id: string, body: Members): Promise<StoredPartner> {
  const { id: _, jwksUri, metadataUrl, metadata, credentials = [], ...members } = body;
  const pasted = metadata as { issuer?: string; jwks_uri?: string; keys?: readonly Members[] } | undefined;
  const inputs = [...(credentials as readonly Members[]), ...(pasted?.keys ?? []).map(pastedKey)];
  const source = sourceOf({ jwksUri: jwksUri ?? pasted?.jwks_uri, metadataUrl });
  const defaults = {
    tags: {},
    enabled: true,
    trustLevel: 'application',
    acceptsSecurityIdentifiers: false,
    compatibility: 'strict',
  };
  return {
    id,
    ...defaults,
    tokenPolicy: {},
    claims: {},
    ...(pasted?.issuer === undefined ? {} : { issuer: pasted.issuer }),
    ...members,
    credentials: await Promise.all(inputs.map((input) => credentialOf(input))),
    ...(source === undefined ? {} : { source }),
    version: 1,
  };
}

const pastedKey = (key: Members): Members =>
  'kty' in key ? { jwk: key } : { certificate: ((key.keyvalue ?? key.keyValue) as { value: string }).value };

function sourceOf({ jwksUri, metadataUrl }: Members): StoredSource | undefined {
  if (typeof jwksUri === 'string') return { type: 'jwks_uri', url: jwksUri };
  return typeof metadataUrl === 'string' ? { type: 'metadata', url: metadataUrl } : undefined;
}

/** Certificates say by themselves when they are good; an operator can only say less. */
async function credentialOf(
  input: Members,
  source: StoredCredential['source'] = 'registered',
): Promise<StoredCredential> {
  const { jwk, certificate, label, notBefore, expiresAt } = input as Record<string, string | undefined> & { jwk?: JWK };
  const read = certificate === undefined ? undefined : new X509Certificate(Buffer.from(certificate, 'base64'));
  const { kid, alg, use: _, ...key }: JWK = read?.publicKey.export({ format: 'jwk' }) ?? jwk ?? {};
  const thumbprint = await calculateJwkThumbprint(key);
  const ends = read && new Date(read.validToDate.getTime() + 1000).toISOString();
  const thumbprintOf = (hex: string): string => Buffer.from(hex.replaceAll(':', ''), 'hex').toString('base64url');
  const { x5t, 'x5t#S256': x5tS256, ...material } = key as JWK & Members;
  const certificateNames = Object.fromEntries(
    Object.entries({
      x5t: read === undefined ? x5t : thumbprintOf(read.fingerprint),
      'x5t#S256': read === undefined ? x5tS256 : thumbprintOf(read.fingerprint256),
    }).filter(([, value]) => value !== undefined),
  );
  const terms = {
    label,
    ...certificateNames,
    notBefore: notBefore ?? read?.validFromDate.toISOString(),
    expiresAt: [expiresAt, ends].filter((time) => time !== undefined).sort()[0],
  };
  const names = { kid: kid ?? thumbprint, alg: alg ?? (key.kty === 'RSA' ? 'RS256' : 'ES256'), kty: String(key.kty) };
  const given = Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== undefined));
  return {
    ...names,
    type: 'public_key',
    thumbprint,
    source,
    jwk: { ...material, ...certificateNames },
    ...given,
    addedAt: NOW,
  };
}

/** The cursor holds characters that a careless client would mangle. */
export function page(url: URL, all: readonly object[]): Reply {
  const start = Number((url.searchParams.get('cursor') ?? 'at +/=0').replace('at +/=', ''));
  const end = start + Math.min(PAGE_SIZE, Number(url.searchParams.get('limit') ?? PAGE_SIZE));
  const next = end < all.length ? { next: `at +/=${end}` } : {};
  return { status: 200, body: { items: all.slice(start, end), ...next } };
}
