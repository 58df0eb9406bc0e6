/**
 * Who is asking, proved, and what it may have: the reads, the client's signature, the decision.
 */

import { type AssertionRules, findAssertionKey, type ParsedAssertion } from '../core/assertion.ts';
import type { AuditFacts } from '../core/audit.ts';
import { verifyClient } from '../core/client-auth.ts';
import { ASSERTION_ALLOWANCES, type AssertionAllowance } from '../core/compatibility.ts';
import { defaultAlgorithm } from '../core/default-algorithm.ts';
import { accept, type RefusalReason, type Result, refuse } from '../core/errors.ts';
import type { KeyRing } from '../core/key-ring.ts';
import { tokenEndpoint } from '../core/metadata.ts';
import { type EpochSeconds, isPartnerId, type Partner, type PartnerWithGrants } from '../core/partner.ts';
import { decideEntitlement, type Entitlement, requestedAudience } from '../core/policy.ts';
import { type Realm, type RealmDefaults, type RealmTerms, realmTerms, untouchedRealm } from '../core/realm.ts';
import type { TokenRequest } from '../core/token-request.ts';
import type { Catalogue, CatalogueReader, Freshness, PartnerReader, RealmReader } from '../ports.ts';

export interface EntitleClientPorts {
  readonly partners: PartnerReader;
  readonly catalogue: CatalogueReader;
  readonly realms: RealmReader;
}

export interface EntitleClientSettings extends RealmDefaults {
  readonly clockToleranceSeconds: number;
}

/** What is asked, of which realm, by whom as far as the assertion says. */
export interface ClientRequest {
  /** As the path names it: perhaps by an alias. */
  readonly realm: string;
  readonly request: TokenRequest;
  readonly assertion: ParsedAssertion;
}

export interface Entitled {
  readonly realm: RealmTerms;
  readonly partner: Partner;
  /** Thumbprint of the key that proved the client. */
  readonly credential: string;
  readonly entitlement: Entitlement;
  readonly rings: readonly KeyRing[];
}

/** @param learn is told what becomes known on the way, refused or not. */
export const entitleClient = async (
  ports: EntitleClientPorts,
  settings: EntitleClientSettings,
  client: ClientRequest,
  now: EpochSeconds,
  learn: (facts: AuditFacts) => void,
): Promise<Result<Entitled>> => {
  const look = (freshness: Freshness): Promise<Result<Entitled>> =>
    entitle(ports, settings, client, now, freshness, learn);
  const cached = await look({});
  return cached.ok || !SECOND_LOOK.includes(cached.refusal.reason) ? cached : look({ maxAgeSeconds: 0 });
};

/**
 * Refusals of a proven client that the cache may be the reason for: what an operator has just added must not be refused for
 * half a minute. They are looked into once more, with fresh data.
 */
const SECOND_LOOK: readonly RefusalReason[] = [
  'client_disabled',
  'realm_disabled',
  'credential_not_yet_valid',
  'credential_expired',
  'trust_level_insufficient',
  'resource_required',
  'resource_unknown',
  'resource_disabled',
  'grant_missing',
  'scope_not_granted',
  'binding_required',
  'token_profile_unsupported',
];

/**
 * The same for a key that the partner does not have. Nobody has proved anything then, so a caller can make us read no more
 * than once in this many seconds.
 */
const UNKNOWN_KEY_MAX_AGE_SECONDS = 5;

/** Who is asking, proved, and what it may have. */
const entitle = async (
  ports: EntitleClientPorts,
  settings: EntitleClientSettings,
  client: ClientRequest,
  now: EpochSeconds,
  freshness: Freshness,
  learn: (facts: AuditFacts) => void,
): Promise<Result<Entitled>> => {
  const { request, assertion } = client;
  const { found, catalogue, realm } = await lookUp(ports, settings, client, freshness);
  const terms = realmTerms(realm, settings);
  learn({ realm: terms.name });
  const allowance = ASSERTION_ALLOWANCES[found?.partner.compatibility ?? 'strict'];
  const verified = await verifyClient(found?.partner, assertion, assertionRules(settings, terms, allowance), now);
  if (!verified.ok) return verified;
  const { partner, credential } = verified.value;
  learn({
    clientKey: credential.kid,
    ...(partner.compatibility === 'strict' ? {} : { compatibility: partner.compatibility }),
  });
  if (!realm.enabled) return refuse({ reason: 'realm_disabled', realm: realm.name });
  const grants = found?.grants ?? [];
  const resource = requestedAudience(request.resource, grants);
  if (!resource.ok) return resource;
  const wanted = { resource: resource.value, scopes: request.scopes };
  const rings = catalogue?.rings ?? [];
  const defaults = { ...terms, algorithm: defaultAlgorithm(terms, rings) };
  const entitlement = decideEntitlement({ partner, grants }, defaults, wanted, catalogue?.audience);
  if (!entitlement.ok) return entitlement;
  return accept({
    realm: terms,
    partner,
    credential: credential.thumbprint,
    entitlement: entitlement.value,
    rings,
  });
};

interface Found {
  readonly found: PartnerWithGrants | undefined;
  readonly catalogue: Catalogue | undefined;
  readonly realm: Realm;
}

/** Which realm the path means is known for the default one, and in the cache for most others. */
const lookUp = async (
  ports: EntitleClientPorts,
  { defaultRealm }: EntitleClientSettings,
  client: ClientRequest,
  freshness: Freshness,
): Promise<Found> => {
  if (client.realm !== defaultRealm) {
    const named = await ports.realms.find(client.realm, freshness);
    if (named === undefined) return { found: undefined, catalogue: undefined, realm: untouchedRealm(client.realm) };
    return { ...(await read(ports, { ...client, realm: named.name }, freshness)), realm: named };
  }
  const direct = await read(ports, client, freshness);
  const realm = direct.catalogue?.realm ?? (await ports.realms.find(defaultRealm, freshness));
  return { ...direct, realm: realm ?? untouchedRealm(defaultRealm) };
};

/** Both reads at once where the request names its resource; where it does not, the partner's only grant tells it. */
const read = async (
  { partners, catalogue }: EntitleClientPorts,
  { realm, request: { resource }, assertion }: ClientRequest,
  freshness: Freshness,
): Promise<Pick<Found, 'found' | 'catalogue'>> => {
  const find = () => findClient(partners, realm, assertion, freshness);
  if (resource !== undefined) {
    const [found, read] = await Promise.all([find(), catalogue.read(realm, resource, freshness)]);
    return { found, catalogue: read };
  }
  const found = await find();
  const only = requestedAudience(resource, found?.grants ?? []);
  return { found, catalogue: only.ok ? await catalogue.read(realm, only.value, freshness) : undefined };
};

/** The partner that the assertion names, with the key that it names if the partner has it. */
const findClient = async (
  partners: PartnerReader,
  realm: string,
  assertion: ParsedAssertion,
  freshness: Freshness,
): Promise<PartnerWithGrants | undefined> => {
  const { sub: client } = assertion.claims;
  // A client id comes from an assertion that nobody has verified yet; what cannot be one is not looked for.
  if (!isPartnerId(client)) return undefined;
  const found = await partners.find(realm, client, freshness);
  const key = found === undefined ? undefined : findAssertionKey(found.partner.credentials, assertion);
  if (key === undefined || key.ok || key.refusal.reason !== 'assertion_key_unknown') return found;
  // Looked for before any signature is checked: an unknown key must cost one check, as every other refusal does.
  return partners.find(realm, client, { maxAgeSeconds: UNKNOWN_KEY_MAX_AGE_SECONDS, ...freshness });
};

const assertionRules = (
  settings: EntitleClientSettings,
  realm: RealmTerms,
  { tokenEndpointAudience, seconds, jtiOptional }: AssertionAllowance,
): AssertionRules => ({
  audiences: tokenEndpointAudience ? [realm.issuer, tokenEndpoint(realm.issuer)] : [realm.issuer],
  jtiOptional,
  maxSeconds: Math.max(realm.assertionSeconds, seconds),
  toleranceSeconds: settings.clockToleranceSeconds,
});
