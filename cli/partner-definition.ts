/**
 * A partner as the admin API takes it, and credentials as they can be told apart. The same for options and for files.
 */
import { X509Certificate } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { Credential, TokenPolicyView } from './admin-records.ts';
import type { CompatibilityProfile, Federation, MicrosoftPartner, Quota, TlsSubject } from './declaration.ts';

/** One public key with its terms: `jwk` or `certificate` (base64 of the DER). Times are RFC 3339. */
export interface CredentialBody {
  readonly jwk?: JWK;
  readonly certificate?: string;
  /** Of the certificate's key. */
  readonly alg?: string | undefined;
  readonly label?: string | undefined;
  readonly notBefore?: string | undefined;
  readonly expiresAt?: string | undefined;
}

/** Everything about a partner but its keys. */
export interface PartnerAttributes {
  readonly name?: string | undefined;
  readonly contact?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly enabled?: boolean | undefined;
  readonly trustLevel?: string | undefined;
  readonly acceptsSecurityIdentifiers?: boolean | undefined;
  readonly compatibility?: CompatibilityProfile | undefined;
  readonly issuer?: string | undefined;
  readonly tokenPolicy?: TokenPolicyView | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  readonly quota?: Quota | undefined;
  /** `null` takes it away. */
  readonly tlsSubject?: TlsSubject | null | undefined;
  readonly federation?: Federation | undefined;
  readonly trustedIssuer?: boolean | undefined;
  /** `null` takes it away. */
  readonly microsoft?: MicrosoftPartner | null | undefined;
}

/** The body of POST and PUT: what is not there gets its default. */
export interface PartnerDefinition extends PartnerAttributes {
  readonly credentials: readonly CredentialBody[];
  /** A pasted document; at most one of these three. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly jwksUri?: string | undefined;
  readonly metadataUrl?: string | undefined;
}

/** What makes two credentials the same one. Times in epoch seconds. */
export interface CredentialIdentity {
  readonly kid: string;
  readonly thumbprint: string;
  /** Undefined where it is left to the service. */
  readonly alg: string | undefined;
  readonly label: string | undefined;
  readonly notBefore: number | undefined;
  readonly expiresAt: number | undefined;
}

export const identifyStored = (stored: Credential): CredentialIdentity => ({
  kid: stored.kid,
  thumbprint: stored.thumbprint,
  alg: wireName(stored.alg),
  label: stored.label,
  notBefore: epochSeconds(stored.notBefore),
  expiresAt: epochSeconds(stored.expiresAt),
});

/** As the service will store it: a certificate is good for no longer than it says itself, through its last second. */
export async function identifyBody({ jwk, certificate, ...terms }: CredentialBody): Promise<CredentialIdentity> {
  const read = certificate === undefined ? undefined : new X509Certificate(Buffer.from(certificate, 'base64'));
  const key: JWK = read?.publicKey.export({ format: 'jwk' }) ?? jwk ?? {};
  const thumbprint = await calculateJwkThumbprint(key);
  const ends = read === undefined ? undefined : toSeconds(read.validToDate) + 1;
  return {
    kid: jwk?.kid ?? thumbprint,
    thumbprint,
    alg: wireName(jwk?.alg ?? terms.alg),
    label: terms.label,
    notBefore: bound(Math.max, epochSeconds(terms.notBefore), read && toSeconds(read.validFromDate)),
    expiresAt: bound(Math.min, epochSeconds(terms.expiresAt), ends),
  };
}

/** RFC 9864 and RFC 8037 have two names for one algorithm. */
export const wireName = (alg: string | undefined): string | undefined => (alg === 'Ed25519' ? 'EdDSA' : alg);

const toSeconds = (time: Date): number => Math.floor(time.getTime() / 1000);

const epochSeconds = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : toSeconds(new Date(time));

const bound = (choose: typeof Math.max, a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : choose(a, b);
