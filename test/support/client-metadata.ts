/** Client metadata (RFC 7591 2) as a partner's people send them. */

import { createHash, X509Certificate } from 'node:crypto';
import type { JWK } from 'jose';
import type { JwsAlgorithm } from '../../functions/core/algorithms.ts';
import { keyPair, type TestKeyPair } from './builders.ts';
import { issue } from './certificate-authority.ts';

export const publicJwkOf = ({ publicJwk, kid, algorithm }: TestKeyPair): JWK => ({ ...publicJwk, kid, alg: algorithm });

/** With one key, of that algorithm and name. */
export const metadataWith = async (
  changes: Readonly<Record<string, unknown>> = {},
  name = 'own',
  algorithm: JwsAlgorithm = 'ES256',
): Promise<Record<string, unknown>> => ({
  jwks: { keys: [publicJwkOf(await keyPair(algorithm, name))] },
  ...changes,
});

/** A key with its self-signed certificate, and the thumbprint by which TLS clients with it are known. */
export const certifiedKey = async (kid = 'tls') => {
  const { base64 } = await issue({ name: 'crm.example' });
  const certificate = new X509Certificate(Buffer.from(base64, 'base64'));
  const jwk: JWK = { ...certificate.publicKey.export({ format: 'jwk' }), kid, x5c: [base64] };
  return { jwk, x5tS256: createHash('sha256').update(certificate.raw).digest('base64url') };
};
