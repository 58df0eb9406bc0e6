/**
 * Who is asking, proved; whom the token is to be about, proved; and what the client may have: the reads, the proofs, the decision.
 */

import type { AuditFacts } from '../core/audit.ts';
import { ASSERTION_ALLOWANCES } from '../core/compatibility.ts';
import { confirm } from '../core/confirmation.ts';
import { defaultAlgorithm } from '../core/default-algorithm.ts';
import { accept, type Result, refuse } from '../core/errors.ts';
import type { KeyRing } from '../core/key-ring.ts';
import { tokenEndpoint } from '../core/metadata.ts';
import { meantAudience } from '../core/microsoft-resource.ts';
import type { EpochSeconds, Partner } from '../core/partner.ts';
import { decideEntitlement, type Entitlement } from '../core/policy.ts';
import { type RealmDefaults, type RealmTerms, realmTerms } from '../core/realm.ts';
import type { RawTokenRequest } from '../core/request-form.ts';
import { parseScope } from '../core/scope.ts';
import type { Confirmation } from '../core/token.ts';
import type { DpopNonces, Freshness, SingleUse, TokenRevocations, UserReader } from '../ports.ts';
import { type Asked, type LookUpPorts, lookUpClient, targetOf } from './look-up-client.ts';
import { orderForServer } from './order-actor-token.ts';
import { proveByActorToken, subjectOfActorToken } from './prove-actor-token.ts';
import { type ProvenClient, proveClient, provenFacts } from './prove-client.ts';
import { provePossession } from './prove-possession.ts';
import { secondLook } from './second-look.ts';
import type { ActorTokenOrder } from './sign-actor-token.ts';
import { verifySubject } from './verify-subject.ts';

export interface EntitleClientPorts extends LookUpPorts {
  readonly users: UserReader;
  readonly nonces: DpopNonces;
  readonly revocations: Pick<TokenRevocations, 'isRevoked'>;
}

export interface EntitleClientSettings extends RealmDefaults {
  readonly clockToleranceSeconds: number;
}

/** What is asked, and with what in hand; of nothing of it anything is believed yet. */
export interface ClientRequest extends Asked {
  readonly held: Pick<RawTokenRequest, 'dpop' | 'clientCertificate'>;
}

export interface Entitled {
  readonly realm: RealmTerms;
  readonly partner: Partner;
  /** By which the last use of what proved the client is remembered. */
  readonly credential: string;
  readonly entitlement: Entitlement;
  /** There if the token is to be one of the Microsoft profile. */
  readonly actorToken?: ActorTokenOrder;
  readonly confirmation?: Confirmation;
  /** What this request uses up. */
  readonly uses: readonly SingleUse[];
  /** Those of them that say whom the token is about. */
  readonly subjectUses: readonly SingleUse[];
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

const entitle = async (
  ports: EntitleClientPorts,
  settings: EntitleClientSettings,
  client: ClientRequest,
  now: EpochSeconds,
  freshness: Freshness,
  learn: (facts: AuditFacts) => void,
): Promise<Result<Entitled>> => {
  const { request, proof, held } = client;
  // The key of the nonces is read beside everything else, so that a proof makes no round trip of its own. A failure comes back below.
  if (held.dpop !== undefined) ports.nonces.read(client.realm, now).catch(() => undefined);
  const { found, catalogue, realm } = await lookUpClient(ports, settings, client, freshness);
  const terms = realmTerms(realm, settings);
  learn({ realm: terms.name });
  const { partners, certificates, revocations, users } = ports;
  const toleranceSeconds = settings.clockToleranceSeconds;
  const context = { partners, issuers: partners, realm: terms, toleranceSeconds, freshness, now };
  const proven =
    proof.type === 'microsoft'
      ? await proveByActorToken({ ...context, certificates, users }, proof)
      : await proveClient(context, found?.partner, proof);
  if (!proven.ok) return proven;
  learn(provenFacts(proven.value));
  if (!realm.enabled) return refuse({ reason: 'realm_disabled', realm: realm.name });
  const { type } = request.grant;
  if (!terms.grantTypes.includes(type)) return refuse({ reason: 'grant_type_off', grantType: type });
  const at = { asked: client.realm, endpoint: tokenEndpoint, settings };
  const possessions = await provePossession(ports.nonces, { ...context, ...at }, held);
  if (!possessions.ok) return possessions;

  const { partner, actorToken } = proven.value;
  const owned = { grants: [], audiences: [], ...(found?.partner.id === partner.id ? found : {}), partner };
  const resource = meantAudience(request.resource, targetOf(proof), owned.grants);
  if (!resource.ok) return resource;
  const rings = catalogue?.rings ?? [];
  const about =
    actorToken === undefined
      ? await verifySubject({ ...context, revocations, rings }, owned, request.grant)
      : await subjectOfActorToken({ ...context, revocations }, owned, actorToken, resource.value);
  if (!about.ok) return about;
  const { subject, origin, confirmation: bound, uses } = about.value;
  learn({ subject: subject.sub });
  const wanted = { resource: resource.value, scopes: scopesOf(client, proven.value), details: request.details };
  const defaults = { ...terms, algorithm: defaultAlgorithm(terms, rings) };
  const proved = { subject, ...(origin === undefined ? {} : { origin }) };
  const entitlement = decideEntitlement(owned, defaults, wanted, catalogue?.audience, proved, now);
  if (!entitlement.ok) return entitlement;
  const { proofUse, nonce, ...possessed } = possessions.value;
  const confirmation = confirm(entitlement.value, possessed, proven.value.confirmation, bound);
  if (!confirmation.ok) return confirmation;
  const order = await orderForServer(
    { ...context, users },
    {
      request,
      client: partner,
      entitlement: entitlement.value,
      owner: catalogue?.audience?.owner,
      actorToken,
      confirmation: confirmation.value,
    },
  );
  if (!order.ok) return order;
  return accept({
    realm: terms,
    partner,
    credential: proven.value.credential,
    entitlement: entitlement.value,
    ...(order.value === undefined ? {} : { actorToken: order.value }),
    ...(confirmation.value === undefined ? {} : { confirmation: confirmation.value }),
    uses: [...proven.value.uses, ...uses, ...(proofUse === undefined ? [] : [proofUse])],
    subjectUses: uses,
    ...(nonce === undefined ? {} : { nonce }),
    rings,
  });
};

/** Libraries that leave out the subject of their assertions ask for scopes there too, and for none in the request. */
const scopesOf = ({ request, proof }: ClientRequest, { partner }: ProvenClient): readonly string[] | undefined => {
  if (request.scopes !== undefined || proof.type !== 'grant') return request.scopes;
  const scope = proof.own.ok ? proof.own.value.claims.scope : undefined;
  if (scope === undefined || !ASSERTION_ALLOWANCES[partner.compatibility].subjectOptional) return undefined;
  return parseScope(scope) ?? [];
};
