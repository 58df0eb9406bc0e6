/** Token requests of the model: issuers that keep the rings for as long as they may, and the tokens that came of it. */

import type { JwsAlgorithm } from '../../functions/core/algorithms.ts';
import type { KeyRing, SigningKey } from '../../functions/core/key-ring.ts';
import type { EpochSeconds } from '../../functions/core/partner.ts';
import { itself } from '../../functions/core/subject.ts';
import { AUDIENCE, CLIENT, ISSUER } from '../support/builders.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

export interface Token {
  readonly jws: string;
  readonly kid: string;
  readonly algorithm: JwsAlgorithm;
  readonly iat: EpochSeconds;
  readonly exp: EpochSeconds;
  /** True time of the request, of the signature, and the key as the issuer saw it. */
  readonly requestedAt: EpochSeconds;
  readonly signedAt: EpochSeconds;
  readonly process: Process;
  /** The certificate of the key when it signed, if it had one. */
  readonly leaf: string | undefined;
}

/** A token request takes no longer than its function may. */
export const REQUEST_SECONDS = 30;

interface CachedRings {
  readonly rings: readonly KeyRing[];
  readonly readAt: EpochSeconds;
}

/** Rings as each issuer of a world has read them. */
const caches = new WeakMap<World, Map<number, CachedRings>>();

/** One request; a token of it is kept by the world. */
export const issue = async (
  world: World,
  process: Process,
  issuer: number,
  algorithm: JwsAlgorithm,
  skew: number,
): Promise<void> => {
  const requestedAt = world.time;
  const cache = caches.get(world) ?? new Map<number, CachedRings>();
  caches.set(world, cache);
  const read = async (): Promise<readonly KeyRing[]> => {
    const readAt = world.time;
    const rings = await process.call(() => [...world.rings.values()]);
    if (rings.some((ring) => ring.keys.some((key) => key.state === 'active'))) cache.set(issuer, { rings, readAt });
    return rings;
  };
  const cached = cache.get(issuer);
  const isFresh = cached !== undefined && world.time - cached.readAt < world.policy.ringCacheSeconds;
  const rings = isFresh ? cached.rings : await read();
  const order = {
    grant: {
      ...{ issuer: ISSUER, client: CLIENT, subject: itself(CLIENT), audience: AUDIENCE, scopes: [], claims: {} },
      seconds: world.policy.maxTokenSeconds,
    },
    algorithm,
    jti: `token-${world.tokens.length}`,
    now: requestedAt + skew,
  };
  let signedAt = world.time;
  let leaf: string | undefined;
  const sign = (key: Pick<SigningKey, 'keyArn'>, _algorithm: JwsAlgorithm, input: string | Uint8Array) =>
    process.call(() => {
      signedAt = world.time;
      leaf = world.rings.get(algorithm)?.keys.find(({ keyArn }) => keyArn === key.keyArn)?.certificates?.[0];
      return world.kms.sign(key.keyArn, input);
    });
  const { token, claims, kid } = await world.sign({ sign }, order, rings, read);
  world.note(`  token of ${kid.slice(0, 6)}`);
  world.tokens.push({
    ...{ jws: token, kid, algorithm, iat: claims.iat, exp: claims.exp, requestedAt, signedAt, process, leaf },
  });
};
