/**
 * The truststore of a domain with mutual TLS: authorities, and self-signed certificates of single clients, in one PEM text.
 * Source: API Gateway developer guide, "Configuring mutual TLS authentication for an HTTP API".
 */

import { X509Certificate } from 'node:crypto';
import { StartError } from '../start-error.ts';

const MAX_CERTIFICATES = 1_000;
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * The certificates, one text each. The TLS library passes over what it cannot read, and would then let nobody in.
 * @throws StartError when there is none, there are too many, or one cannot be read.
 */
export function readTruststore(pem: string): string[] {
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length === 0) throw new StartError('the truststore has no certificate in it (PEM)');
  if (blocks.length > MAX_CERTIFICATES)
    throw new StartError(`a truststore has ${MAX_CERTIFICATES} certificates at most`);
  for (const [index, block] of blocks.entries()) {
    if (!isCertificate(block)) throw new StartError(`certificate ${index + 1} of the truststore cannot be read`);
  }
  return blocks;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).fingerprint256 !== '';
  } catch {
    return false;
  }
}
