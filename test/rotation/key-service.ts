/**
 * KMS as the contract of `KeyVault` and `Signer` has it, in a few microseconds a call: disabled keys do not sign, but what was
 * changed takes a while to be so everywhere; a deletion has its waiting period; a key that is gone is gone. Signatures name the
 * key that made them, and a verifier can tell; they are no cryptography.
 */

import { createHash } from 'node:crypto';
import type { JWK } from 'jose';
import { algorithmFacts, type JwsAlgorithm } from '../../functions/core/algorithms.ts';
import type { EpochSeconds } from '../../functions/core/partner.ts';
import { KeyUnusable } from '../../functions/ports.ts';

export interface ServiceKey {
  readonly keyArn: string;
  readonly kid: string;
  readonly jwk: JWK;
  readonly realm: string;
  readonly algorithm: JwsAlgorithm;
  readonly creationId: string;
  readonly createdAt: EpochSeconds;
  /** From then on it does not sign. */
  disabledFrom: EpochSeconds;
  /** As `disabledFrom`, at once: what DescribeKey says. */
  isDisabled: boolean;
  deletionAt: EpochSeconds | undefined;
  lastUsedAt: EpochSeconds | undefined;
}

export interface KeyServiceOptions {
  readonly now: () => EpochSeconds;
  /** How long KMS takes until a disabled key does not sign anywhere any more. */
  readonly disableSeconds: number;
  /** How long a new key is missing from the list of all keys. */
  readonly listSeconds: number;
}

/** The waiting period, the same as the adapter asks for. */
const DELETION_SECONDS = 30 * 86_400;

export class KeyService {
  readonly keys = new Map<string, ServiceKey>();
  /** Keys whose waiting period is over. */
  readonly deleted = new Map<string, ServiceKey>();
  readonly #options: KeyServiceOptions;
  #made = 0;

  constructor(options: KeyServiceOptions) {
    this.#options = options;
  }

  create(realm: string, algorithm: JwsAlgorithm, creationId: string): ServiceKey {
    this.#made += 1;
    const { jwk, kid } = material(algorithm, this.#made);
    const key: ServiceKey = {
      ...{ keyArn: `arn:key/${this.#made}`, kid, jwk, realm, algorithm, creationId, createdAt: this.#options.now() },
      disabledFrom: Number.POSITIVE_INFINITY,
      isDisabled: false,
      deletionAt: undefined,
      lastUsedAt: undefined,
    };
    this.keys.set(key.keyArn, key);
    return key;
  }

  list(): readonly ServiceKey[] {
    this.#deleteDue();
    const now = this.#options.now();
    return [...this.keys.values()].filter((key) => isEnabled(key) && key.createdAt + this.#options.listSeconds <= now);
  }

  find(keyArn: string): ServiceKey | undefined {
    this.#deleteDue();
    return this.keys.get(keyArn);
  }

  sign(keyArn: string, input: string | Uint8Array): Uint8Array {
    const key = this.find(keyArn);
    const now = this.#options.now();
    if (key === undefined || key.deletionAt !== undefined || now >= key.disabledFrom) {
      throw new KeyUnusable('kms:Sign', new Error(`${keyArn} is out of use`));
    }
    key.lastUsedAt = now;
    return new TextEncoder().encode(signatureOf(key.jwk, input));
  }

  disable(keyArn: string): void {
    const key = this.find(keyArn);
    if (key === undefined || key.isDisabled) return;
    key.isDisabled = true;
    key.disabledFrom = this.#options.now() + this.#options.disableSeconds;
  }

  /** @returns `undefined`: there is no such key any more. */
  scheduleDeletion(keyArn: string): EpochSeconds | undefined {
    const key = this.find(keyArn);
    if (key === undefined) return undefined;
    key.deletionAt ??= this.#options.now() + DELETION_SECONDS;
    return key.deletionAt;
  }

  /** @returns whether there is such a key. */
  cancelDeletion(keyArn: string): boolean {
    const key = this.find(keyArn);
    if (key?.deletionAt !== undefined) {
      key.deletionAt = undefined;
      key.isDisabled = true;
      key.disabledFrom = Math.min(key.disabledFrom, this.#options.now());
    }
    return key !== undefined;
  }

  #deleteDue(): void {
    const now = this.#options.now();
    for (const key of this.keys.values()) {
      if (key.deletionAt === undefined || key.deletionAt > now) continue;
      this.keys.delete(key.keyArn);
      this.deleted.set(key.keyArn, key);
    }
  }
}

export const isEnabled = (key: ServiceKey): boolean => !key.isDisabled && key.deletionAt === undefined;

const signatureOf = (jwk: JWK, input: string | Uint8Array): string => `${jwk.x ?? jwk.n}:${input.length}`;

/** Whether this key has made the signature. */
export const verifies = (jwk: JWK, input: string, signature: Uint8Array): boolean =>
  new TextDecoder().decode(signature) === signatureOf(jwk, input);

const made = new Map<string, { readonly jwk: JWK; readonly kid: string }>();

/** Public key number `index` of its algorithm, and its RFC 7638 thumbprint; the same for every world. */
const material = (algorithm: JwsAlgorithm, index: number): { readonly jwk: JWK; readonly kid: string } => {
  const label = `${algorithm}/${index}`;
  const known = made.get(label);
  if (known !== undefined) return known;
  const { kty, crv } = algorithmFacts(algorithm);
  const jwk: JWK = kty === 'RSA' ? { e: 'AQAB', kty, n: `n-${label}` } : { crv: crv ?? '', kty, x: label, y: label };
  // RFC 7638 3: required members, in lexicographic order, without blanks.
  const kid = createHash('sha256').update(JSON.stringify(jwk)).digest('base64url');
  made.set(label, { jwk, kid });
  return { jwk, kid };
};
