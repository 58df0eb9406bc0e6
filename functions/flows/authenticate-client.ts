/**
 * Who is asking, at endpoints that answer clients about tokens: any way in which a client proves itself at the token endpoint, but for
 * the assertion of a grant. What proves it once is used up; where no answer comes of it, it is given back.
 */

import type { AuditFacts } from '../core/audit.ts';
import type { ClientAuthentication } from '../core/client-authentication.ts';
import { type ClientProof, readClientProof } from '../core/client-proof.ts';
import { confirm } from '../core/confirmation.ts';
import { accept, type Result, refuse } from '../core/errors.ts';
import { CLIENT_CREDENTIALS } from '../core/grant-type.ts';
import { type EpochSeconds, isPartnerId, type PartnerWithGrants } from '../core/partner.ts';
import { readPresentedCertificate } from '../core/presented-certificate.ts';
import {
  isRealmName,
  type Realm,
  type RealmDefaults,
  type RealmTerms,
  realmTerms,
  untouchedRealm,
} from '../core/realm.ts';
import type { RawTokenRequest } from '../core/request-form.ts';
import type { Freshness, IssuerReader, PartnerReader, RealmReader, ReplayGuard, SingleUse } from '../ports.ts';
import { findClient } from './look-up-client.ts';
import { type ProvenClient, proveClient } from './prove-client.ts';
import { secondLook } from './second-look.ts';

export interface AuthenticateClientPorts {
  readonly partners: PartnerReader & IssuerReader;
  readonly realms: RealmReader;
  readonly replay: ReplayGuard;
}

export interface AuthenticateClientSettings extends RealmDefaults {
  readonly clockToleranceSeconds: number;
}

/** What a request shows of its client. */
export interface Claimant {
  /** As the path names it: the realm's name or an alias. */
  readonly realm: string;
  readonly client: ClientAuthentication;
  readonly held: Pick<RawTokenRequest, 'clientCertificate'>;
  readonly requestId: string;
}

export interface AuthenticatedClient {
  readonly realm: RealmTerms;
  /** The client with what it may call and owns, perhaps as it was `registryCacheSeconds` ago. */
  readonly caller: PartnerWithGrants;
}

type Learn = (facts: AuditFacts) => void;

/**
 * @param answer what the client is told, once it has proved itself.
 * @param learn is told what becomes known on the way, refused or not.
 * @throws Outage when DynamoDB did not answer, or `answer` throws; what has proved the client can then be sent again.
 */
export const asClient = async <Answer>(
  ports: AuthenticateClientPorts,
  settings: AuthenticateClientSettings,
  claimant: Claimant,
  now: EpochSeconds,
  learn: Learn,
  answer: (client: AuthenticatedClient) => Promise<Result<Answer>>,
): Promise<Result<Answer>> => {
  const { realm: asked, client, requestId } = claimant;
  if (!isRealmName(asked)) return refuse({ reason: 'realm_unknown' });
  learn({ realm: asked });
  const proof = readClientProof({ client, grant: { type: CLIENT_CREDENTIALS } });
  if (!proof.ok) return proof;
  const { clientId } = proof.value;
  if (clientId !== undefined && isPartnerId(clientId)) learn({ client: clientId });
  const proven = await prove(ports, settings, claimant, proof.value, now, learn);
  if (!proven.ok) return proven;
  const { realm, caller, credential, uses } = proven.value;
  const claim = {
    realm: realm.name,
    uses,
    credential: { client: caller.partner.id, id: credential },
    claimedBy: requestId,
  };
  const used = await ports.replay.claim(claim, now);
  if (used !== undefined) return refuse({ reason: 'assertion_replayed', jti: used.jti });
  try {
    return await answer({ realm, caller });
  } catch (error) {
    await ports.replay.release(claim);
    throw error;
  }
};

interface Proven extends AuthenticatedClient {
  /** By which its last use is remembered. */
  readonly credential: string;
  readonly uses: readonly SingleUse[];
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
  { realm: asked, held }: Claimant,
  proof: ClientProof,
  now: EpochSeconds,
  freshness: Freshness,
  learn: Learn,
): Promise<Result<Proven>> => {
  const { realm, found } = await lookUp(ports, settings.defaultRealm, asked, proof, freshness);
  const terms = realmTerms(realm, settings);
  learn({ realm: terms.name });
  const { clockToleranceSeconds: toleranceSeconds } = settings;
  const context = { issuers: ports.partners, realm: terms, toleranceSeconds, freshness, now };
  const proven = await proveClient(context, found?.partner, proof);
  if (!proven.ok) return proven;
  learn(factsOf(proven.value));
  if (!realm.enabled) return refuse({ reason: 'realm_disabled', realm: realm.name });
  const isHeld = checkHeld(proven.value, held);
  if (!isHeld.ok) return isHeld;
  const { partner, credential, uses } = proven.value;
  const caller = { partner, grants: found?.grants ?? [], audiences: found?.audiences ?? [] };
  return accept({ realm: terms, caller, credential, uses });
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

/** The token of an issuer that is bound to a key proves its client only together with that (RFC 7800 3.1). No DPoP proof is taken here. */
const checkHeld = ({ confirmation }: ProvenClient, { clientCertificate }: Claimant['held']): Result<unknown> => {
  if (confirmation === undefined) return accept(undefined);
  const certificate = clientCertificate === undefined ? undefined : readPresentedCertificate(clientCertificate);
  if (certificate?.ok === false) return certificate;
  const held = certificate === undefined ? {} : { x5tS256: certificate.value.x5tS256 };
  return confirm({ bindings: [], bindsCertificate: false }, held, confirmation);
};

const factsOf = ({ partner, method, key, audited }: ProvenClient): AuditFacts => ({
  client: partner.id,
  method,
  ...(key === undefined ? {} : { clientKey: key }),
  ...(audited === undefined ? {} : { federationAudited: audited }),
  ...(partner.compatibility === 'strict' ? {} : { compatibility: partner.compatibility }),
});
