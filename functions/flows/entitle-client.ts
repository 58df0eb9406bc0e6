/**
 * Who is asking, proved, and what it may have: the reads, the client's signature, the decision.
 */

import { type AssertionRules, findAssertionKey, type ParsedAssertion } from '../core/assertion.ts';
import type { AuditFacts } from '../core/audit.ts';
import { verifyClient } from '../core/client-auth.ts';
import { accept, type RefusalReason, type Result } from '../core/errors.ts';
import type { KeyRing } from '../core/key-ring.ts';
import { type EpochSeconds, isPartnerId, type PartnerWithGrants } from '../core/partner.ts';
import { decideEntitlement, type Entitlement, requestedAudience } from '../core/policy.ts';
import type { TokenRequest } from '../core/token-request.ts';
import type { Catalogue, CatalogueReader, Freshness, PartnerReader } from '../ports.ts';

export interface EntitleClientPorts {
  readonly partners: PartnerReader;
  readonly catalogue: CatalogueReader;
}

export interface EntitleClientSettings {
  readonly realm: string;
  readonly issuer: string;
  readonly assertionSeconds: number;
  readonly clockToleranceSeconds: number;
}

export interface Entitled {
  readonly entitlement: Entitlement;
  readonly rings: readonly KeyRing[];
}

/** @param learn is told what becomes known on the way, refused or not. */
export const entitleClient = async (
  ports: EntitleClientPorts,
  settings: EntitleClientSettings,
  request: TokenRequest,
  assertion: ParsedAssertion,
  now: EpochSeconds,
  learn: (facts: AuditFacts) => void,
): Promise<Result<Entitled>> => {
  const look = (freshness: Freshness): Promise<Result<Entitled>> =>
    entitle(ports, settings, request, assertion, now, freshness, learn);
  const cached = await look({});
  return cached.ok || !SECOND_LOOK.includes(cached.refusal.reason) ? cached : look({ maxAgeSeconds: 0 });
};

/**
 * Refusals of a proven client that the cache may be the reason for: what an operator has just added must not be refused for
 * half a minute. They are looked into once more, with fresh data.
 */
const SECOND_LOOK: readonly RefusalReason[] = [
  'client_disabled',
  'resource_required',
  'resource_unknown',
  'resource_disabled',
  'grant_missing',
  'scope_not_granted',
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
  request: TokenRequest,
  assertion: ParsedAssertion,
  now: EpochSeconds,
  freshness: Freshness,
  learn: (facts: AuditFacts) => void,
): Promise<Result<Entitled>> => {
  const { found, catalogue } = await lookUp(ports, settings.realm, assertion, request.resource, freshness);
  const verified = await verifyClient(found?.partner, assertion, assertionRules(settings), now);
  if (!verified.ok) return verified;
  learn({ clientKey: verified.value.key.kid });
  const grants = found?.grants ?? [];
  const resource = requestedAudience(request.resource, grants);
  if (!resource.ok) return resource;
  const entitlement = decideEntitlement({ grants }, resource.value, catalogue?.audience, request.scopes);
  if (!entitlement.ok) return entitlement;
  return accept({ entitlement: entitlement.value, rings: catalogue?.rings ?? [] });
};

/** Both reads at once where the request names its resource; where it does not, the partner's only grant tells it. */
const lookUp = async (
  { partners, catalogue }: EntitleClientPorts,
  realm: string,
  assertion: ParsedAssertion,
  resource: string | undefined,
  freshness: Freshness,
): Promise<{ found: PartnerWithGrants | undefined; catalogue: Catalogue | undefined }> => {
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
  const key = found === undefined ? undefined : findAssertionKey(found.partner.keys, assertion);
  if (key === undefined || key.ok || key.refusal.reason !== 'assertion_key_unknown') return found;
  // Looked for before any signature is checked: an unknown key must cost one check, as every other refusal does.
  return partners.find(realm, client, { maxAgeSeconds: UNKNOWN_KEY_MAX_AGE_SECONDS, ...freshness });
};

const assertionRules = (settings: EntitleClientSettings): AssertionRules => ({
  audience: settings.issuer,
  maxSeconds: settings.assertionSeconds,
  toleranceSeconds: settings.clockToleranceSeconds,
});
