/**
 * Partners as the admin API in memory keeps them: what becomes of a definition, and of the keys in it. It judges none.
 */
import { X509Certificate } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';

export const NOW = '2026-11-23T10:00:00Z';

export type Members = Record<string, unknown>;

export interface StoredCredential {
  readonly kid: string;
  readonly alg: string;
  readonly kty: string;
  readonly thumbprint: string;
  readonly source: 'registered' | 'document' | 'self-registered';
  readonly [member: string]: unknown;
}

interface StoredSource {
  readonly type: 'jwks_uri' | 'metadata';
  readonly url: string;
  readonly lastAttemptAt?: string;
  readonly lastSuccessAt?: string;
  readonly failure?: { readonly code: string; readonly detail: string };
}

export interface StoredPartner {
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly enabled: boolean;
  readonly credentials: readonly StoredCredential[];
  readonly source?: StoredSource;
  readonly secrets: readonly Members[];
  readonly version: number;
  readonly [member: string]: unknown;
}

export async function define(id: string, body: Members): Promise<StoredPartner> {
  const { id: _, jwksUri, metadataUrl, metadata, credentials = [], ...members } = body;
  const pasted = metadata as { issuer?: string; jwks_uri?: string; keys?: readonly Members[] } | undefined;
  const inputs = [...(credentials as readonly Members[]), ...(pasted?.keys ?? []).map(pastedKey)];
  const source = sourceOf({ jwksUri: jwksUri ?? pasted?.jwks_uri, metadataUrl });
  const defaults = {
    tags: {},
    enabled: true,
    trustLevel: 'application',
    acceptsSecurityIdentifiers: false,
    compatibility: 'strict',
    secrets: [],
    federation: [],
    trustedIssuer: false,
    registered: false,
  };
  return {
    id,
    ...defaults,
    tokenPolicy: {},
    claims: {},
    ...(pasted?.issuer === undefined ? {} : { issuer: pasted.issuer }),
    ...members,
    credentials: await Promise.all(inputs.map((input) => credentialOf(input))),
    ...(source === undefined ? {} : { source }),
    version: 1,
  };
}

const pastedKey = (key: Members): Members =>
  'kty' in key ? { jwk: key } : { certificate: ((key.keyvalue ?? key.keyValue) as { value: string }).value };

export function sourceOf({ jwksUri, metadataUrl }: Members): StoredSource | undefined {
  if (typeof jwksUri === 'string') return { type: 'jwks_uri', url: jwksUri };
  return typeof metadataUrl === 'string' ? { type: 'metadata', url: metadataUrl } : undefined;
}

/** Certificates say by themselves when they are good; an operator can only say less. */
export async function credentialOf(
  input: Members,
  source: StoredCredential['source'] = 'registered',
): Promise<StoredCredential> {
  const { jwk, certificate, label, notBefore, expiresAt } = input as Record<string, string | undefined> & { jwk?: JWK };
  const read = certificate === undefined ? undefined : new X509Certificate(Buffer.from(certificate, 'base64'));
  const { kid, alg, use: _, ...key }: JWK = read?.publicKey.export({ format: 'jwk' }) ?? jwk ?? {};
  const thumbprint = await calculateJwkThumbprint(key);
  const ends = read && new Date(read.validToDate.getTime() + 1000).toISOString();
  const thumbprintOf = (hex: string): string => Buffer.from(hex.replaceAll(':', ''), 'hex').toString('base64url');
  const { x5t, 'x5t#S256': x5tS256, ...material } = key as JWK & Members;
  const certificateNames = Object.fromEntries(
    Object.entries({
      x5t: read === undefined ? x5t : thumbprintOf(read.fingerprint),
      'x5t#S256': read === undefined ? x5tS256 : thumbprintOf(read.fingerprint256),
    }).filter(([, value]) => value !== undefined),
  );
  const terms = {
    label,
    ...certificateNames,
    notBefore: notBefore ?? read?.validFromDate.toISOString(),
    expiresAt: [expiresAt, ends].filter((time) => time !== undefined).sort()[0],
  };
  const names = { kid: kid ?? thumbprint, alg: alg ?? (key.kty === 'RSA' ? 'RS256' : 'ES256'), kty: String(key.kty) };
  const given = Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== undefined));
  return {
    ...names,
    type: 'public_key',
    thumbprint,
    source,
    jwk: { ...material, ...certificateNames },
    ...given,
    addedAt: NOW,
  };
}
