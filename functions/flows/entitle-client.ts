/**
 * Who is asking, proved; whom the token is to be about, proved; and what the client may have: the reads, the proofs, the decision.
 */

import type { AuditFacts } from '../core/audit.ts';
import { findAssertionKey } from '../core/assertion.ts';
import type { ClientProof } from '../core/client-proof.ts';
import { ASSERTION_ALLOWANCES } from '../core/compatibility.ts';
import { confirm } from '../core/confirmation.ts';
import { defaultAlgorithm } from '../core/default-algorithm.ts';
import { accept, type Refusal, type RefusalReason, type Result, refuse } from '../core/errors.ts';
import type { KeyRing } from '../core/key-ring.ts';
import { isPartnerId, type Partner, type PartnerWithGrants, type EpochSeconds } from '../core/partner.ts';
import { decideEntitlement, type Entitlement, requestedAudience } from '../core/policy.ts';
import { type Realm, type RealmDefaults, type RealmTerms, realmTerms, untouchedRealm } from '../core/realm.ts';
import type { RawTokenRequest } from '../core/request-form.ts';
import { parseScope } from '../core/scope.ts';
import type { Confirmation } from '../core/token.ts';
import type { TokenRequest } from '../core/token-request.ts';
import type {
  Catalogue,
  CatalogueReader,
  DpopNonces,
  Freshness,
  IssuerReader,
  PartnerReader,
  RealmReader,
  SingleUse,
} from '../ports.ts';
import { type ProvenClient, proveClient } from './prove-client.ts';
import { provePossession } from './prove-possession.ts';
import { verifySubject } from './verify-subject.ts';

export interface EntitleClientPorts {
  readonly partners: PartnerReader & IssuerReader;
  readonly catalogue: CatalogueReader;
  readonly realms: RealmReader;
  readonly nonces: DpopNonces;
}

export interface EntitleClientSettings extends RealmDefaults {
  readonly clockToleranceSeconds: number;
}

/** What is asked, of which realm, and with what in hand; of nothing of it anything is believed yet. */
export interface ClientRequest {
  /** As the path names it: perhaps by an alias. */
  readonly realm: string;
  readonly request: TokenRequest;
  readonly proof: ClientProof;
  readonly held: Pick<RawTokenRequest, 'dpop' | 'clientCertificate'>;
}

export interface Entitled {
  readonly realm: RealmTerms;
  readonly partner: Partner;
  /** By which the last use of what proved the client is remembered. */
  readonly credential: string;
  readonly entitlement: Entitlement;
  readonly confirmation?: Confirmation;
  /** What this request uses up. */
  readonly uses: readonly SingleUse[];
  /** For the client's next DPoP proof. */
  readonly nonce?: string;
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
  if (cached.ok) return cached;
  const freshness = secondLook(cached.refusal);
  return freshness === undefined ? cached : look(freshness);
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
  'secret_expired',
  'client_secrets_off',
  'grant_type_off',
  'trust_level_insufficient',
  'resource_required',
  'resource_unknown',
  'resource_disabled',
  'grant_missing',
  'scope_not_granted',
  'authorization_details_not_granted',
  'binding_required',
  'token_profile_unsupported',
  'grant_assertion_refused',
  'subject_token_refused',
  'actor_token_refused',
  'subject_not_shared',
];

/** The same where nothing is proved, because the partner does not have, or trust, what it was tried with. */
const UNPROVEN_SECOND_LOOK: readonly RefusalReason[] = [
  'secret_unknown',
  'certificate_unknown',
  'federation_missing',
  'federation_claims',
  'issuer_unknown',
  'issuer_untrusted',
  'issuer_disabled',
];

/** A caller who has proved nothing can make us read no more than once in this many seconds. */
const UNPROVEN_MAX_AGE_SECONDS = 5;

const secondLook = ({ reason }: Refusal): Freshness | undefined => {
  if (SECOND_LOOK.includes(reason)) return { maxAgeSeconds: 0 };
  return UNPROVEN_SECOND_LOOK.includes(reason) ? { maxAgeSeconds: UNPROVEN_MAX_AGE_SECONDS } : undefined;
};

const entitle = async (
  ports: EntitleClientPorts,
  settings: EntitleClientSettings,
  client: ClientRequest,
  now: EpochSeconds,
  freshness: Freshness,
  learn: (facts: AuditFacts) => void,
): Promise<Result<Entitled>> => {
  const { request, proof, held } = client;
  const { found, catalogue, realm } = await lookUp(ports, settings, client, freshness);
  const terms = realmTerms(realm, settings);
  learn({ realm: terms.name });
  const { partners } = ports;
  const toleranceSeconds = settings.clockToleranceSeconds;
  const context = { partners, issuers: partners, realm: terms, toleranceSeconds, freshness, now };
  const proven = await proveClient(context, found?.partner, proof);
  if (!proven.ok) return proven;
  learn(factsOf(proven.value));
  if (!realm.enabled) return refuse({ reason: 'realm_disabled', realm: realm.name });
  const { type } = request.grant;
  if (!terms.grantTypes.includes(type)) return refuse({ reason: 'grant_type_off', grantType: type });
  const possessions = await provePossession(ports.nonces, { ...context, asked: client.realm, settings }, held);
  if (!possessions.ok) return possessions;

  const owned = { partner: proven.value.partner, grants: found?.grants ?? [], audiences: found?.audiences ?? [] };
  const resource = requestedAudience(request.resource, owned.grants);
  if (!resource.ok) return resource;
  const rings = catalogue?.rings ?? [];
  const about = await verifySubject({ ...context, rings }, owned, request.grant);
  if (!about.ok) return about;
  const { subject, origin, confirmation: bound, uses } = about.value;
  learn({ subject: subject.sub });
  const wanted = { resource: resource.value, scopes: scopesOf(client, proven.value), details: request.details };
  const defaults = { ...terms, algorithm: defaultAlgorithm(terms, rings) };
  const proved = { subject, ...(origin === undefined ? {} : { origin }) };
  const entitlement = decideEntitlement(owned, defaults, wanted, catalogue?.audience, proved, now);
  if (!entitlement.ok) return entitlement;
  const { proofUse, nonce, ...possessed } = possessions.value;
  const confirmation = confirm(entitlement.value, possessed, bound);
  if (!confirmation.ok) return confirmation;
  return accept({
    realm: terms,
    partner: owned.partner,
    credential: proven.value.credential,
    entitlement: entitlement.value,
    ...(confirmation.value === undefined ? {} : { confirmation: confirmation.value }),
    uses: [...proven.value.uses, ...uses, ...(proofUse === undefined ? [] : [proofUse])],
    ...(nonce === undefined ? {} : { nonce }),
    rings,
  });
};

const factsOf = ({ partner, method, key, audited }: ProvenClient): AuditFacts => ({
  client: partner.id,
  method,
  ...(key === undefined ? {} : { clientKey: key }),
  ...(audited === undefined ? {} : { federationAudited: audited }),
  ...(partner.compatibility === 'strict' ? {} : { compatibility: partner.compatibility }),
});

/** Libraries that leave out the subject of their assertions ask for scopes there too, and for none in the request. */
const scopesOf = ({ request, proof }: ClientRequest, { partner }: ProvenClient): readonly string[] | undefined => {
  if (request.scopes !== undefined || proof.type !== 'grant') return request.scopes;
  const scope = proof.own.ok ? proof.own.value.claims.scope : undefined;
  if (scope === undefined || !ASSERTION_ALLOWANCES[partner.compatibility].subjectOptional) return undefined;
  return parseScope(scope) ?? [];
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
  { realm, request: { resource }, proof }: ClientRequest,
  freshness: Freshness,
): Promise<Pick<Found, 'found' | 'catalogue'>> => {
  const find = () => findClient(partners, realm, proof, freshness);
  if (resource !== undefined) {
    const [found, read] = await Promise.all([find(), catalogue.read(realm, resource, freshness)]);
    return { found, catalogue: read };
  }
  const found = await find();
  const only = requestedAudience(resource, found?.grants ?? []);
  return { found, catalogue: only.ok ? await catalogue.read(realm, only.value, freshness) : undefined };
};

/** The partner that the proof names, with the key that it names if the partner has it. */
const findClient = async (
  partners: PartnerReader & IssuerReader,
  realm: string,
  proof: ClientProof,
  freshness: Freshness,
): Promise<PartnerWithGrants | undefined> => {
  // Names come from a proof that nobody has verified yet; what cannot be one is not looked for.
  const client = proof.type === 'grant' ? (proof.clientId ?? proof.issuer) : proof.clientId;
  if (client === undefined) return undefined;
  if (!isPartnerId(client)) {
    const isIssuer = proof.type === 'grant' && proof.clientId === undefined;
    return isIssuer ? partners.findByIssuer(realm, client, freshness) : undefined;
  }
  const found = await partners.find(realm, client, freshness);
  if (found === undefined || proof.type !== 'private_key_jwt') return found;
  const key = findAssertionKey(found.partner.credentials, proof.assertion);
  if (key.ok || key.refusal.reason !== 'assertion_key_unknown') return found;
  // Looked for before any signature is checked: an unknown key must cost one check, as every other refusal does.
  return partners.find(realm, client, { maxAgeSeconds: UNPROVEN_MAX_AGE_SECONDS, ...freshness });
};
