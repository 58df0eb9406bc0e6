/**
 * Certificates of keys in the embedded KMS, reached through the real SDK; rings in memory, with conditional writes. What the
 * tests of the flow ask OpenSSL is asked here.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeySpec } from '@aws-sdk/client-kms';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { kmsSigner } from '../../functions/adapters/kms-signer.ts';
import { algorithmFacts, type JwsAlgorithm } from '../../functions/core/algorithms.ts';
import type { KeyRing, SigningKey } from '../../functions/core/key-ring.ts';
import { manageCertificates } from '../../functions/flows/manage-certificates.ts';
import type { RingStore, Signer } from '../../functions/ports.ts';
import { openWorld, type World } from '../local/kms/world.ts';
import { NOW, REALM } from '../support/builders.ts';

export interface Rings extends RingStore {
  stored: KeyRing;
  /** Called before every write: what somebody else does at that moment. */
  beforeSave: () => void;
}

/** A store that holds one ring. */
export const oneRing = (ring: KeyRing): Rings => ({
  stored: ring,
  beforeSave: () => undefined,
  async load(realm, algorithm) {
    return realm === this.stored.realm && algorithm === this.stored.algorithm ? this.stored : undefined;
  },
  async list(realm) {
    return realm === this.stored.realm ? [this.stored] : [];
  },
  async save(changed) {
    this.beforeSave();
    if (changed.version !== this.stored.version + 1) return 'conflict';
    this.stored = structuredClone(changed);
    return 'saved';
  },
});

export interface CertificatesWorld extends AsyncDisposable {
  readonly kms: World;
  readonly rings: Rings;
  readonly signer: Signer;
  readonly kid: string;
  readonly jwk: JWK;
  readonly spki: Uint8Array<ArrayBuffer>;
  /** Signatures that KMS was asked for. */
  readonly signatures: () => number;
  readonly manage: ReturnType<typeof manageCertificates>;
  /** The key as it is stored. */
  readonly key: () => SigningKey;
}

/** A ring with one active key, made by KMS. */
export const openCertificates = async (
  algorithm: JwsAlgorithm,
  changes: Partial<SigningKey> = {},
): Promise<CertificatesWorld> => {
  const kms = openWorld();
  const { arn } = await kms.createKey(algorithmFacts(algorithm).kms.keySpec as KeySpec);
  const publicKey = await kms.publicKey(arn);
  const jwk = publicKey.export({ format: 'jwk' }) as JWK;
  const kid = await calculateJwkThumbprint(jwk);
  const key: SigningKey = { kid, keyArn: arn, state: 'active', jwk, createdAt: NOW, ...changes };
  const rings = oneRing({ realm: REALM, algorithm, version: 1, keys: [key] });
  const real = kmsSigner(kms.client);
  let signatures = 0;
  const signer: Signer = {
    sign: (...call) => {
      signatures += 1;
      return real.sign(...call);
    },
  };
  const serials = { next: () => Uint8Array.from({ length: 20 }, (_, index) => 0xff - index) };
  return {
    kms,
    rings,
    signer,
    kid,
    jwk,
    spki: Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' })),
    signatures: () => signatures,
    manage: manageCertificates({ rings, signer, clock: { now: () => NOW }, serials }),
    key: () => rings.stored.keys[0] ?? key,
    [Symbol.asyncDispose]: () => kms[Symbol.asyncDispose](),
  };
};

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/**
 * What OpenSSL prints; throws with its words when it says no.
 * @param files by the name under which `args` speak of them.
 */
export const openssl = (files: Readonly<Record<string, string>>, ...args: readonly string[]): string => {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-openssl-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
    const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stdout}${stderr}`);
    return `${stdout}${stderr}`;
  } finally {
    rmSync(directory, { recursive: true });
  }
};

/** PEM of base64 DER (RFC 7468). */
export const pemOf = (base64: string, label = 'CERTIFICATE'): string =>
  [`-----BEGIN ${label}-----`, ...(base64.match(/.{1,64}/g) ?? []), `-----END ${label}-----`, ''].join('\n');
