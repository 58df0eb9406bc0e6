/**
 * The client information response (RFC 7591 3.2.1, RFC 7592 3): what is registered of a client, in the words of its metadata. It says what
 * is so, which is not always what was asked for.
 */

import type { JWK } from 'jose';
import type { RegistrableMethod } from './client-registration.ts';
import type { GrantType } from './grant-type.ts';
import { registrationEndpoint } from './metadata.ts';
import type { EpochSeconds, Partner, PartnerCredential } from './partner.ts';

export interface ClientInformation {
  readonly client_id: string;
  readonly client_id_issued_at: EpochSeconds;
  readonly token_endpoint_auth_method: RegistrableMethod;
  readonly grant_types: readonly GrantType[];
  readonly response_types: readonly [];
  /** One of the two. */
  readonly jwks?: { readonly keys: readonly JWK[] };
  readonly jwks_uri?: string;
  readonly client_name?: string;
  readonly contacts?: readonly string[];
  readonly dpop_bound_access_tokens?: true;
  readonly tls_client_certificate_bound_access_tokens?: true;
  readonly registration_access_token: string;
  readonly registration_client_uri: string;
}

/** @param token the registration access token, which nobody has but who is answered. */
export const clientInformation = (
  partner: Partner,
  method: RegistrableMethod,
  realm: { readonly issuer: string; readonly grantTypes: readonly GrantType[] },
  token: string,
): ClientInformation => {
  const { id, name, contact, tokenPolicy } = partner;
  return {
    client_id: id,
    client_id_issued_at: partner.createdAt,
    token_endpoint_auth_method: method,
    grant_types: realm.grantTypes,
    response_types: [],
    ...keysOf(partner),
    ...(name === undefined ? {} : { client_name: name }),
    ...(contact === undefined ? {} : { contacts: [contact] }),
    ...(tokenPolicy.binding === 'dpop' ? { dpop_bound_access_tokens: true } : {}),
    ...(tokenPolicy.binding === 'mtls' ? { tls_client_certificate_bound_access_tokens: true } : {}),
    registration_access_token: token,
    registration_client_uri: `${registrationEndpoint(realm.issuer)}/${id}`,
  };
};

/** Keys of the operator's are not the partner's to keep, and not named here. */
const keysOf = ({ credentials, source }: Partner): Pick<ClientInformation, 'jwks' | 'jwks_uri'> => {
  const own = credentials.filter((each) => each.source === 'self-registered');
  return own.length === 0 && source?.type === 'jwks_uri'
    ? { jwks_uri: source.url }
    : { jwks: { keys: own.map(publicKey) } };
};

const publicKey = ({ jwk, kid, algorithm, x5t, x5tS256 }: PartnerCredential): JWK => ({
  ...jwk,
  kid,
  alg: algorithm,
  use: 'sig',
  ...(x5t === undefined ? {} : { x5t }),
  ...(x5tS256 === undefined ? {} : { 'x5t#S256': x5tS256 }),
});
