/**
 * Machine-to-machine applications of an Auth0 tenant, its APIs as audiences, and its client grants.
 */
import { BINDINGS, type Quota, type TokenPolicy } from '../declaration.ts';
import { type Client, type ClientGrant, type ResourceServer, readTenant } from './auth0-tenant.ts';
import { Collector } from './collector.ts';
import { algorithmName, type FoundKeys, mergeKeys, NO_KEYS, pemCredential } from './credentials.ts';
import { type ImportedPartners, policyMember, quoted } from './imported.ts';
import { isKeySetUrl, tagsOf } from './reading.ts';

/** Auth0's own APIs: tokens for them are Auth0's to issue. */
const OWN_API = /^(?:urn:auth0-|https:\/\/[^/]+\.auth0\.com\/(?:api\/v2|userinfo|me|my-org|mfa)\/?$)/;

/** @throws Failure (2) for what is no such export. */
export const importAuth0 = (document: unknown): ImportedPartners => {
  const { clients, resourceServers, clientGrants } = readTenant(document);
  const collector = new Collector();
  for (const each of clients) addClient(collector, each);
  for (const each of resourceServers) addResourceServer(collector, each);
  const names = clientsByName(clients);
  for (const each of clientGrants) addGrant(collector, each, names, resourceServers);
  return collector.finish();
};

const keyOf = ({ client_id: id, name = '' }: Client): string => id ?? name;

const addClient = (collector: Collector, each: Client): void => {
  const id = keyOf(each);
  // Auth0's "All Applications" is none.
  if (each.global === true) return;
  if (!isMachine(each)) {
    collector.note(`client ${quoted(each.name ?? id)} was left out: it may not use the client_credentials grant`);
    collector.noteExposure(each);
    return;
  }
  const { tags, left } = tagsOf(each.client_metadata ?? {});
  const { credentials, problems } = keysOf(each);
  collector.client(id, {
    name: each.name || undefined,
    tags,
    credentials: credentials.length === 0 ? undefined : credentials,
    jwksUri: isKeySetUrl(each.jwks_uri) ? each.jwks_uri : undefined,
    quota: quotaOf(each),
  });
  collector.noteExposure(each, id);
  for (const text of [...problems, ...clientNotes(each, left)]) collector.note(text, id);
};

const isMachine = ({ grant_types: grants, app_type: type }: Client): boolean =>
  grants === null || grants === undefined ? type === 'non_interactive' : grants.includes('client_credentials');

const clientNotes = (each: Client, leftTags: readonly string[]): readonly string[] => [
  ...(each.client_id === undefined
    ? ['the export does not tell its client id (a0deploy export --export_ids=true does), so its name was taken']
    : []),
  ...(leftTags.length > 0
    ? [`client metadata left out, being no tag: ${leftTags.slice(0, 5).map(quoted).join(', ')}`]
    : []),
  ...(each.require_proof_of_possession === true
    ? ['has to prove possession in Auth0: set tokenPolicy.binding to dpop or mtls']
    : []),
  ...(each.token_quota?.client_credentials?.per_hour === undefined
    ? []
    : ['its quota per hour was left out: quotas are per minute and per day']),
];

const keysOf = (each: Client): FoundKeys =>
  mergeKeys(
    (each.client_authentication_methods?.private_key_jwt?.credentials ?? []).map(({ pem, ...terms }): FoundKeys => {
      const name = terms.name ?? terms.kid;
      if (pem === null || pem === undefined) {
        const problems = [
          `Auth0 does not give out its key${name ? ` ${quoted(name)}` : 's'}: register the public key again`,
        ];
        return { ...NO_KEYS, problems };
      }
      const { kid, alg, expires_at: expiresAt } = terms;
      return pemCredential(pem, {
        kid: kid ?? undefined,
        alg: alg ?? undefined,
        label: terms.name ?? undefined,
        expiresAt: expiresAt ?? undefined,
      });
    }),
  );

const quotaOf = ({ token_quota: quota }: Client): Quota | undefined => {
  const { per_day: perDay, enforce } = quota?.client_credentials ?? {};
  return perDay === undefined ? undefined : { perDay, mode: enforce === true ? 'enforce' : 'observe' };
};

const addResourceServer = (collector: Collector, each: ResourceServer): void => {
  const { identifier, name, client_id: linked } = each;
  if (each.is_system === true || OWN_API.test(identifier)) return;
  const isOwned = typeof linked === 'string' && collector.hasClient(linked);
  collector.audience(identifier, {
    owner: isOwned ? { client: linked } : { resource: identifier, name },
    scopes: (each.scopes ?? []).map(({ value }) => value),
    isClosed: true,
    tokenPolicy: policyOf(collector, each),
  });
};

const policyOf = (collector: Collector, each: ResourceServer): TokenPolicy | undefined => {
  const accessTokenSeconds = collector.lifetime(each.token_lifetime);
  // RS256 is Auth0's default and ours.
  const asked = each.signing_alg === 'RS256' ? undefined : (each.signing_alg ?? undefined);
  const algorithm = algorithmName(asked);
  if (asked !== undefined && algorithm === undefined) {
    collector.note(
      `tokens for ${quoted(each.identifier)} are signed with ${quoted(asked)} there, and as the realm does here`,
    );
  }
  return policyMember({ accessTokenSeconds, algorithm, binding: bindingOf(each) });
};

const bindingOf = ({ proof_of_possession: proof }: ResourceServer): TokenPolicy['binding'] =>
  proof?.required === true && proof.required_for !== 'public_clients'
    ? BINDINGS.find((binding) => binding === proof.mechanism)
    : undefined;

/** Clients by their id, and by a name that no other has. */
const clientsByName = (clients: readonly Client[]): ReadonlyMap<string, string> => {
  const names = clients.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const isUnique = (name: string): boolean => names.indexOf(name) === names.lastIndexOf(name);
  const named = clients.flatMap((each): [string, string][] =>
    each.name !== undefined && isUnique(each.name) ? [[each.name, keyOf(each)]] : [],
  );
  return new Map([...named, ...clients.map((each): [string, string] => [keyOf(each), keyOf(each)])]);
};

const addGrant = (
  collector: Collector,
  each: ClientGrant,
  names: ReadonlyMap<string, string>,
  resourceServers: readonly ResourceServer[],
): void => {
  const { client_id: named, audience } = each;
  const holder = names.get(named);
  if (holder === undefined) {
    collector.note(
      `the grant of ${quoted(named)} on ${quoted(audience)} was left out: no client or several have this name`,
    );
    return;
  }
  // The client was left out, which is noted, and its grant with it.
  if (!collector.hasClient(holder)) return;
  const resource = resourceServers.find(({ identifier }) => identifier === audience);
  if (resource?.is_system === true || OWN_API.test(audience)) {
    collector.note(`its grant on Auth0's own API ${quoted(audience)} was left out`, holder);
    return;
  }
  if (each.subject_type === 'user' || each.subject_type === 'anonymous_user') {
    collector.note(`its grant on ${quoted(audience)} is for users and was left out`, holder);
    return;
  }
  const isAll = each.allow_all_scopes === true && resource !== undefined;
  collector.grant(holder, audience, isAll ? (resource.scopes ?? []).map(({ value }) => value) : (each.scope ?? []));
};
