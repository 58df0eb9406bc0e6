/**
 * Clients with a service account from a Keycloak realm: a realm export (`kc.sh export`, or "Partial export" of the admin
 * console), a list of clients (`kcadm.sh get clients`) or one client. (keycloak/keycloak RealmRepresentation,
 * ClientRepresentation; attribute names in OIDCConfigAttributes and JWTClientAuthenticator)
 */
import type { DeclaredPartner, TlsSubject } from '../declaration.ts';
import { parseJson } from '../http.ts';
import { isObject } from '../key-material.ts';
import { Collector } from './collector.ts';
import {
  algorithmName,
  certificateCredential,
  type FoundKeys,
  jwksCredentials,
  NO_KEYS,
  otherAlgorithm,
  spkiCredential,
} from './credentials.ts';
import { type ImportedPartners, policyMember, quoted } from './imported.ts';
import { addAccess, declareAudience } from './keycloak-access.ts';
import { type Client, isOwnClient, nameOf, type Realm, readRealm, rolesOf } from './keycloak-realm.ts';
import { isKeySetUrl } from './reading.ts';

/** @throws Failure (2) for what is no such export. */
export const importKeycloak = (document: unknown): ImportedPartners => {
  const realm = readRealm(document);
  const collector = new Collector();
  for (const client of realm.clients) addClient(collector, client, realm);
  for (const client of realm.clients) if (collector.hasClient(client.clientId)) addAccess(collector, client, realm);
  for (const client of realm.clients) addResource(collector, client, realm);
  if (isObject(document)) {
    const { clients: _clients, users: _users, ...rest } = document;
    collector.noteExposure('clientId' in document ? {} : rest);
  }
  noteUnseenRoles(collector, realm);
  if (realm.accessTokenLifespan !== undefined) {
    collector.note(
      `tokens of the realm live ${realm.accessTokenLifespan} s unless a client says otherwise: to keep that: countersign realm set REALM --token-seconds ${realm.accessTokenLifespan}`,
    );
  }
  return collector.finish();
};

/** An export of clients alone has no users, and so does one that was told to skip them. */
const noteUnseenRoles = (collector: Collector, { clients, users }: Realm): void => {
  const accounts = new Set(users.map(({ serviceAccountClientId: id }) => id));
  const names = clients.map(({ clientId }) => clientId).filter((id) => collector.hasClient(id) && !accounts.has(id));
  if (names.length === 0) return;
  const some = [...names.sort().slice(0, 5).map(quoted), ...(names.length > 5 ? ['...'] : [])].join(', ');
  collector.note(`roles of ${some} were not seen: the export lacks the users of these service accounts`);
};

const addClient = (collector: Collector, client: Client, realm: Realm): void => {
  const { clientId: id, attributes } = client;
  if (isOwnClient(client, realm)) return;
  if (
    !client.serviceAccountsEnabled ||
    client.publicClient ||
    client.bearerOnly ||
    client.protocol !== 'openid-connect'
  ) {
    collector.noteExposure(client);
    return;
  }
  const { credentials, problems } = keysOf(client);
  const { claims, left } = claimsOf(client);
  collector.client(id, {
    name: nameOf(client),
    enabled: client.enabled ? undefined : false,
    credentials: credentials.length === 0 ? undefined : credentials,
    tlsSubject: tlsSubjectOf(client),
    jwksUri: followsUrl(client) && isKeySetUrl(attributes['jwks.url']) ? attributes['jwks.url'] : undefined,
    tokenPolicy: policyMember({
      accessTokenSeconds: collector.lifetime(Number(attributes['access.token.lifespan'] ?? 0), id),
      algorithm: tokenAlgorithm(client),
      binding: bindingOf(client),
    }),
    claims,
  });
  collector.noteExposure(client, id);
  for (const text of [...problems, ...clientNotes(client, left)]) collector.note(text, id);
};

const provesByCertificate = (client: Client): boolean => client.clientAuthenticatorType === 'client-x509';
/** Keycloak may take the subject for a pattern, which would let in whoever fits it. */
const isPattern = (client: Client): boolean => isOn(client, 'x509.allow.regex.pattern.comparison');

const tlsSubjectOf = (client: Client): TlsSubject | undefined => {
  const subjectDn = client.attributes['x509.subjectdn'];
  return provesByCertificate(client) && subjectDn && !isPattern(client) ? { subjectDn } : undefined;
};

const isOn = (client: Client, attribute: string): boolean => client.attributes[attribute] === 'true';
const provesByKey = (client: Client): boolean => client.clientAuthenticatorType === 'client-jwt';
const followsUrl = (client: Client): boolean => provesByKey(client) && isOn(client, 'use.jwks.url');

/** Keycloak looks at the URL if it is to use it, then at the JWKS, then at the certificate or key. */
const keysOf = (client: Client): FoundKeys => {
  const { attributes } = client;
  if (!provesByKey(client) || followsUrl(client)) return NO_KEYS;
  if (isOn(client, 'use.jwks.string')) return jwksCredentials(parseJson(attributes['jwks.string'] ?? ''));
  const certificate = attributes['jwt.credential.certificate'];
  if (certificate) return certificateCredential(certificate, {});
  const publicKey = attributes['jwt.credential.public.key'];
  const kid = attributes['jwt.credential.kid'] || undefined;
  return publicKey ? spkiCredential(publicKey, { kid, alg: assertionAlgorithm(client) }) : NO_KEYS;
};

const assertionAlgorithm = ({ attributes }: Client): string | undefined =>
  attributes['token.endpoint.auth.signing.alg'] || undefined;

/** RS256 is Keycloak's default and ours. */
const askedTokenAlgorithm = ({ attributes }: Client): string | undefined => {
  const asked = attributes['access.token.signed.response.alg'] || undefined;
  return asked === 'RS256' ? undefined : asked;
};
const tokenAlgorithm = (client: Client): string | undefined => algorithmName(askedTokenAlgorithm(client));

const bindingOf = (client: Client): 'dpop' | 'mtls' | undefined => {
  if (isOn(client, 'dpop.bound.access.tokens')) return 'dpop';
  return isOn(client, 'tls.client.certificate.bound.access.tokens') ? 'mtls' : undefined;
};

const OTHER_WAYS: ReadonlyMap<string, string> = new Map([
  ['client-secret-jwt', 'a JWT made with its secret'],
  ['federated-jwt', 'a JWT of another identity provider'],
]);

const clientNotes = (client: Client, leftMappers: readonly string[]): readonly string[] => {
  const { attributes } = client;
  const way = OTHER_WAYS.get(client.clientAuthenticatorType);
  const signing = provesByKey(client) ? assertionAlgorithm(client) : undefined;
  const tokens = askedTokenAlgorithm(client);
  return [
    ...(provesByCertificate(client) && tlsSubjectOf(client) === undefined
      ? ['proves itself with a TLS certificate there whose subject is a pattern or not told: say it in tlsSubject']
      : []),
    ...(way === undefined ? [] : [`proves itself with ${way} there, which was not carried over`]),
    ...(followsUrl(client) && !isKeySetUrl(attributes['jwks.url'])
      ? ['its jwks.url is no https URL and was left out']
      : []),
    ...(signing !== undefined && algorithmName(signing) === undefined ? [otherAlgorithm(signing)] : []),
    ...(tokens !== undefined && algorithmName(tokens) === undefined
      ? [`gets tokens signed with ${quoted(tokens)} there, and as the realm signs here`]
      : []),
    ...(leftMappers.length > 0 ? [`protocol mappers left out: ${leftMappers.slice(0, 5).map(quoted).join(', ')}`] : []),
  ];
};

/** Mappers of a service account that say nothing which a token here would not say, or that are read elsewhere. */
const SILENT_MAPPERS = ['oidc-usersessionmodel-note-mapper', 'oidc-audience-mapper', 'oidc-audience-resolve-mapper'];

/** Claims with a fixed value, and the names of mappers that do anything else. */
const claimsOf = (
  client: Client,
): { readonly claims?: DeclaredPartner['claims']; readonly left: readonly string[] } => {
  const claims: NonNullable<DeclaredPartner['claims']> = {};
  const left: string[] = [];
  for (const { name, protocolMapper, config } of client.protocolMappers) {
    const claim = config['claim.name'];
    const value = claimValue(config['claim.value'] ?? '', config['jsonType.label']);
    const isFixed = protocolMapper === 'oidc-hardcoded-claim-mapper' && config['access.token.claim'] === 'true';
    // A dot makes an object of it, a step further than a fixed value.
    if (isFixed && claim && !claim.includes('.') && claim !== '__proto__' && value !== undefined) claims[claim] = value;
    else if (!SILENT_MAPPERS.includes(protocolMapper)) left.push(name);
  }
  return { ...(Object.keys(claims).length === 0 ? {} : { claims }), left };
};

const claimValue = (
  text: string,
  type: string | undefined,
): NonNullable<DeclaredPartner['claims']>[string] | undefined => {
  if (type === undefined || type === 'String') return text;
  const value = parseJson(text);
  if (type === 'boolean') return typeof value === 'boolean' ? value : undefined;
  if (type === 'int' || type === 'long') return typeof value === 'number' ? value : undefined;
  return isObject(value) ? (value as NonNullable<DeclaredPartner['claims']>) : undefined;
};

/** A client that only takes tokens is a resource, whether anybody in the export calls it or not; others were left out. */
const addResource = (collector: Collector, client: Client, realm: Realm): void => {
  const { clientId: id, bearerOnly } = client;
  if (isOwnClient(client, realm) || collector.hasClient(id) || collector.hasAudience(id)) return;
  if (bearerOnly && rolesOf(realm, id).length > 0) declareAudience(collector, id, realm);
  else collector.note(`client ${quoted(id)} was left out: it has no service account, and nobody calls it`);
};
