/** The JWKS of a realm, from its rings as they are stored. */

import type { JWK } from 'jose';
import { jwks } from '../core/metadata.ts';
import { Outage, type RingReader } from '../ports.ts';

export type PublishKeys = () => Promise<{ readonly keys: readonly JWK[] }>;

/**
 * @throws Outage when the rings cannot be read, and as long as no key has ever signed: a realm publishes the first keys of all
 * its rings at once, so that no verifier can have an incomplete set, and never an empty one, which would be kept as long.
 */
export const publishKeys =
  (rings: RingReader, realm: string): PublishKeys =>
  async () => {
    const found = await rings.list(realm);
    const hasSigned = found.some((ring) => ring.keys.some((key) => key.activatedAt !== undefined));
    if (!hasSigned) throw new Outage('key-ring', new Error(`realm ${realm} has no signing key yet`));
    return jwks(found);
  };
