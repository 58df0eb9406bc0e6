/** The JWKS of a realm, from its rings as they are stored. */

import type { JWK } from 'jose';
import { jwks } from '../core/metadata.ts';
import { Outage, type RingReader } from '../ports.ts';

export type PublishKeys = () => Promise<{ readonly keys: readonly JWK[] }>;

/**
 * @throws Outage when the rings cannot be read, and when no key is published yet: an empty set would be kept by verifiers for
 * as long as the real one.
 */
export const publishKeys =
  (rings: RingReader, realm: string): PublishKeys =>
  async () => {
    const published = jwks(await rings.list(realm));
    if (published.keys.length === 0) throw new Outage('key-ring', new Error(`realm ${realm} has no published key yet`));
    return published;
  };
