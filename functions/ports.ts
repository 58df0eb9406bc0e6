/**
 * What the flows need from the world. Adapters implement these on DynamoDB, KMS and the process; an adapter that cannot
 * answer throws `Outage`, and never answers "no" in its place.
 */

import type { JwsAlgorithm } from './core/algorithms.ts';
import type { AcceptedNonces } from './core/dpop-nonce.ts';
import type { KeyRing, SigningKey } from './core/key-ring.ts';
import type { MicrosoftUser, UserIdentifier, UserIdentifiers } from './core/microsoft-user.ts';
import type { Audience, EpochSeconds, Grant, Partner, PartnerWithGrants } from './core/partner.ts';
import type { RefreshFailure, RefreshStatus } from './core/partner-source.ts';
import type { QuotaUse } from './core/quota.ts';
import type { Realm } from './core/realm.ts';

/** A part of AWS did not do its job: the request is not decided, and may be tried again. */
export class Outage extends Error {
  override readonly name = 'Outage';
  /** Which call failed, e.g. `kms:Sign`. */
  readonly operation: string;

  constructor(operation: string, cause: unknown) {
    super(`${operation} failed: ${describe(cause)}`, { cause });
    this.operation = operation;
  }
}

/** The key is disabled, about to be deleted, or gone: it was taken out of use since the ring was read. */
export class KeyUnusable extends Outage {}

/** KMS has said no to making a key: there is none, and nothing to be looked for. */
export class KeyNotMade extends Outage {}

const describe = (cause: unknown): string => (cause instanceof Error ? `${cause.name}: ${cause.message}` : 'unknown');

export interface Clock {
  now(): EpochSeconds;
}

/** Lets time pass. */
export interface Pause {
  /** Returns when the clock shows `time`, which is a second away at most; at once when it has. */
  until(time: EpochSeconds): Promise<void>;
}

export interface Ids {
  /** 122 random bits or more: letters, digits and dashes, beginning with a letter or digit. */
  next(): string;
}

/** Serial numbers of certificates. */
export interface Serials {
  /** 20 random octets. */
  next(): Uint8Array;
}

/** How old a cached answer may be, in seconds. Absent: `registryCacheSeconds`. */
export interface Freshness {
  readonly maxAgeSeconds?: number;
}

/** Partners as the issuing and checking functions read them: cached, at most `registryCacheSeconds` old. */
export interface PartnerReader {
  find(realm: string, id: string, freshness?: Freshness): Promise<PartnerWithGrants | undefined>;
}

/** The partner that goes by an issuer; cached likewise. */
export interface IssuerReader {
  findByIssuer(realm: string, issuer: string, freshness?: Freshness): Promise<PartnerWithGrants | undefined>;
}

/** The partner that takes part in the Microsoft profile with this certificate (RFC 7515 4.1.7); cached likewise. */
export interface ThumbprintReader {
  findByThumbprint(realm: string, x5t: string, freshness?: Freshness): Promise<PartnerWithGrants | undefined>;
}

/** Users that an operator has registered; cached likewise. */
export interface UserReader {
  findUser(realm: string, id: string, freshness?: Freshness): Promise<MicrosoftUser | undefined>;
  /** Every user whom any of the identifiers means. */
  findUsers(realm: string, identifiers: UserIdentifiers, freshness?: Freshness): Promise<readonly MicrosoftUser[]>;
}

/** Realms by their own name or an alias; cached likewise. The default realm is always there. */
export interface RealmReader {
  find(nameOrAlias: string, freshness?: Freshness): Promise<Realm | undefined>;
}

export interface Catalogue {
  /** `undefined`: no realm of that very name; aliases are not looked into. */
  readonly realm: Realm | undefined;
  readonly rings: readonly KeyRing[];
  readonly audience: Audience | undefined;
}

/** Audiences, cached likewise. */
export interface AudienceReader {
  find(realm: string, audience: string, freshness?: Freshness): Promise<Audience | undefined>;
}

/** The rest of what issuing needs, in one read: the realm, its rings and the audience asked for. Cached likewise. */
export interface CatalogueReader {
  read(realm: string, audience: string, freshness?: Freshness): Promise<Catalogue>;
}

/** All rings of a realm; cached likewise. */
export interface RingReader {
  list(realm: string, freshness?: Freshness): Promise<readonly KeyRing[]>;
}

/** What may be used once: a client assertion, the assertion of a grant, a DPoP proof. */
export interface SingleUse {
  readonly kind: 'assertion' | 'dpop';
  /** Whose `jti` it is, since ids of different makers may be the same: a client id, an issuer, the thumbprint of a DPoP key. */
  readonly maker: string;
  readonly jti: string;
  /** After this it is refused for its age, so its use need not be remembered. */
  readonly forgetAfter: EpochSeconds;
}

export interface ReplayClaim {
  readonly realm: string;
  /** All of them are claimed, or none. */
  readonly uses: readonly SingleUse[];
  /** What proved the client, and is thereby used: the thumbprint of a key, or another name that stays the same. */
  readonly credential?: { readonly client: string; readonly id: string };
  /** Tells one claim from another, so that only the request that claimed something can release it. */
  readonly claimedBy: string;
}

/**
 * Single use (RFC 7523 3, item 7; RFC 9449 11.1). Of any number of concurrent claims exactly one is granted. A claim also leaves a
 * note of when the credential was last used, to the hour.
 */
export interface ReplayGuard {
  /** @returns what had been used before; `undefined`: nothing, and all of it is claimed now. */
  claim(claim: ReplayClaim, now: EpochSeconds): Promise<SingleUse | undefined>;
  /** Gives back what was claimed when no token came of it. Never throws: what cannot be released just expires. */
  release(claim: ReplayClaim): Promise<void>;
}

/** Single tokens that were revoked before their time (RFC 7009). */
export interface TokenRevocations {
  /** Cached for `registryCacheSeconds` where the token is good; a revoked one stays revoked. */
  isRevoked(realm: string, tokenId: string, now: EpochSeconds, freshness?: Freshness): Promise<boolean>;
  /** @param forgetAfter when the token is refused for its age. May be repeated. */
  revoke(realm: string, tokenId: string, forgetAfter: EpochSeconds): Promise<void>;
}

/** Nonces that DPoP proofs have to hold (RFC 9449 8). */
export interface DpopNonces {
  read(realm: string, now: EpochSeconds): Promise<AcceptedNonces>;
}

/** Secrets of our making. */
export interface Secrets {
  /** 256 random bits, base64url. */
  next(): string;
}

/** Tokens counted against the quota of a partner. */
export interface QuotaCounter {
  /** What this process last saw of the current windows, without asking anybody; `undefined`: nothing. */
  lastSeen(realm: string, client: string, now: EpochSeconds): QuotaUse | undefined;
  /** Counts one more. @returns the counts with it among them. */
  count(realm: string, client: string, now: EpochSeconds): Promise<QuotaUse>;
  /** Takes one back for which there was no token. Never throws: a count that is one too high does little harm. */
  takeBack(realm: string, client: string, now: EpochSeconds): Promise<void>;
}

export interface Signer {
  /**
   * @param input text in ASCII, such as a JWS signing input, or bytes.
   * @returns the signature in its JOSE form, never DER.
   */
  sign(key: Pick<SigningKey, 'keyArn'>, algorithm: JwsAlgorithm, input: string | Uint8Array): Promise<Uint8Array>;
}

/** What KMS made: the key and its public half. */
export type MadeKey = Pick<SigningKey, 'kid' | 'keyArn' | 'jwk' | 'createdAt'>;

/** A key as it is found again in KMS, by its tags. */
export interface FoundKey extends MadeKey {
  /** Which creation made it. */
  readonly creationId: string | undefined;
}

/** The life of signing keys in KMS. Every call may be repeated: what is already so is not an error. */
export interface KeyVault {
  /**
   * Makes a key, tagged with deployment, realm, algorithm and this creation.
   * @throws KeyNotMade when there is certainly none; any other Outage may have left one behind.
   */
  create(realm: string, algorithm: JwsAlgorithm, creationId: string): Promise<MadeKey>;
  /** Usable keys of this deployment, realm and algorithm, as their tags say: also those that no ring knows. */
  listTagged(realm: string, algorithm: JwsAlgorithm): Promise<readonly FoundKey[]>;
  disable(keyArn: string): Promise<void>;
  /** When the key last signed, as far as KMS knows; `undefined`: never, since KMS keeps track. */
  lastUsedAt(keyArn: string): Promise<EpochSeconds | undefined>;
  /** Starts the waiting period of the deletion. @returns when KMS deletes the key; `undefined`: it has. */
  scheduleDeletion(keyArn: string): Promise<EpochSeconds | undefined>;
  /** A key whose deletion was pending is disabled afterwards. `gone`: KMS has deleted it. */
  cancelDeletion(keyArn: string): Promise<'cancelled' | 'gone'>;
}

/** What verifiers are told, looked at from outside: the public key sets of every Region that serves them. */
export interface PublicKeySets {
  /** Whether every public JWKS names this key, so that it may begin to sign. */
  name(kid: string): Promise<boolean>;
}

/** The rings as the reconciler sees them: never cached, written by version. */
export interface RingStore {
  load(realm: string, algorithm: JwsAlgorithm): Promise<KeyRing | undefined>;
  list(realm: string): Promise<readonly KeyRing[]>;
  /** Writes `ring` if the stored version is the one before. `conflict`: somebody else was faster. */
  save(ring: KeyRing): Promise<'saved' | 'conflict'>;
}

/** The signed list of revoked keys, as it is out. */
export interface RevocationListStore {
  load(realm: string): Promise<string | undefined>;
  save(realm: string, list: string): Promise<void>;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next?: string;
}

export interface PageRequest {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** What was found at a partner's URL, or why nothing was. A partner's failure is a value: it is no outage of ours. */
export type Fetched =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly failure: RefreshFailure };

/** Documents of partners. The only port that reaches out to an address that somebody else has chosen. */
export interface PartnerDocuments {
  /**
   * One GET request; no redirect is followed.
   * @param by who has named the URL: a partner's own word never leads to a private network, whatever an operator has allowed.
   */
  fetch(url: string, by: 'operator' | 'partner'): Promise<Fetched>;
}

type Saved = Promise<'saved' | 'conflict'>;

/** Realms as the administration sees them: never cached, every write conditional. */
export interface RealmRegistry {
  /** By its own name or an alias. The default realm is always there. */
  findRealm(nameOrAlias: string): Promise<Realm | undefined>;
  /** The default realm is on the first page, once it has been written; see `findRealm`. */
  listRealms(page: PageRequest): Promise<Page<Realm>>;
  /** Writes `realm` and its aliases if the stored version is the one before (1: none) and nobody else has any of the names. */
  saveRealm(realm: Realm, before: Realm): Saved;
}

/** Partners as the administration sees them. */
export interface PartnerRegistry {
  findPartner(realm: string, id: string): Promise<PartnerWithGrants | undefined>;
  listPartners(realm: string, page: PageRequest): Promise<Page<Partner>>;
  /** Which partner of the realm goes by this issuer. */
  findIssuer(realm: string, issuer: string): Promise<string | undefined>;
  /** Which partner of the realm takes part in the Microsoft profile with this certificate (RFC 7515 4.1.7). */
  findCertificate(realm: string, x5t: string): Promise<string | undefined>;
  /** Whether a registered user has this id, which no partner may have then. */
  isUser(realm: string, id: string): Promise<boolean>;
  /** At which version the partner ended that had this id before; 0: there was none. */
  lastVersion(realm: string, id: string): Promise<number>;
  /** Writes a new partner, of the version after the last, if no user has its id; `refresh` exactly when it has a source. */
  createPartner(partner: Partner, refresh: RefreshStatus | undefined): Saved;
  /**
   * Writes `partner` if the stored version is the one before, mirrors `enabled` onto the audiences it owns and moves its
   * issuer, all or nothing.
   * @param refresh to be written in place of the old one; `undefined`: it stays as it is, or goes with the source.
   */
  updatePartner(partner: Partner, before: PartnerWithGrants, refresh: RefreshStatus | undefined): Saved;
  /**
   * Removes a partner with its grants and the audiences it owns, if none of these is granted to anybody else by now and no audience
   * names it as an introspector.
   */
  removePartner(found: PartnerWithGrants, owned: readonly Audience[]): Saved;
}

/** Users as the administration sees them. */
export interface UserRegistry {
  findUser(realm: string, id: string): Promise<MicrosoftUser | undefined>;
  listUsers(realm: string, page: PageRequest): Promise<Page<MicrosoftUser>>;
  /** Which user of the realm an identifier, in its normal form, means. */
  findHolder(realm: string, kind: UserIdentifier, identifier: string): Promise<string | undefined>;
  /**
   * Writes `user` with its identifiers, all or nothing, if the stored user is the one before, none of the identifiers means anybody else,
   * and no partner has a new user's id.
   */
  saveUser(user: MicrosoftUser, before: MicrosoftUser | undefined): Saved;
  removeUser(user: MicrosoftUser): Saved;
}

/** What is known of the use of credentials. */
export interface CredentialUses {
  /** When each key of a partner was last used, by its thumbprint, to the hour. */
  lastUses(realm: string, id: string): Promise<ReadonlyMap<string, EpochSeconds>>;
}

/** Partners whose documents are followed. */
export interface RefreshRegistry {
  /** Those due by now, the longest due first. */
  listDue(now: EpochSeconds, limit: number): Promise<readonly Pick<RefreshStatus, 'realm' | 'id'>[]>;
  /** Writes `status` if the stored version is the one before. */
  saveRefresh(status: RefreshStatus): Saved;
}

/** Audiences and grants as the administration sees them. */
export interface GrantRegistry {
  findAudience(realm: string, audience: string): Promise<Audience | undefined>;
  listAudiences(realm: string, page: PageRequest): Promise<Page<Audience>>;
  /** At which version the audience ended that had this name before; 0: there was none. */
  lastAudienceVersion(realm: string, audience: string): Promise<number>;
  /**
   * Writes a new audience, of the version after the last, if its owner is still as `owner` says and its introspectors exist; counts the
   * owner's version on.
   */
  createAudience(audience: Audience, owner: Pick<Partner, 'version'>): Saved;
  /** Writes `audience` if it is still as it was before, no grant holds a scope that goes and who comes to introspect exists. */
  updateAudience(audience: Audience, before: Audience): Saved;
  /** Removes `audience` if it is still as given and granted to nobody; counts the owner's version on. */
  removeAudience(audience: Audience): Saved;
  /**
   * Writes `grant` if its client exists, the audience is still as given and the stored grant is the one before.
   * @param lostGrantAt of the client, where there was no grant before: it has lost none since.
   */
  saveGrant(
    grant: Grant,
    before: Grant | undefined,
    audience: Pick<Audience, 'owner' | 'version'>,
    lostGrantAt?: EpochSeconds,
  ): Saved;
  /** @param at is remembered with the client as `lostGrantAt`. */
  removeGrant(grant: Grant, at: EpochSeconds): Saved;
  listGrantsOn(realm: string, audience: string, page: PageRequest): Promise<Page<Grant>>;
}

export type Registry = PartnerRegistry & GrantRegistry;
