/**
 * How a token request says that it proves its client (RFC 6749 2.3, RFC 7521 4.2, RFC 8705 2): exactly one method.
 */

import { accept, type Result, refuse } from './errors.ts';
import { type Form, first, type RawTokenRequest, registeredWord } from './request-form.ts';

export const JWT_BEARER_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Of nothing in it anything is believed yet. */
export type ClientAuthentication =
  | { readonly method: 'assertion'; readonly assertion: string; readonly clientId?: string }
  | {
      readonly method: 'client_secret_basic' | 'client_secret_post';
      readonly clientId: string;
      readonly secret: string;
    }
  | { readonly method: 'certificate'; readonly clientId: string; readonly pem: string }
  /** Only where the grant itself holds a proof. */
  | { readonly method: 'none'; readonly clientId?: string };

/** @param grantProves the grant brings an assertion, beside which no other proof is needed (RFC 7521 4.1). */
export const parseClientAuthentication = (
  form: Form,
  { authorization, clientCertificate }: Pick<RawTokenRequest, 'authorization' | 'clientCertificate'>,
  grantProves: boolean,
): Result<ClientAuthentication> => {
  const methods = [
    ...(authorization === undefined ? [] : ['authorization_header']),
    ...(form.has('client_secret') ? ['client_secret_post'] : []),
    ...(form.has('client_assertion') || form.has('client_assertion_type') ? ['private_key_jwt'] : []),
  ];
  if (methods.length > 1) return refuse({ reason: 'client_auth_several', methods });
  const clientId = first(form, 'client_id');
  if (authorization !== undefined) return parseBasic(authorization, clientId);
  const secret = first(form, 'client_secret');
  if (secret !== undefined) {
    return clientId === undefined
      ? refuse({ reason: 'parameter_missing', parameter: 'client_id' })
      : accept({ method: 'client_secret_post', clientId, secret });
  }
  if (methods.length > 0) return parseAssertionParameters(form, clientId);
  // RFC 8705 2: the certificate of the connection is the proof where nothing else is, and client_id says whose.
  if (clientCertificate !== undefined && clientId !== undefined) {
    return accept({ method: 'certificate', clientId, pem: clientCertificate });
  }
  if (!grantProves) return refuse({ reason: 'client_auth_missing' });
  return accept({ method: 'none', ...(clientId === undefined ? {} : { clientId }) });
};

const parseAssertionParameters = (form: Form, clientId: string | undefined): Result<ClientAuthentication> => {
  const type = first(form, 'client_assertion_type');
  const assertion = first(form, 'client_assertion');
  if (type === undefined) return refuse({ reason: 'parameter_missing', parameter: 'client_assertion_type' });
  if (assertion === undefined) return refuse({ reason: 'parameter_missing', parameter: 'client_assertion' });
  if (type !== JWT_BEARER_ASSERTION) {
    return refuse({ reason: 'client_auth_method_unsupported', method: registeredWord(type) });
  }
  return accept({ method: 'assertion', assertion, ...(clientId === undefined ? {} : { clientId }) });
};

const BASIC = /^basic +([A-Za-z0-9+/]{1,1024}={0,2})$/i;

/** RFC 6749 2.3.1: both halves are form-encoded first. RFC 7617 2: the first colon ends the name. */
const parseBasic = (authorization: string, clientId: string | undefined): Result<ClientAuthentication> => {
  const encoded = BASIC.exec(authorization)?.[1];
  if (encoded === undefined)
    return refuse({ reason: 'client_auth_scheme_unsupported', scheme: schemeOf(authorization) });
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  const id = decode(pair.slice(0, Math.max(colon, 0)));
  const secret = decode(pair.slice(colon + 1));
  if (colon < 1 || id === undefined || secret === undefined || secret === '') {
    return refuse({ reason: 'client_auth_scheme_unsupported', scheme: 'basic' });
  }
  if (clientId !== undefined && clientId !== id) {
    return refuse({ reason: 'client_auth_several', methods: ['authorization_header', 'client_id'] });
  }
  return accept({ method: 'client_secret_basic', clientId: id, secret });
};

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
};

const SCHEMES = ['basic', 'bearer', 'digest', 'dpop', 'negotiate', 'aws4-hmac-sha256'];

/** Repeated in the log only if it is one of these: it may be a secret that stands in the wrong place. */
const schemeOf = (authorization: string): string => {
  const [scheme = ''] = authorization.toLowerCase().split(' ', 1);
  return SCHEMES.includes(scheme) ? scheme : 'other';
};
