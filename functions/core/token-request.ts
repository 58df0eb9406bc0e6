/**
 * The token request as RFC 6749 4.4.2, RFC 7521 4.2 and RFC 8707 2 spell it: form parameters become a typed request, or a refusal.
 * It decides shape only; who is asking and what they may have come later.
 */

import { accept, type Result, refuse } from './errors.ts';
import { CLIENT_CREDENTIALS } from './grant-type.ts';
import { isAudienceUri } from './partner.ts';
import { parseScope } from './scope.ts';

export const JWT_BEARER_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** What the edge hands over: decoded form parameters in order, and what the headers and the URL said. */
export interface RawTokenRequest {
  readonly parameters: readonly (readonly [name: string, value: string])[];
  readonly authorization?: string;
  readonly queryParameters: readonly string[];
}

export interface TokenRequest {
  readonly clientId?: string;
  readonly clientAssertion: string;
  /** The one audience asked for; absent: the client's only grant. */
  readonly resource?: string;
  /** Absent: all scopes that were granted. */
  readonly scopes?: readonly string[];
}

const MAX_PARAMETERS = 32;

/** Longest value of each parameter, in characters. An assertion with a certificate chain fits; more is an attack. */
const MAX_LENGTH: Readonly<Record<string, number>> = {
  grant_type: 128,
  client_id: 256,
  client_secret: 256,
  client_assertion_type: 128,
  client_assertion: 8192,
  resource: 512,
  audience: 512,
  scope: 4096,
};

/** RFC 8707 2 lets `resource` repeat; nothing else may (RFC 6749 3.2). */
const REPEATABLE = 'resource';

type Form = ReadonlyMap<string, readonly string[]>;

export const parseTokenRequest = (raw: RawTokenRequest): Result<TokenRequest> => {
  const form = parseForm(raw);
  if (!form.ok) return form;
  const grantType = first(form.value, 'grant_type');
  if (grantType === undefined) return refuse({ reason: 'parameter_missing', parameter: 'grant_type' });
  if (grantType !== CLIENT_CREDENTIALS) {
    return refuse({ reason: 'grant_type_unsupported', grantType: registeredWord(grantType) });
  }
  const clientAssertion = parseClientAuthentication(form.value, raw.authorization);
  if (!clientAssertion.ok) return clientAssertion;
  const resource = parseResource(form.value);
  if (!resource.ok) return resource;
  const scopes = parseScopeParameter(form.value);
  if (!scopes.ok) return scopes;
  const clientId = first(form.value, 'client_id');
  return accept({
    clientAssertion: clientAssertion.value,
    ...(clientId === undefined ? {} : { clientId }),
    ...(resource.value === undefined ? {} : { resource: resource.value }),
    ...(scopes.value === undefined ? {} : { scopes: scopes.value }),
  });
};

const parseForm = ({ parameters, queryParameters }: RawTokenRequest): Result<Form> => {
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

/** Exactly one client authentication method per request (RFC 6749 2.3, RFC 7521 4.2). */
const parseClientAuthentication = (form: Form, authorization: string | undefined): Result<string> => {
  const methods = [
    ...(authorization === undefined ? [] : ['authorization_header']),
    ...(form.has('client_secret') ? ['client_secret_post'] : []),
    ...(form.has('client_assertion') || form.has('client_assertion_type') ? ['private_key_jwt'] : []),
  ];
  if (methods.length > 1) return refuse({ reason: 'client_auth_several', methods });
  if (authorization !== undefined) {
    return refuse({ reason: 'client_auth_scheme_unsupported', scheme: schemeOf(authorization) });
  }
  if (form.has('client_secret'))
    return refuse({ reason: 'client_auth_method_unsupported', method: 'client_secret_post' });
  const type = first(form, 'client_assertion_type');
  const assertion = first(form, 'client_assertion');
  if (assertion === undefined && type === undefined) return refuse({ reason: 'client_auth_missing' });
  if (type === undefined) return refuse({ reason: 'parameter_missing', parameter: 'client_assertion_type' });
  if (assertion === undefined) return refuse({ reason: 'parameter_missing', parameter: 'client_assertion' });
  if (type !== JWT_BEARER_ASSERTION) {
    return refuse({ reason: 'client_auth_method_unsupported', method: registeredWord(type) });
  }
  return accept(assertion);
};

/** `audience` is the name by which many clients ask for what RFC 8707 calls `resource`; both at once must agree. */
const parseResource = (form: Form): Result<string | undefined> => {
  const asked = new Set([...(form.get('resource') ?? []), ...(form.get('audience') ?? [])]);
  if (asked.size > 1) return refuse({ reason: 'resource_several' });
  const [resource] = asked;
  if (resource !== undefined && !isAudienceUri(resource)) return refuse({ reason: 'resource_malformed' });
  return accept(resource);
};

const parseScopeParameter = (form: Form): Result<readonly string[] | undefined> => {
  const scope = first(form, 'scope');
  if (scope === undefined) return accept(undefined);
  const scopes = parseScope(scope);
  return scopes === undefined ? refuse({ reason: 'scope_malformed' }) : accept(scopes);
};

const first = (form: Form, name: string): string | undefined => form.get(name)?.[0];

// What is logged of words that the caller chose. A client that mixes up its parameters sends a secret where a word belongs, so
// only what looks like one of the standards' own words is repeated.

const SCHEMES = ['basic', 'bearer', 'digest', 'dpop', 'negotiate', 'aws4-hmac-sha256'];

const schemeOf = (authorization: string): string => {
  const [scheme = ''] = authorization.toLowerCase().split(' ', 1);
  return SCHEMES.includes(scheme) ? scheme : 'other';
};

const REGISTERED_WORD = /^(?:[a-z_]{1,32}|urn:ietf:params:oauth:[a-z0-9:_-]{1,48})$/;

const registeredWord = (word: string): string => (REGISTERED_WORD.test(word) ? word : 'other');
