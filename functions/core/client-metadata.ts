/**
 * Client metadata (RFC 7591 2): what a partner's own people may say about it, read strictly where it gives rights. Members that mean
 * nothing here are passed over and never repeated.
 */

import { parseAlgorithmName } from './algorithms.ts';
import { REGISTRABLE_METHODS, type RegistrableMethod } from './client-registration.ts';
import type { DocumentKey } from './document-key.ts';
import { accept, type MetadataError, type Refusal, type Result, refuse } from './errors.ts';
import type { GrantType } from './grant-type.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { readJwk } from './key-set.ts';
import type { EpochSeconds } from './partner.ts';
import { MAX_CREDENTIALS } from './partner-credential.ts';
import { memberProblems } from './partner-members.ts';
import type { Binding } from './token-policy.ts';

/** A registration is 1 KB as a rule; a key set with certificates of ML-DSA keys takes the most. */
export const MAX_METADATA_BYTES = 65_536;

/** Within what a client may register. */
export interface MetadataLimits {
  /** Preset by the operator. */
  readonly methods: readonly RegistrableMethod[];
  /** Those of the realm. */
  readonly grantTypes: readonly GrantType[];
  /** Keys that it has registered before: a client that repeats what it was answered has no certificates to repeat. */
  readonly known: readonly KnownKey[];
}

type KnownKey = Pick<DocumentKey, 'thumbprint' | 'x5t' | 'x5tS256'>;

export interface ClientMetadata {
  readonly method: RegistrableMethod;
  /** None where there is a `jwksUri`. */
  readonly keys: readonly DocumentKey[];
  readonly jwksUri?: string;
  readonly name?: string;
  readonly contact?: string;
  /** What it wants its tokens to be bound to. */
  readonly binding?: Binding;
}

type Refused = Result<never>;

/** @param detail words of ours alone, in ASCII: they are answered (RFC 7591 3.2.2), for which RFC 6749 5.2 leaves out the quote. */
export const refuseMetadata = (detail: string, error: MetadataError = 'invalid_client_metadata'): Refused =>
  refuse<Refusal>({ reason: 'client_metadata_refused', error, detail: detail.replaceAll('"', "'") });

/** @param body parsed JSON. */
export const parseClientMetadata = async (
  body: unknown,
  limits: MetadataLimits,
  now: EpochSeconds,
): Promise<Result<ClientMetadata>> => {
  if (!isJsonObject(body)) return refuseMetadata('the body must be a JSON object without repeated members');
  const said = withoutNulls(body);
  const refused = unsupported(said) ?? grantProblem(said, limits.grantTypes);
  if (refused !== undefined) return refused;
  const method = parseMethod(said, limits.methods);
  if (!method.ok) return method;
  const binding = parseBinding(said);
  if (!binding.ok) return binding;
  const people = parsePeople(said);
  if (!people.ok) return people;
  const keys = await parseKeys(said, method.value, limits.known, now);
  if (!keys.ok) return keys;
  return accept({ method: method.value, ...keys.value, ...people.value, ...binding.value });
};

/** RFC 7591 2, RFC 7592 2.2: null says as much as nothing. */
const withoutNulls = (body: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** What belongs to clients that send people here with a browser, and whatever wants another word than the operator's. */
const unsupported = (said: JsonObject): Refused | undefined => {
  const { redirect_uris = [], response_types = [], software_statement: statement } = said;
  if (!isEmptyList(redirect_uris)) {
    return refuseMetadata('/redirect_uris: there is nothing here to redirect from', 'invalid_redirect_uri');
  }
  if (!isEmptyList(response_types)) {
    return refuseMetadata('/response_types: there is no authorization endpoint; leave it out, or empty');
  }
  if (statement === undefined) return undefined;
  return typeof statement === 'string' && statement.split('.').length === 3
    ? refuseMetadata('/software_statement: no issuer of statements is trusted here', 'unapproved_software_statement')
    : refuseMetadata('/software_statement: not a JWT', 'invalid_software_statement');
};

const grantProblem = ({ grant_types }: JsonObject, known: readonly GrantType[]): Refused | undefined => {
  if (grant_types === undefined) return undefined;
  const isKnown = (each: unknown): boolean => known.some((grantType) => grantType === each);
  return Array.isArray(grant_types) && grant_types.length <= MAX_LIST && grant_types.every(isKnown)
    ? undefined
    : refuseMetadata(`/grant_types: some of ${known.join(', ')}`);
};

const MAX_LIST = 20;

/** RFC 7591 2 would have `client_secret_basic` where nothing is said, which nobody can register here. */
const parseMethod = (
  { token_endpoint_auth_method: said = 'private_key_jwt' }: JsonObject,
  methods: readonly RegistrableMethod[],
): Result<RegistrableMethod> => {
  const method = REGISTRABLE_METHODS.find((each) => each === said && methods.includes(each));
  return method === undefined
    ? refuseMetadata(`/token_endpoint_auth_method: this client may register ${methods.join(' or ')}`)
    : accept(method);
};

/** RFC 9449 5.2, RFC 8705 3.4 */
const parseBinding = (said: JsonObject): Result<Pick<ClientMetadata, 'binding'>> => {
  const { dpop_bound_access_tokens: dpop = false, tls_client_certificate_bound_access_tokens: mtls = false } = said;
  if (typeof dpop !== 'boolean') return refuseMetadata('/dpop_bound_access_tokens: true or false');
  if (typeof mtls !== 'boolean') return refuseMetadata('/tls_client_certificate_bound_access_tokens: true or false');
  if (dpop && mtls) return refuseMetadata('/dpop_bound_access_tokens: tokens can be asked to be bound in one way');
  if (dpop) return accept({ binding: 'dpop' });
  return accept(mtls ? { binding: 'mtls' } : {});
};

/** For people alone, so what does not fit is left out. */
const parsePeople = ({ client_name, contacts = [] }: JsonObject): Result<Pick<ClientMetadata, 'name' | 'contact'>> => {
  if (client_name !== undefined && typeof client_name !== 'string') return refuseMetadata('/client_name: a text');
  if (!Array.isArray(contacts) || !contacts.every((each) => typeof each === 'string')) {
    return refuseMetadata('/contacts: a list of texts');
  }
  const [contact] = contacts as readonly string[];
  return accept({
    ...(client_name !== undefined && fits({ name: client_name }) ? { name: client_name } : {}),
    ...(contact !== undefined && fits({ contact }) ? { contact } : {}),
  });
};

const fits = (members: Parameters<typeof memberProblems>[0]): boolean => memberProblems(members).length === 0;

const parseKeys = async (
  said: JsonObject,
  method: RegistrableMethod,
  known: readonly KnownKey[],
  now: EpochSeconds,
): Promise<Result<Pick<ClientMetadata, 'keys' | 'jwksUri'>>> => {
  const { jwks, jwks_uri: uri, token_endpoint_auth_signing_alg: alg } = said;
  const algorithm = typeof alg === 'string' ? parseAlgorithmName(alg) : undefined;
  if (alg !== undefined && algorithm === undefined) {
    return refuseMetadata('/token_endpoint_auth_signing_alg: not a signature algorithm that is verified here');
  }
  if ((jwks === undefined) === (uri === undefined)) return refuseMetadata('either jwks or jwks_uri is needed');
  if (uri !== undefined) {
    // Whether we may go there is decided by who does, on the address: this function opens no connection to partners.
    return typeof uri === 'string' && fits({ jwksUri: uri })
      ? accept({ keys: [], jwksUri: uri })
      : refuseMetadata('/jwks_uri: an https URL without user name, password and fragment');
  }
  const keys = await parseKeySet(jwks, method, known, now);
  if (!keys.ok) return keys;
  return algorithm === undefined || keys.value.every((key) => key.algorithm === algorithm)
    ? accept({ keys: keys.value })
    : refuseMetadata('/token_endpoint_auth_signing_alg: not that of the keys');
};

/** In a set that somebody registers every key is meant; one that cannot be taken is not passed over. */
const parseKeySet = async (
  jwks: unknown,
  method: RegistrableMethod,
  known: readonly KnownKey[],
  now: EpochSeconds,
): Promise<Result<readonly DocumentKey[]>> => {
  const entries: unknown = isJsonObject(jwks) ? jwks.keys : undefined;
  if (!Array.isArray(entries) || entries.length === 0 || entries.length > MAX_CREDENTIALS) {
    return refuseMetadata(`/jwks: a JWK set of 1 to ${MAX_CREDENTIALS} keys`);
  }
  const readings = await Promise.all(
    entries.map((entry: unknown, index) => readJwk(entry, `/jwks/keys/${index}`, now)),
  );
  const keys: DocumentKey[] = [];
  for (const [index, reading] of readings.entries()) {
    if (reading.outcome !== 'taken') return refuseMetadata(`${reading.problem.pointer}: ${reading.problem.detail}`);
    const key = withKnownCertificate(reading.key, entries[index], known);
    if (method === 'self_signed_tls_client_auth' && key.x5tS256 === undefined) {
      return refuseMetadata(`/jwks/keys/${index}: x5c has to hold the certificate (RFC 8705 2.2.2)`);
    }
    keys.push(key);
  }
  return accept(keys);
};

/** The answer names a certificate by its thumbprint. Of the same key it is the one that was seen here; of another it proves nothing. */
const withKnownCertificate = (key: DocumentKey, entry: unknown, known: readonly KnownKey[]): DocumentKey => {
  const named = isJsonObject(entry) ? entry['x5t#S256'] : undefined;
  if (key.x5tS256 !== undefined || named === undefined) return key;
  const { x5t, x5tS256 } = known.find((each) => each.thumbprint === key.thumbprint && each.x5tS256 === named) ?? {};
  return { ...key, ...(x5t === undefined ? {} : { x5t }), ...(x5tS256 === undefined ? {} : { x5tS256 }) };
};
