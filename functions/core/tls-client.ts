/**
 * Client authentication by TLS client certificate (RFC 8705 2): is this certificate the partner's? By the name in it where an
 * authority vouches for that, or by itself where it is registered.
 */

import { untimeliness } from './client-auth.ts';
import { accept, type Result, refuse } from './errors.ts';
import type { EpochSeconds, Partner } from './partner.ts';
import type { PresentedCertificate } from './presented-certificate.ts';
import { isSubjectOf } from './tls-subject.ts';

export interface TlsClient {
  readonly method: 'tls_client_auth' | 'self_signed_tls_client_auth';
  /** Under which its use is remembered: the thumbprint of the registered key, or that it was by the partner's name. */
  readonly credentialId: string;
}

/**
 * One for all certificates of the registered name: authorities issue new ones every few days or hours, and nobody would look at a
 * list of them.
 */
const TLS_SUBJECT_CREDENTIAL = 'tls-subject';

/** Refuses with `certificate_untimely` or `certificate_unknown`, or as a registered key that is out of its time. */
export const verifyTlsClient = (
  partner: Pick<Partner, 'tlsSubject' | 'credentials'>,
  certificate: PresentedCertificate,
  now: EpochSeconds,
): Result<TlsClient> => {
  const { notBefore, notAfter, x5tS256, thumbprint } = certificate;
  if (now < notBefore || now > notAfter) return refuse({ reason: 'certificate_untimely', notBefore, notAfter, now });
  if (isVouchedFor(partner, certificate)) {
    return accept({ method: 'tls_client_auth', credentialId: TLS_SUBJECT_CREDENTIAL });
  }
  // A JWK may call itself by the thumbprint of any certificate; only together with the key does that mean this one.
  const credential = partner.credentials.find((each) => each.x5tS256 === x5tS256 && each.thumbprint === thumbprint);
  if (credential === undefined) return refuse({ reason: 'certificate_unknown', x5tS256 });
  const untimely = untimeliness(credential, now);
  if (untimely !== undefined) return refuse(untimely);
  return accept({ method: 'self_signed_tls_client_auth', credentialId: credential.thumbprint });
};

/**
 * The door trusts self-signed certificates one by one, and what is in them is what their holders wrote there: whoever has got one
 * past the door could otherwise be any partner that is known by its name (RFC 8705 7.4).
 */
const isVouchedFor = ({ tlsSubject }: Pick<Partner, 'tlsSubject'>, certificate: PresentedCertificate): boolean =>
  tlsSubject !== undefined && !certificate.isSelfSigned && isSubjectOf(certificate, tlsSubject);
