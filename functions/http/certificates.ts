/** The admin API of certificates: a self-signed one, a request for a CA, the chain that a CA has issued. */

import { certificateFacts } from '../core/certificate.ts';
import type { CertifiedKey, ManageCertificates } from '../flows/manage-certificates.ts';
import { type AdminRoute, handle } from './admin-operation.ts';
import { shown } from './admin-route.ts';
import { timestamp } from './admin-views.ts';
import { KEYS } from './key-operations.ts';

export const certificateRoutes = (manage: ManageCertificates): readonly AdminRoute[] => [
  handle(KEYS.selfSign, async ({ realm, variable, body }) =>
    shown(await manage.selfSign(realm.name, variable('kid'), body), certificateView),
  ),
  handle(KEYS.requestCertificate, async ({ realm, variable, body }) =>
    shown(await manage.request(realm.name, variable('kid'), body), requestView),
  ),
  handle(KEYS.importCertificate, async ({ realm, variable, body: { chain } }) =>
    shown(await manage.importChain(realm.name, variable('kid'), chain), certificateView),
  ),
];

const certificateView = ({ kid, algorithm, certificates }: CertifiedKey) => {
  const { notBefore, notAfter, chainNotAfter, ...facts } = certificateFacts(certificates);
  return {
    kid,
    algorithm,
    ...facts,
    notBefore: timestamp(notBefore),
    notAfter: timestamp(notAfter),
    chainNotAfter: timestamp(chainNotAfter),
  };
};

/** RFC 7468 7. */
const requestView = (der: Uint8Array) => {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return { pem: ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join('\n') };
};
