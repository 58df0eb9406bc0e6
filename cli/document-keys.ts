/**
 * Which keys a pasted metadata document brings, as far as needed to see whether the service has them. The service judges them.
 */
import { X509Certificate } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { isObject } from './key-material.ts';

export interface DocumentKeys {
  /** RFC 7638 thumbprints of keys that the service would register today. */
  readonly good: ReadonlySet<string>;
  /** The same with those whose certificate has expired, which the service leaves out of new registrations. */
  readonly all: ReadonlySet<string>;
}

/** JWKs (RFC 7517), or certificates as in Microsoft's metadata/json/1; anything else is passed over. */
export async function documentKeys(document: Readonly<Record<string, unknown>>, nowMs: number): Promise<DocumentKeys> {
  const keys: readonly unknown[] = Array.isArray(document.keys) ? document.keys : [];
  const read = (await Promise.all(keys.map((key) => readKey(key, nowMs)))).filter((key) => key !== undefined);
  return {
    good: new Set(read.filter(({ isExpired }) => !isExpired).map(({ thumbprint }) => thumbprint)),
    all: new Set(read.map(({ thumbprint }) => thumbprint)),
  };
}

interface DocumentKey {
  readonly thumbprint: string;
  readonly isExpired: boolean;
}

async function readKey(key: unknown, nowMs: number): Promise<DocumentKey | undefined> {
  if (!isObject(key) || key.use === 'enc') return undefined;
  try {
    if (typeof key.kty === 'string') return { thumbprint: await calculateJwkThumbprint(key as JWK), isExpired: false };
    // The products do not agree on how to spell it.
    const holder = key.keyvalue ?? key.keyValue;
    if (!isObject(holder) || typeof holder.value !== 'string') return undefined;
    const certificate = new X509Certificate(Buffer.from(holder.value, 'base64'));
    const thumbprint = await calculateJwkThumbprint(certificate.publicKey.export({ format: 'jwk' }));
    return { thumbprint, isExpired: certificate.validToDate.getTime() < nowMs };
  } catch {
    return undefined;
  }
}
