/**
 * Who is asking, at endpoints that answer clients about tokens: any way in which a client proves itself at the token endpoint, but for
 * the assertion of a grant. What proves it once is used up, by a refusal too; where the request is not decided at all, it is given back.
 */

import type { AuditFacts } from '../core/audit.ts';
import type { ClientAuthentication } from '../core/client-authentication.ts';
import { type ClientProof, readClientProof } from '../core/client-proof.ts';
import { confirm } from '../core/confirmation.ts';
import { accept, type Result, refuse } from '../core/errors.ts';
import { CLIENT_CREDENTIALS } from '../core/grant-type.ts';
import { type EpochSeconds, isPartnerId, type PartnerWithGrants } from '../core/partner.ts';
import {
  isRealmName,
  type Realm,
  type RealmDefaults,
  type RealmTerms,
  realmTerms,
  untouchedRealm,
} from '../core/realm.ts';
import type { RawTokenRequest } from '../core/request-form.ts';
import type { Answered } from '../core/token-form.ts';
import type {
  DpopNonces,
  Freshness,
  IssuerReader,
  PartnerReader,
  RealmReader,
  ReplayGuard,
  SingleUse,
} from '../ports.ts';
import { findClient } from './look-up-client.ts';
import { proveClient, provenFacts, replayed } from './prove-client.ts';
import { provePossession } from './prove-possession.ts';
import { secondLook } from './second-look.ts';

export interface AuthenticateClientPorts {
  readonly partners: PartnerReader & IssuerReader;
  readonly realms: RealmReader;
  readonly replay: ReplayGuard;
  readonly nonces: DpopNonces;
}

export interface AuthenticateClientSettings extends RealmDefaults {
  readonly clockToleranceSeconds: number;
}

/** What a request shows of its client. */
export interface Claimant {
  /** As the path names it: the realm's name or an alias. */
  readonly realm: string;
  /** Which endpoint is asked, of a realm with this issuer: a DPoP proof is for that one. */
  readonly endpoint: (issuer: string) => string;
  readonly client: ClientAuthentication;
  readonly held: Pick<RawTokenRequest, 'dpop' | 'clientCertificate'>;
  readonly requestId: string;
}

export interface AuthenticatedClient {
  readonly realm: RealmTerms;
  /** The client with what it may call and owns, perhaps as it was `registryCacheSeconds` ago. */
  readonly caller: PartnerWithGrants;
}

type Learn = (facts: AuditFacts) => void;

/**
 * @param decide what the client is told, once it has proved itself.
 * @param learn is told what becomes known on the way, refused or not.
 * @throws Outage when DynamoDB did not answer, or `decide` throws; what has proved the client can then be sent again.
 */
export const asClient = async <Answer>(
  ports: AuthenticateClientPorts,
  settings: AuthenticateClientSettings,
  claimant: Claimant,
  now: EpochSeconds,
  learn: Learn,
  decide: (client: AuthenticatedClient) => Promise<Result<Answer>>,
): Promise<Result<Answered<Answer>>> => {
  const { realm: asked, client, requestId } = claimant;
  if (!isRealmName(asked)) return refuse({ reason: 'realm_unknown' });
  learn({ realm: asked });
  const proof = readClientProof({ client, grant: { type: CLIENT_CREDENTIALS } });
  if (!proof.ok) return proof;
  const { clientId } = proof.value;
  if (clientId !== undefined && isPartnerId(clientId)) learn({ client: clientId });
  const proven = await prove(ports, settings, claimant, proof.value, now, learn);
  if (!proven.ok) return proven;
  const { realm, caller, credential, uses, nonce } = proven.value;
  const claim = {
    realm: realm.name,
    uses,
    credential: { client: caller.partner.id, id: credential },
    claimedBy: requestId,
  };
  const used = await ports.replay.claim(claim, now);
  if (used !== undefined) return refuse(replayed(used));
  try {
    const answer = await decide({ realm, caller });
    if (!answer.ok) return answer;
    return accept({ answer: answer.value, ...(nonce === undefined ? {} : { dpopNonce: nonce }) });
  } catch (error) {
    await ports.replay.release(claim);
    throw error;
  }
};

interface Proven extends AuthenticatedClient {
  /** By which its last use is remembered. */
  readonly credential: string;
  readonly uses: readonly SingleUse[];
  /** For its next DPoP proof. */
  readonly nonce?: string;
}

const prove = async (
  ports: AuthenticateClientPorts,
  settings: AuthenticateClientSettings,
  claimant: Claimant,
  proof: ClientProof,
  now: EpochSeconds,
  learn: Learn,
): Promise<Result<Proven>> => {
  const look = (freshness: Freshness) => proveWith(ports, settings, claimant, proof, now, freshness, learn);
  const cached = await look({});
  const freshness = cached.ok ? undefined : secondLook(cached.refusal);
  return freshness === undefined ? cached : look(freshness);
};

const proveWith = async (
  ports: AuthenticateClientPorts,
  settings: AuthenticateClientSettings,
  { realm: asked, endpoint, held }: Claimant,
  proof: ClientProof,
  now: EpochSeconds,
  freshness: Freshness,
  learn: Learn,
): Promise<Result<Proven>> => {
  // The key of the nonces is read beside everything else. A failure comes back below.
  if (held.dpop !== undefined) ports.nonces.read(asked, now).catch(() => undefined);
  const { realm, found } = await lookUp(ports, settings.defaultRealm, asked, proof, freshness);
  const terms = realmTerms(realm, settings);
  learn({ realm: terms.name });
  const { clockToleranceSeconds: toleranceSeconds } = settings;
  const context = { issuers: ports.partners, realm: terms, toleranceSeconds, freshness, now };
  const proven = await proveClient(context, found?.partner, proof);
  if (!proven.ok) return proven;
  learn(provenFacts(proven.value));
  if (!realm.enabled) return refuse({ reason: 'realm_disabled', realm: realm.name });
  const possessed = await provePossession(ports.nonces, { ...context, asked, endpoint, settings }, held);
  if (!possessed.ok) return possessed;
  const { proofUse, nonce, ...possessions } = possessed.value;
  const { partner, credential, uses, confirmation } = proven.value;
  // The token of an issuer that is bound to a key proves its client only together with that (RFC 7800 3.1).
  const isHeld = confirm({ bindings: [], bindsCertificate: false }, possessions, confirmation);
  if (!isHeld.ok) return isHeld;
  const caller = { partner, grants: found?.grants ?? [], audiences: found?.audiences ?? [] };
  return accept({
    ...{ realm: terms, caller, credential },
    uses: [...uses, ...(proofUse === undefined ? [] : [proofUse])],
    ...(nonce === undefined ? {} : { nonce }),
  });
};

/** The realm that the path means and the partner that the proof names; in a realm that is not there nobody is. */
const lookUp = async (
  { partners, realms }: AuthenticateClientPorts,
  defaultRealm: string,
  asked: string,
  proof: ClientProof,
  freshness: Freshness,
): Promise<{ readonly realm: Realm; readonly found: PartnerWithGrants | undefined }> => {
  if (asked === defaultRealm) {
    const [realm, found] = await Promise.all([
      realms.find(asked, freshness),
      findClient(partners, asked, proof, freshness),
    ]);
    return { realm: realm ?? untouchedRealm(asked), found };
  }
  const realm = await realms.find(asked, freshness);
  if (realm === undefined) return { realm: untouchedRealm(asked), found: undefined };
  return { realm, found: await findClient(partners, realm.name, proof, freshness) };
};
