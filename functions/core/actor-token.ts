/**
 * Tokens that Exchange, SharePoint and Skype for Business accept (MS-XOAUTH, MS-SPS2SAUTH 3.1.5): an actor token, signed, about an application; and
 * around it, for a user, a part that nobody signs. With an actor token that is trusted for delegation whoever holds it can be every user
 * at that resource, so that it lives an hour at most, and five minutes where it is made for what is said of one user.
 */

import { base64url } from 'jose';
import type { UserIdentifiers } from './microsoft-user.ts';
import type { EpochSeconds } from './partner.ts';

export interface ActorOrder {
  /** Principal of the realm: `<application id>@<realm>`. */
  readonly issuer: string;
  /** Principal of whoever calls: the realm's own, or that of a partner for whom the realm vouches. */
  readonly actor: string;
  /** `<application id>/<host>@<realm>` of the resource. */
  readonly audience: string;
  readonly isTrustedForDelegation: boolean;
  /** The longest that it may live. */
  readonly seconds: number;
}

const MAX_ACTOR_SECONDS = 3_600;
/** Of what is said of one user, and of an actor token that is signed for that alone. */
export const MAX_OUTER_SECONDS = 300;

interface Lifetime {
  readonly issuedAt: EpochSeconds;
  readonly expiresAt: EpochSeconds;
}

export interface UnsignedActorToken extends Lifetime {
  readonly claims: object;
}

/** RSA signatures only, and the certificate named by its SHA-1 thumbprint. */
export const actorHeader = (x5t: string) => ({ typ: 'JWT', alg: 'RS256', x5t }) as const;

/** Times are text, as the products on premises write them; those in the cloud read both. */
const times = ({ issuedAt, expiresAt }: Lifetime) => ({ nbf: String(issuedAt), exp: String(expiresAt) });

export const actorClaims = (order: ActorOrder, now: EpochSeconds): UnsignedActorToken => {
  const lifetime = { issuedAt: now, expiresAt: now + Math.min(order.seconds, MAX_ACTOR_SECONDS) };
  return {
    ...lifetime,
    claims: {
      aud: order.audience,
      iss: order.issuer,
      ...times(lifetime),
      nameid: order.actor,
      // SharePoint takes a token without it for one about the application alone, and one with it for the other.
      ...(order.isTrustedForDelegation ? { trustedfordelegation: 'true' } : {}),
    },
  };
};

/** How each product knows the user: by the security identifier where it is known, by the UPN where it is not (MS-XOAUTH 3.2.5.6). */
const userClaims = ({ sid, puid, upn, smtp, sip }: UserIdentifiers) => ({
  ...(sid === undefined
    ? puid === undefined
      ? { nameid: upn ?? smtp ?? sip }
      : { nameid: puid, nii: 'urn:federation:MicrosoftOnline' }
    : { nameid: sid, nii: 'urn:office:idp:activedirectory' }),
  ...(upn === undefined ? {} : { upn }),
  ...(smtp === undefined ? {} : { smtp }),
  ...(sip === undefined ? {} : { sip }),
});

export interface UserToken extends Lifetime {
  readonly token: string;
}

const encode = (value: object): string => base64url.encode(JSON.stringify(value));

/** @param signed the actor token, trusted for delegation, in compact form. */
export const aroundActorToken = (
  { issuedAt, expiresAt }: Lifetime,
  { audience, actor }: ActorOrder,
  user: UserIdentifiers,
  signed: string,
): UserToken => {
  const lifetime = { issuedAt, expiresAt: Math.min(expiresAt, issuedAt + MAX_OUTER_SECONDS) };
  const claims = { aud: audience, iss: actor, ...times(lifetime), ...userClaims(user), actortoken: signed };
  return { ...lifetime, token: `${encode({ typ: 'JWT', alg: 'none' })}.${encode(claims)}.` };
};
