/** An actor token for Exchange, SharePoint or Skype for Business, signed by the ring's active key, and the part about a user around it. */

import { type ActorOrder, actorClaims, actorHeader, aroundActorToken, MAX_OUTER_SECONDS } from '../core/actor-token.ts';
import { certificateThumbprint } from '../core/certificate.ts';
import { compact, signingInput } from '../core/jws.ts';
import type { KeyRing, SigningKey } from '../core/key-ring.ts';
import type { UserIdentifiers } from '../core/microsoft-user.ts';
import type { EpochSeconds } from '../core/partner.ts';
import { Outage, type Signer } from '../ports.ts';
import { withActiveKey } from './sign-token.ts';

export interface ActorTokenOrder extends ActorOrder {
  /** There for a token about a user. */
  readonly user?: UserIdentifiers;
}

export interface SignedActorToken {
  readonly token: string;
  readonly kid: string;
  readonly issuedAt: EpochSeconds;
  readonly expiresAt: EpochSeconds;
}

/**
 * @param rings as they were read, perhaps a while ago; `readRings` reads them anew, see `withActiveKey`.
 * @throws Outage when KMS did not sign, no key is active, or the active one has no certificate yet: the next rotation gives it one.
 */
export const signActorToken = (
  signer: Signer,
  order: ActorTokenOrder,
  now: EpochSeconds,
  rings: readonly KeyRing[],
  readRings: () => Promise<readonly KeyRing[]>,
): Promise<SignedActorToken> =>
  withActiveKey(rings, readRings, 'RS256', async (key) => {
    // What stands around it is the resource's to replace: it must not be everybody there for longer than it is the one user.
    const bound = order.user === undefined ? order.seconds : Math.min(order.seconds, MAX_OUTER_SECONDS);
    const seconds = Math.min(bound, key.maxTokenSeconds ?? 0);
    const { claims, ...lifetime } = actorClaims({ ...order, seconds }, now);
    const input = signingInput(actorHeader(thumbprintOf(key)), claims);
    const signed = compact(input, await signer.sign(key, 'RS256', input));
    const token =
      order.user === undefined ? { ...lifetime, token: signed } : aroundActorToken(lifetime, order, order.user, signed);
    return { ...token, kid: key.kid };
  });

const thumbprintOf = ({ kid, certificates }: SigningKey): string => {
  const [leaf] = certificates ?? [];
  if (leaf === undefined) throw new Outage('key-ring', new Error(`key ${kid} has no certificate`));
  return certificateThumbprint(leaf);
};
