/**
 * Whether everybody whom a token names may still take part: an application that it is about, and those who have acted on the way. What
 * was had of a token before its party's tokens were all revoked ends with them.
 */

import { accept, type Result, refuse } from '../core/errors.ts';
import { actorsOf } from '../core/subject.ts';
import type { AccessTokenClaims } from '../core/token.ts';
import { youngEnough } from '../core/verify-token.ts';
import type { Freshness, PartnerReader } from '../ports.ts';

/** @param realm its name. The client itself is not looked at. */
export const checkParties = async (
  partners: PartnerReader,
  realm: string,
  claims: AccessTokenClaims,
  freshness: Freshness,
): Promise<Result<undefined>> => {
  const found = await Promise.all(
    otherParties(claims).map(async (id) => ({ id, party: await partners.find(realm, id, freshness) })),
  );
  for (const { id, party } of found) {
    if (party?.partner.enabled !== true) return refuse({ reason: 'client_disabled', clientId: id });
    const young = youngEnough(party.partner, claims);
    if (!young.ok) return young;
  }
  return accept(undefined);
};

/** Partners of this realm besides the client; a token that has passed through nobody's hands names none. */
const otherParties = ({ client_id: client, sub, sub_id: subId, act }: AccessTokenClaims): readonly string[] => {
  const actors = actorsOf(act).flatMap(({ sub: id, iss }) => (iss === undefined ? [id] : []));
  return [...new Set([...actors, ...(subId === undefined ? [sub] : [])])].filter((id) => id !== client);
};
