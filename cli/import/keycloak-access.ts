/**
 * What a Keycloak service account may call. Keycloak says it in two ways: client roles of the service account's user, which make
 * the roles' client an audience, and audience mappers on the client or on its client scopes.
 * (Server Administration Guide, "Audience support" and "Role scope mappings"; AudienceProtocolMapper)
 */
import type { Collector } from './collector.ts';
import { quoted } from './imported.ts';
import { type Client, isOwnClient, nameOf, type Realm, rolesOf } from './keycloak-realm.ts';

/** Scopes that come with every realm and are about users. (Server Administration Guide, "Client scopes") */
const BUILT_IN_SCOPES = [
  ...['acr', 'address', 'basic', 'email', 'microprofile-jwt', 'offline_access', 'organization', 'phone', 'profile'],
  ...['role_list', 'roles', 'saml_organization', 'service_account', 'web-origins'],
];

/** Names of roles, by the client that they belong to. */
type Roles = Readonly<Record<string, readonly string[]>>;

/** Grants of a client that is carried over, and the audiences that they are on. */
export const addAccess = (collector: Collector, client: Client, realm: Realm): void => {
  addRoles(collector, client, realm);
  addScopes(collector, client, realm);
};

const addRoles = (collector: Collector, client: Client, realm: Realm): void => {
  const { clientId } = client;
  const account = realm.users.find((user) => user.serviceAccountClientId === clientId);
  if (account === undefined) return;
  for (const [resource, names] of rolesInTokens(client, account.clientRoles, realm)) {
    if (isOwnClient({ clientId: resource }, realm)) {
      collector.note(`its roles of Keycloak's own client ${quoted(resource)} were left out`, clientId);
    } else if (names.length > 0) {
      declareAudience(collector, resource, realm);
      collector.grant(clientId, resource, names);
    }
  }
  const realmRoles = account.realmRoles.filter((name) => !name.startsWith('default-roles-'));
  if (realmRoles.length > 0) {
    const named = realmRoles.slice(0, 5).map(quoted).join(', ');
    collector.note(`its realm roles belong to no resource and were left out: ${named}`, clientId);
  }
  if (account.groups.length > 0)
    collector.note('what its service account may do through groups was left out', clientId);
};

/** The account's roles, as far as tokens of the client have them: its own, and what scope mappings let through. */
const rolesInTokens = (client: Client, roles: Roles, realm: Realm): readonly [string, readonly string[]][] => {
  const held = [...withComposites([roles], realm)].map(([resource, names]): [string, string[]] => [
    resource,
    [...names],
  ]);
  if (client.fullScopeAllowed) return held;
  const scopes = [...client.defaultClientScopes, ...client.optionalClientScopes];
  const mapped = Object.entries(realm.clientScopeMappings).flatMap(([resource, mappings]) =>
    mappings
      .filter((each) => each.client === client.clientId || scopes.includes(each.clientScope ?? ''))
      .map((each) => ({ [resource]: each.roles })),
  );
  const allowed = withComposites(mapped, realm);
  return held.map(([resource, names]) => [
    resource,
    resource === client.clientId ? names : names.filter((name) => allowed.get(resource)?.has(name)),
  ]);
};

/** The roles with everything that they bring along. */
const withComposites = (roles: readonly Roles[], realm: Realm): ReadonlyMap<string, ReadonlySet<string>> => {
  const all = new Map<string, Set<string>>();
  const add = (resource: string, name: string): void => {
    const names = all.get(resource) ?? new Set();
    all.set(resource, names);
    if (names.has(name)) return;
    names.add(name);
    const role = rolesOf(realm, resource).find((each) => each.name === name);
    addAll(role?.composites.client ?? {});
  };
  const addAll = (more: Roles): void => {
    for (const [resource, names] of Object.entries(more)) for (const name of names) add(resource, name);
  };
  for (const each of roles) addAll(each);
  return all;
};

const addScopes = (collector: Collector, client: Client, realm: Realm): void => {
  const { clientId } = client;
  const always = mappedAudiences(client, realm);
  for (const audience of always) {
    declareAudience(collector, audience, realm);
    collector.grant(clientId, audience, []);
  }
  for (const name of [...client.defaultClientScopes, ...client.optionalClientScopes]) {
    if (BUILT_IN_SCOPES.includes(name)) continue;
    const scope = realm.clientScopes.find((each) => each.name === name);
    const mapped = scope === undefined ? [] : mappedAudiences(scope, realm);
    // A scope that names no audience goes with the one that all of the client's tokens have.
    const audiences = mapped.length > 0 || always.length !== 1 ? mapped : always;
    const scopes = scope?.attributes['include.in.token.scope'] === 'false' ? [] : [name];
    if (audiences.length === 0)
      collector.note(`its scope ${quoted(name)} belongs to no audience and was left out`, clientId);
    for (const audience of audiences) {
      declareAudience(collector, audience, realm);
      collector.grant(clientId, audience, scopes);
    }
  }
};

/** What audience mappers put into access tokens: client ids, or values of one's own. */
const mappedAudiences = ({ protocolMappers }: Pick<Client, 'protocolMappers'>, realm: Realm): readonly string[] => {
  const audiences = protocolMappers
    .filter((each) => each.protocolMapper === 'oidc-audience-mapper' && each.config['access.token.claim'] === 'true')
    // A mapper that names both uses the client.
    .map(({ config }) => config['included.client.audience'] || config['included.custom.audience'] || '');
  return [...new Set(audiences)].filter((name) => name !== '' && !isOwnClient({ clientId: name }, realm));
};

/** An audience of the client or custom value that Keycloak names in `aud`. */
export const declareAudience = (collector: Collector, name: string, realm: Realm): void => {
  const client = realm.clients.find(({ clientId }) => clientId === name);
  const enabled = client?.enabled === false ? false : undefined;
  const resource = { resource: name, name: client === undefined ? undefined : nameOf(client), enabled } as const;
  collector.audience(name, {
    owner: collector.hasClient(name) ? { client: name } : resource,
    scopes: rolesOf(realm, name).map((role) => role.name),
  });
};
