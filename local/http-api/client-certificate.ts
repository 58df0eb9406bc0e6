/**
 * The client certificate of a mutual TLS connection, as API Gateway puts it into an event.
 * Source: API Gateway developer guide, "Configuring mutual TLS authentication for an HTTP API" and the event examples.
 */

import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { JsonObject } from '../service.ts';

/** Undefined on a connection without a verified client certificate. */
export function clientCertificate(request: IncomingMessage): JsonObject | undefined {
  const { socket } = request;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? undefined : describeCertificate(certificate);
}

/** `requestContext.authentication.clientCert`. */
function describeCertificate(certificate: X509Certificate): JsonObject {
  return {
    clientCertPem: certificate.toString(),
    subjectDN: distinguishedName(certificate.subject),
    issuerDN: distinguishedName(certificate.issuer),
    serialNumber: certificate.serialNumber.toLowerCase().replaceAll(/(..)(?!$)/g, '$1:'),
    validity: { notBefore: certificate.validFrom, notAfter: certificate.validTo },
  };
}

/** Node writes one attribute a line, in the certificate's own order; API Gateway joins them by commas. */
const distinguishedName = (name: string): string => name.split('\n').join(',');
