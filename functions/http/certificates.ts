/** The admin API of certificates: a self-signed one, a request for a CA, the chain that a CA has issued. */

import * as z from 'zod';
import { certificateFacts } from '../core/certificate.ts';
import type { CertifiedKey, ManageCertificates } from '../flows/manage-certificates.ts';
import { type AdminRoute, adminRoute, shown, withBody } from './admin-route.ts';
import { timestamp } from './admin-views.ts';
import type { HttpEvent } from './endpoint.ts';

const text = z.string().optional();
const subject = z.strictObject({ CN: z.string(), OU: text, O: text, L: text, ST: text, C: text });

const selfSignedSchema = z.strictObject({ subject, days: z.number() });
const requestSchema = z.strictObject({ subject, dnsNames: z.array(z.string()).optional() });
const importSchema = z.strictObject({ chain: z.union([z.string(), z.array(z.string())]) });

export const certificateRoutes = (manage: ManageCertificates): readonly AdminRoute[] => [
  adminRoute('POST', '/keys/{kid}/certificate/self-signed', (event, realm) =>
    withBody(event, selfSignedSchema, async (order) =>
      shown(await manage.selfSign(realm, kidOf(event), order), certificateView),
    ),
  ),
  adminRoute('POST', '/keys/{kid}/certificate/csr', (event, realm) =>
    withBody(event, requestSchema, async (order) =>
      shown(await manage.request(realm, kidOf(event), order), requestView),
    ),
  ),
  adminRoute('PUT', '/keys/{kid}/certificate', (event, realm) =>
    withBody(event, importSchema, async ({ chain }) =>
      shown(await manage.importChain(realm, kidOf(event), chain), certificateView),
    ),
  ),
];

const kidOf = (event: HttpEvent): string => event.pathParameters?.kid ?? '';

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
