/**
 * The reads of a token request: the client that the proof names, the realm that the path means, its rings, the audience. Nothing of the
 * request is believed yet, so what cannot be a name is not looked for.
 */

import { findAssertionKey, type ParsedAssertion } from '../core/assertion.ts';
import type { ClientProof, MicrosoftProof } from '../core/client-proof.ts';
import { parseTarget, type Target } from '../core/microsoft-principal.ts';
import { meantAudience } from '../core/microsoft-resource.ts';
import { isPartnerId, type Partner, type PartnerWithGrants } from '../core/partner.ts';
import { type Realm, untouchedRealm } from '../core/realm.ts';
import type { TokenRequest } from '../core/token-request.ts';
import type {
  Catalogue,
  CatalogueReader,
  Freshness,
  IssuerReader,
  PartnerReader,
  RealmReader,
  ThumbprintReader,
} from '../ports.ts';
import { UNPROVEN_MAX_AGE_SECONDS } from './unproven.ts';
import { findSpeakers } from './verify-actor-token.ts';

export interface LookUpPorts {
  readonly partners: PartnerReader & IssuerReader;
  readonly certificates: ThumbprintReader;
  readonly catalogue: CatalogueReader;
  readonly realms: RealmReader;
}

/** What is asked, of which realm, by whom as far as the proof says. */
export interface Asked {
  /** As the path names it: perhaps by an alias. */
  readonly realm: string;
  readonly request: TokenRequest;
  readonly proof: ClientProof | MicrosoftProof;
}

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

/** Both reads at once where the request names its resource; where it does not, the partner's grants tell it. */
const read = async (
  ports: LookUpPorts,
  { realm, request: { resource }, proof }: Asked,
  freshness: Freshness,
): Promise<Pick<Found, 'found' | 'catalogue'>> => {
  const { partners, catalogue } = ports;
  const find = () =>
    proof.type === 'microsoft'
      ? findSpeaker(ports, realm, proof, freshness)
      : findClient(partners, realm, proof, freshness);
  if (resource !== undefined && parseTarget(resource) === undefined) {
    const [found, read] = await Promise.all([find(), catalogue.read(realm, resource, freshness)]);
    return { found, catalogue: read };
  }
  const found = await find();
  const meant = meantAudience(resource, targetOf(proof), found?.grants ?? []);
  return { found, catalogue: meant.ok ? await catalogue.read(realm, meant.value, freshness) : undefined };
};

/** What a proof was made for, where it says that. */
export const targetOf = (proof: Asked['proof']): Target | undefined =>
  proof.type === 'microsoft' && proof.token.ok ? parseTarget(proof.token.value.actor.claims.aud) : undefined;

const findSpeaker = async (
  { partners: issuers, certificates }: LookUpPorts,
  realm: string,
  { token }: MicrosoftProof,
  freshness: Freshness,
): Promise<PartnerWithGrants | undefined> => {
  if (!token.ok) return undefined;
  const { signer, named } = await findSpeakers({ issuers, certificates }, realm, token.value, freshness);
  return named ?? signer;
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
