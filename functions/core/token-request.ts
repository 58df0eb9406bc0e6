/**
 * The token request as RFC 6749 4.4.2, RFC 7521 4, RFC 8693 2.1, RFC 8707 2 and RFC 9396 3 spell it: form parameters become a typed
 * request, or a refusal. It decides shape only; who is asking and what they may have come later.
 */

import { type AuthorizationDetail, parseAuthorizationDetails } from './authorization-details.ts';
import { type ClientAuthentication, parseClientAuthentication } from './client-authentication.ts';
import { accept, type Result, refuse } from './errors.ts';
import {
  CLIENT_CREDENTIALS,
  GRANT_TYPES,
  type GrantType,
  JWT_BEARER,
  LEGACY_JWT_BEARER,
  TOKEN_EXCHANGE,
} from './grant-type.ts';
import { parseTarget } from './microsoft-principal.ts';
import { isAudienceUri } from './partner.ts';
import { type Form, first, parseForm, type RawTokenRequest, registeredWord } from './request-form.ts';
import { parseScope } from './scope.ts';

/** What is wanted, and by which right. */
export type GrantRequest =
  | { readonly type: typeof CLIENT_CREDENTIALS }
  | {
      readonly type: typeof JWT_BEARER;
      readonly assertion: string;
      /** Asked for by the old name of the grant, and answered as those who use that name expect it. */
      readonly isLegacy: boolean;
    }
  | {
      readonly type: typeof TOKEN_EXCHANGE;
      readonly subject: TypedToken;
      readonly actor?: TypedToken;
      readonly requestedType: RequestableType;
    };

/** RFC 8693 3 */
export const ACCESS_TOKEN_TYPE_URN = 'urn:ietf:params:oauth:token-type:access_token';
export const JWT_TYPE_URN = 'urn:ietf:params:oauth:token-type:jwt';

/** Our access tokens are JWTs, so that both names mean the same to us. */
const TOKEN_TYPES = [ACCESS_TOKEN_TYPE_URN, JWT_TYPE_URN] as const;
type RequestableType = (typeof TOKEN_TYPES)[number];

interface TypedToken {
  readonly token: string;
  readonly type: RequestableType;
}

export interface TokenRequest {
  readonly client: ClientAuthentication;
  readonly grant: GrantRequest;
  /** The one audience asked for, as its URI or by its name in the Microsoft profile; absent: the client's only grant. */
  readonly resource?: string;
  /** Absent: all scopes that were granted. */
  readonly scopes?: readonly string[];
  readonly details?: readonly AuthorizationDetail[];
  /** Wanted is an actor token of the Microsoft profile that its holder can put into tokens about users. */
  readonly trustedForDelegation?: true;
}

export const parseTokenRequest = (raw: RawTokenRequest): Result<TokenRequest> => {
  const form = parseForm(raw);
  if (!form.ok) return form;
  const grantType = first(form.value, 'grant_type');
  if (grantType === undefined) return refuse({ reason: 'parameter_missing', parameter: 'grant_type' });
  const isLegacy = grantType === LEGACY_JWT_BEARER;
  const known = isLegacy ? JWT_BEARER : GRANT_TYPES.find((each) => each === grantType);
  if (known === undefined) return refuse({ reason: 'grant_type_unsupported', grantType: registeredWord(grantType) });
  const client = parseClientAuthentication(form.value, raw, known === JWT_BEARER);
  if (!client.ok) return client;
  const grant = parseGrant(known, form.value, isLegacy);
  if (!grant.ok) return grant;
  const wish = parseWish(form.value);
  return wish.ok ? accept({ client: client.value, grant: grant.value, ...wish.value }) : wish;
};

const parseGrant = (type: GrantType, form: Form, isLegacy: boolean): Result<GrantRequest> => {
  switch (type) {
    case CLIENT_CREDENTIALS:
      return accept({ type });
    case JWT_BEARER: {
      const assertion = first(form, 'assertion');
      return assertion === undefined
        ? refuse({ reason: 'parameter_missing', parameter: 'assertion' })
        : accept({ type, assertion, isLegacy });
    }
    case TOKEN_EXCHANGE:
      return parseExchange(form);
  }
};

/** RFC 8693 2.1 */
const parseExchange = (form: Form): Result<GrantRequest> => {
  const subject = parseTypedToken(form, 'subject_token');
  if (!subject.ok) return subject;
  if (subject.value === undefined) return refuse({ reason: 'parameter_missing', parameter: 'subject_token' });
  const actor = parseTypedToken(form, 'actor_token');
  if (!actor.ok) return actor;
  const requestedType = tokenType(first(form, 'requested_token_type') ?? ACCESS_TOKEN_TYPE_URN);
  if (requestedType === undefined)
    return refuse({ reason: 'token_type_unsupported', parameter: 'requested_token_type' });
  return accept({
    type: TOKEN_EXCHANGE,
    subject: subject.value,
    requestedType,
    ...(actor.value === undefined ? {} : { actor: actor.value }),
  });
};

/** A token comes with its type, and a type with its token. */
const parseTypedToken = (form: Form, name: 'subject_token' | 'actor_token'): Result<TypedToken | undefined> => {
  const token = first(form, name);
  const typeName = first(form, `${name}_type`);
  if (token === undefined && typeName === undefined) return accept(undefined);
  if (token === undefined) return refuse({ reason: 'parameter_missing', parameter: name });
  if (typeName === undefined) return refuse({ reason: 'parameter_missing', parameter: `${name}_type` });
  const type = tokenType(typeName);
  return type === undefined
    ? refuse({ reason: 'token_type_unsupported', parameter: `${name}_type` })
    : accept({ token, type });
};

const tokenType = (name: string): RequestableType | undefined => TOKEN_TYPES.find((each) => each === name);

type Wish = Pick<TokenRequest, 'resource' | 'scopes' | 'details' | 'trustedForDelegation'>;

const parseWish = (form: Form): Result<Wish> => {
  const resource = parseResource(form);
  if (!resource.ok) return resource;
  const scopes = parseScopeParameter(form);
  if (!scopes.ok) return scopes;
  const text = first(form, 'authorization_details');
  const details = text === undefined ? accept(undefined) : parseAuthorizationDetails(text);
  if (!details.ok) return details;
  const delegation = first(form, 'trusted_for_delegation');
  if (delegation !== undefined && delegation !== 'true')
    return refuse({ reason: 'parameter_malformed', parameter: 'trusted_for_delegation' });
  return accept({
    ...(delegation === undefined ? {} : { trustedForDelegation: true as const }),
    ...(resource.value === undefined ? {} : { resource: resource.value }),
    ...(scopes.value === undefined ? {} : { scopes: scopes.value }),
    ...(details.value === undefined ? {} : { details: details.value }),
  });
};

/** `audience` is the name by which many clients ask for what RFC 8707 calls `resource`; both at once must agree. */
const parseResource = (form: Form): Result<string | undefined> => {
  const asked = new Set([...(form.get('resource') ?? []), ...(form.get('audience') ?? [])]);
  if (asked.size > 1) return refuse({ reason: 'resource_several' });
  const [resource] = asked;
  if (resource !== undefined && !isAudienceUri(resource) && parseTarget(resource) === undefined)
    return refuse({ reason: 'resource_malformed' });
  return accept(resource);
};

const parseScopeParameter = (form: Form): Result<readonly string[] | undefined> => {
  const scope = first(form, 'scope');
  if (scope === undefined) return accept(undefined);
  const scopes = parseScope(scope);
  return scopes === undefined ? refuse({ reason: 'scope_malformed' }) : accept(scopes);
};
