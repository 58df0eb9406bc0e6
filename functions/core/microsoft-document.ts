/**
 * What a realm tells servers of the Microsoft profile about itself, `GET /metadata/json/1`, in the shape in which Exchange does: who it is
 * and by which certificates its tokens are known. Readers of it are of all kinds, and some take the first key for the only one.
 */

import { createHash } from 'node:crypto';
import { certificateThumbprint } from './certificate.ts';
import { activeKey, type KeyRing, publishedKeys, type SigningKey } from './key-ring.ts';
import { tokenEndpoint } from './metadata.ts';
import { formatPrincipal } from './microsoft-principal.ts';
import type { MicrosoftRealm } from './microsoft-profile.ts';

/**
 * @param issuer URL of the realm.
 * @param rings of the realm.
 * @returns `undefined` while no key signs that has a certificate: such a document would name a key that signs nothing.
 */
export const microsoftDocument = (
  issuer: string,
  { applicationId, realms }: Pick<MicrosoftRealm, 'applicationId' | 'realms'>,
  rings: readonly KeyRing[],
): object | undefined => {
  const ring = rings.find(({ algorithm }) => algorithm === 'RS256');
  const active = ring && activeKey(ring);
  if (ring === undefined || active === undefined || !isCertified(active)) return undefined;
  const [realm] = realms;
  const principal = formatPrincipal({ applicationId, realm });
  return {
    id: `_${guidOf(`${issuer} ${principal}`)}`,
    version: '1.0',
    name: 'Countersign',
    realm,
    serviceName: applicationId,
    issuer: principal,
    allowedAudiences: realms.map((name) => formatPrincipal({ applicationId, realm: name })),
    keys: inOrder(ring).filter(isCertified).map(entryOf),
    // One of this protocol and no more: readers fail where there are two.
    endpoints: [{ location: tokenEndpoint(issuer), protocol: 'OAuth2', usage: 'issuance' }],
  };
};

const isCertified = ({ certificates = [] }: SigningKey): boolean => certificates.length > 0;

/** The key that signs, the next one, and those of which tokens are still good, the last of them first. */
const inOrder = (ring: KeyRing): readonly SigningKey[] => {
  const published = publishedKeys(ring);
  const inState = (state: SigningKey['state']) => published.filter((key) => key.state === state);
  return [...inState('active'), ...inState('standby'), ...inState('retiring').reverse()];
};

const entryOf = ({ certificates: [leaf = ''] = [] }: SigningKey) => ({
  usage: 'signing',
  keyinfo: { x5t: certificateThumbprint(leaf) },
  keyvalue: { type: 'x509Certificate', value: leaf },
});

/** A GUID that is always the same for the same name (RFC 9562 5.8). */
const guidOf = (name: string): string => {
  const bytes = createHash('sha256').update(name).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
};
