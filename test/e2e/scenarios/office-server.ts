/**
 * An on-premises server of the Office family: its own token issuer, with a certificate of its own, which it publishes in
 * `metadata/json/1` and names in its tokens by `x5t`.
 */

import { createHash, randomUUID } from 'node:crypto';
import { exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { issue } from '../../support/certificate-authority.ts';
import { seconds } from '../../support/forgery.ts';

export interface OfficeServer {
  /** `<application id>@<realm>` */
  readonly issuer: string;
  /** The document that its administrator hands over. */
  readonly metadata: object;
  /** A token of its own making for another realm's token service: about itself, or about a user. */
  state(audience: string, sub?: string, claims?: object): Promise<string>;
}

export const officeServer = async (applicationId: string, realm: string, name: string): Promise<OfficeServer> => {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const spki = Buffer.from((await exportSPKI(publicKey)).replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64');
  const authority = await issue({ name: `${realm} CA`, authority: true, notBefore: 0 });
  const certificate = await issue({ name, spki: new Uint8Array(spki), issuer: authority, notBefore: 0 });
  const x5t = createHash('sha1').update(Buffer.from(certificate.base64, 'base64')).digest('base64url');
  const issuer = `${applicationId}@${realm}`;
  return {
    issuer,
    metadata: {
      id: `_${randomUUID()}`,
      version: '1.0',
      name,
      realm,
      serviceName: applicationId,
      issuer,
      allowedAudiences: [issuer],
      keys: [{ usage: 'signing', keyinfo: { x5t }, keyvalue: { type: 'x509Certificate', value: certificate.base64 } }],
      endpoints: [{ location: `https://${name}/metadata/json/1`, protocol: 'OAuth2', usage: 'metadata' }],
    },
    state: (aud, sub = issuer, claims = {}) =>
      new SignJWT({ iss: issuer, sub, aud, jti: randomUUID(), iat: seconds(), exp: seconds() + 300, ...claims })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', x5t })
        .sign(privateKey),
  };
};
