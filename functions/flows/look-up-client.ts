/**
 * The reads of a token request: the client that the proof names, the realm that the path means, its rings, the audience. Nothing of the
 * request is believed yet, so what cannot be a name is not looked for.
 */

import { findAssertionKey, type ParsedAssertion } from '../core/assertion.ts';
import type { ClientProof } from '../core/client-proof.ts';
import { isPartnerId, type Partner, type PartnerWithGrants } from '../core/partner.ts';
import { requestedAudience } from '../core/policy.ts';
import { type Realm, untouchedRealm } from '../core/realm.ts';
import type { TokenRequest } from '../core/token-request.ts';
import type { Catalogue, CatalogueReader, Freshness, IssuerReader, PartnerReader, RealmReader } from '../ports.ts';

export interface LookUpPorts {
  readonly partners: PartnerReader & IssuerReader;
  readonly catalogue: CatalogueReader;
  readonly realms: RealmReader;
}

/** What is asked, of which realm, by whom as far as the proof says. */
export interface Asked {
  /** As the path names it: perhaps by an alias. */
  readonly realm: string;
  readonly request: TokenRequest;
  readonly proof: ClientProof;
}

/** A caller who has proved nothing can make us read no more than once in this many seconds. */
export const UNPROVEN_MAX_AGE_SECONDS = 5;

export interface Found {
  readonly found: PartnerWithGrants | undefined;
  readonly catalogue: Catalogue | undefined;
  readonly realm: Realm;
}

/** Which realm the path means is known for the default one, and in the cache for most others. */
export const lookUpClient = async (
  ports: LookUpPorts,
  { defaultRealm }: { readonly defaultRealm: string },
  client: Asked,
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
  { partners, catalogue }: LookUpPorts,
  { realm, request: { resource }, proof }: Asked,
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
export const findClient = async (
  partners: PartnerReader & IssuerReader,
  realm: string,
  proof: ClientProof,
  freshness: Freshness,
): Promise<PartnerWithGrants | undefined> => {
  // Names come from a proof that nobody has verified yet; what cannot be one is not looked for.
  const client = proof.type === 'grant' ? (proof.clientId ?? proof.issuer) : proof.clientId;
  if (client === undefined) return undefined;
  const isIssuer = !isPartnerId(client);
  // By an issuer's name a client is known only where its own assertion is all there is.
  if (isIssuer && (proof.type !== 'grant' || proof.clientId !== undefined)) return undefined;
  const find = (age: Freshness) =>
    isIssuer ? partners.findByIssuer(realm, client, age) : partners.find(realm, client, age);
  const found = await find(freshness);
  const own = found === undefined ? undefined : ownAssertion(proof, found.partner);
  if (found === undefined || own === undefined) return found;
  const key = findAssertionKey(found.partner.credentials, own);
  if (key.ok || key.refusal.reason !== 'assertion_key_unknown') return found;
  // Looked for before any signature is checked: an unknown key must cost one check, as every other refusal does.
  return find({ maxAgeSeconds: UNPROVEN_MAX_AGE_SECONDS, ...freshness });
};

/** The proof, where that is an assertion of the partner's own making. */
const ownAssertion = (proof: ClientProof, { id, issuer }: Partner): ParsedAssertion | undefined => {
  if (proof.type === 'private_key_jwt') return proof.assertion;
  if (proof.type !== 'grant' || !proof.own.ok) return undefined;
  const { iss } = proof.own.value.claims;
  return iss === id || iss === issuer ? proof.own.value : undefined;
};
