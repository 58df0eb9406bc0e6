/** Names that one partner of a realm has at most: its issuer, and the certificates of the Microsoft profile. */

import { certificateNames } from '../core/microsoft-profile.ts';
import type { Partner } from '../core/partner.ts';
import type { PartnerRegistry } from '../ports.ts';

interface TakenName {
  readonly name: 'issuer' | 'certificate';
  /** Id of the partner that has it. */
  readonly holder: string;
}

/** Which of the names another partner has. @throws Outage when DynamoDB did not answer. */
export const takenName = async (
  registry: Pick<PartnerRegistry, 'findIssuer' | 'findCertificate'>,
  partner: Partner,
): Promise<TakenName | undefined> => {
  const { realm, id, issuer } = partner;
  const [issuers, ...certificates] = await Promise.all([
    issuer === undefined ? undefined : registry.findIssuer(realm, issuer),
    ...certificateNames(partner).map((x5t) => registry.findCertificate(realm, x5t)),
  ]);
  if (issuers !== undefined && issuers !== id) return { name: 'issuer', holder: issuers };
  const holder = certificates.find((each) => each !== undefined && each !== id);
  return holder === undefined ? undefined : { name: 'certificate', holder };
};
