/**
 * What an operator can say of the ways in which a partner proves itself besides with a key of its own: by whom its TLS certificate
 * speaks of, by tokens of other issuers, and whether its own tokens may do so for others.
 */

import { accept, type Result, refuse } from './errors.ts';
import { type FederatedIdentityInput, parseFederation } from './federation-input.ts';
import { type MicrosoftPartnerInput, parseMicrosoftPartner } from './microsoft-definition.ts';
import type { Partner } from './partner.ts';
import type { InputProblem } from './public-key.ts';
import { parseTlsSubject, type TlsSubject } from './tls-subject.ts';

export interface WaysInChange {
  readonly tlsSubject?: { readonly [Name in keyof TlsSubject]?: string | undefined } | null | undefined;
  /** All of them: the list takes the place of the one before. */
  readonly federation?: readonly FederatedIdentityInput[] | undefined;
  readonly trustedIssuer?: boolean | undefined;
  /** Takes the place of the one before, whole. */
  readonly microsoft?: MicrosoftPartnerInput | null | undefined;
}

type WaysIn = Pick<Partner, 'tlsSubject' | 'federation' | 'trustedIssuer' | 'microsoft'>;

/** What of it the partner has afterwards. */
export const changeWaysIn = (
  partner: Partner,
  { tlsSubject, federation, trustedIssuer = partner.trustedIssuer, microsoft: profile }: WaysInChange,
): Result<WaysIn, readonly InputProblem[]> => {
  const subject =
    tlsSubject === undefined || tlsSubject === null
      ? accept(tlsSubject === null ? undefined : partner.tlsSubject)
      : parseTlsSubject(tlsSubject, '/tlsSubject');
  const identities = federation === undefined ? accept(partner.federation) : parseFederation(federation, '/federation');
  const microsoft =
    profile === undefined || profile === null
      ? accept(profile === null ? undefined : partner.microsoft)
      : parseMicrosoftPartner(profile, trustedIssuer, '/microsoft');
  if (!subject.ok || !identities.ok || !microsoft.ok) {
    return refuse([
      ...(subject.ok ? [] : [subject.refusal]),
      ...(identities.ok ? [] : identities.refusal),
      ...(microsoft.ok ? [] : microsoft.refusal),
    ]);
  }
  return accept({
    ...(subject.value === undefined ? {} : { tlsSubject: subject.value }),
    federation: identities.value,
    trustedIssuer,
    ...(microsoft.value === undefined ? {} : { microsoft: microsoft.value }),
  });
};

/** Nobody could be trusted by a name that is not known, nor become known: a `jwks_uri` tells keys only. */
export const trustProblems = ({
  trustedIssuer,
  issuer,
  source,
  onboarding,
  registration,
}: Pick<Partner, 'trustedIssuer' | 'issuer' | 'source' | 'onboarding' | 'registration'>): readonly InputProblem[] => [
  ...(trustedIssuer && issuer === undefined && source?.type !== 'metadata'
    ? [{ pointer: '/trustedIssuer', detail: 'a trusted issuer has an issuer, or a metadataUrl that tells it' }]
    : []),
  // Whoever can register a key of an issuer can be everybody that it vouches for.
  ...(trustedIssuer && (onboarding !== undefined || registration !== undefined)
    ? [{ pointer: '/trustedIssuer', detail: 'this partner registers its keys by itself; close its registration first' }]
    : []),
];
