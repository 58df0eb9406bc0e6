/** The thumbprint of a TLS client certificate, as tokens name it (RFC 8705 3.1). */

import { sha256 } from './compact-jws.ts';

/** @param certificate PEM with one certificate, or DER. @throws TypeError for text that is no PEM. */
export const certificateThumbprint = async (certificate: string | Uint8Array): Promise<string> =>
  sha256(typeof certificate === 'string' ? derOf(certificate) : new Uint8Array(certificate));

const PEM = /^\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/;

const derOf = (pem: string): Uint8Array<ArrayBuffer> => {
  const [, encoded] = PEM.exec(pem) ?? [];
  if (encoded === undefined) throw new TypeError('not a PEM certificate');
  return Uint8Array.from(atob(encoded.replaceAll(/\s/g, '')), (character) => character.charCodeAt(0));
};
