/**
 * The form of a token request (RFC 6749 3.2): which parameters there are, how long each may be, and that none comes twice.
 */

import { accept, type Result, refuse } from './errors.ts';

/** What the edge hands over: decoded form parameters in order, and what the headers, the URL and the connection said. */
export interface RawTokenRequest {
  readonly parameters: readonly (readonly [name: string, value: string])[];
  readonly authorization?: string;
  /** The `DPoP` header (RFC 9449 4.1). */
  readonly dpop?: string;
  /** PEM of the certificate of the TLS handshake, as API Gateway has verified it. */
  readonly clientCertificate?: string;
  readonly queryParameters: readonly string[];
}

export type Form = ReadonlyMap<string, readonly string[]>;

const MAX_PARAMETERS = 32;

/** Longest value of each parameter, in characters. An assertion with a certificate chain fits; more is an attack. */
const MAX_LENGTH: Readonly<Record<string, number>> = {
  grant_type: 128,
  client_id: 256,
  client_secret: 256,
  client_assertion_type: 128,
  client_assertion: 8192,
  assertion: 8192,
  subject_token: 8192,
  subject_token_type: 128,
  actor_token: 8192,
  actor_token_type: 128,
  token: 8192,
  token_type_hint: 128,
  requested_token_type: 128,
  resource: 512,
  audience: 512,
  scope: 4096,
  authorization_details: 4096,
  trusted_for_delegation: 8,
};

/** RFC 8707 2 lets `resource` repeat; nothing else may (RFC 6749 3.2). */
const REPEATABLE = 'resource';

export const parseForm = ({ parameters, queryParameters }: RawTokenRequest): Result<Form> => {
  const leaked = queryParameters.find((name) => Object.hasOwn(MAX_LENGTH, name));
  if (leaked !== undefined) return refuse({ reason: 'parameter_in_query', parameter: leaked });
  if (parameters.length > MAX_PARAMETERS) return refuse({ reason: 'parameters_too_many', count: parameters.length });
  const form = new Map<string, string[]>();
  for (const [name, value] of parameters) {
    // RFC 6749 3.2: a parameter without a value is treated as if it were omitted.
    if (value === '') continue;
    const values = form.get(name) ?? [];
    if (values.length > 0 && name !== REPEATABLE)
      return refuse({ reason: 'parameter_duplicated', parameter: Object.hasOwn(MAX_LENGTH, name) ? name : 'unknown' });
    if (Object.hasOwn(MAX_LENGTH, name) && value.length > (MAX_LENGTH[name] ?? 0)) {
      return refuse({ reason: 'parameter_too_long', parameter: name });
    }
    form.set(name, [...values, value]);
  }
  return accept(form);
};

export const first = (form: Form, name: string): string | undefined => form.get(name)?.[0];

const REGISTERED_WORD = /^(?:[a-z_]{1,32}|urn:ietf:params:oauth:[a-z0-9:_-]{1,48})$/;

/**
 * What is logged of words that the caller chose. A client that mixes up its parameters sends a secret where a word belongs, so
 * only what looks like one of the standards' own words is repeated.
 */
export const registeredWord = (word: string): string => (REGISTERED_WORD.test(word) ? word : 'other');
