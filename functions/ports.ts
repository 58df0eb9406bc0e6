/**
 * What the flows need from the world. Adapters implement these on DynamoDB, KMS and the process; an adapter that cannot
 * answer throws `Outage`, and never answers "no" in its place.
 */

import type { JwsAlgorithm } from './core/algorithms.ts';
import type { KeyRing, SigningKey } from './core/key-ring.ts';
import type { Audience, EpochSeconds, Grant, Partner, PartnerWithGrants } from './core/partner.ts';

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

export interface Ids {
  /** 128 random bits or more, printable. */
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

export interface Catalogue {
  readonly rings: readonly KeyRing[];
  readonly audience: Audience | undefined;
}

/** The rest of what issuing needs, in one read: the realm's rings and the audience asked for. Cached likewise. */
export interface CatalogueReader {
  read(realm: string, audience: string, freshness?: Freshness): Promise<Catalogue>;
}

/** All rings of a realm; cached likewise. */
export interface RingReader {
  list(realm: string): Promise<readonly KeyRing[]>;
}

export interface AssertionUse {
  readonly realm: string;
  readonly client: string;
  readonly jti: string;
  /** After this the assertion is refused for its age, so its use need not be remembered. */
  readonly forgetAfter: EpochSeconds;
  /** Tells one claim from another, so that only the request that claimed an assertion can release it. */
  readonly claimedBy: string;
}

/** Single use of client assertions (RFC 7523 3, item 7). Of any number of concurrent claims exactly one is granted. */
export interface ReplayGuard {
  claim(use: AssertionUse, now: EpochSeconds): Promise<'claimed' | 'replayed'>;
  /** Gives an assertion back when no token came of it. Never throws: what cannot be released just expires. */
  release(use: AssertionUse): Promise<void>;
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

/** The registry as the administration sees it: never cached, every write conditional. */
export interface Registry {
  findPartner(realm: string, id: string): Promise<PartnerWithGrants | undefined>;
  listPartners(realm: string, page: PageRequest): Promise<Page<Partner>>;
  createPartner(partner: Partner): Promise<'saved' | 'conflict'>;
  /** Writes `partner` if the stored version is the one before, and mirrors `enabled` onto `audiences`, all or nothing. */
  updatePartner(partner: Partner, audiences: readonly string[]): Promise<'saved' | 'conflict'>;
  findAudience(realm: string, audience: string): Promise<Audience | undefined>;
  listAudiences(realm: string, page: PageRequest): Promise<Page<Audience>>;
  /** Writes `audience` if nobody owns it yet and its owner is still as `owner` says; counts the owner's version on. */
  createAudience(audience: Audience, owner: Pick<Partner, 'version'>): Promise<'saved' | 'conflict'>;
  /** Writes `grant` if its client and audience exist and the stored version is the one before (1: none). */
  saveGrant(grant: Grant): Promise<'saved' | 'conflict'>;
  listGrantsOn(realm: string, audience: string, page: PageRequest): Promise<Page<Grant>>;
}
