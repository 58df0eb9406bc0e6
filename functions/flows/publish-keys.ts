/** The JWKS of a realm, from its rings as they are stored. */

import type { JWK } from 'jose';
import { jwks } from '../core/metadata.ts';
import { Outage, type RingReader } from '../ports.ts';

export type PublishKeys = () => Promise<{ readonly keys: readonly JWK[] }>;

/**
 * A realm publishes the first keys of all its rings at once, so that no verifier can have an incomplete set. After that the set
 * is what it is: while a realm's only key is revoked and the next not yet made it is empty, and caches have to take that
 * rather than keep the revoked key.
 * @throws Outage when the rings cannot be read, and as long as no key has ever signed.
 */
export const publishKeys =
  (rings: RingReader, realm: string): PublishKeys =>
  async () => {
    const found = await rings.list(realm);
    const hasSigned = found.some((ring) => ring.keys.some((key) => key.activatedAt !== undefined));
    if (!hasSigned) throw new Outage('key-ring', new Error(`realm ${realm} has no signing key yet`));
    return jwks(found);
  };
