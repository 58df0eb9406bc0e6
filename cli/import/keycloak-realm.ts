/**
 * The parts of a Keycloak realm export that say who may call whom: clients, client scopes, client roles and the users that stand
 * for service accounts. (RealmRepresentation, ClientRepresentation, ClientScopeRepresentation, RolesRepresentation, UserRepresentation)
 */
import { z } from 'zod';
import { misuse } from '../failure.ts';
import { isObject } from '../key-material.ts';
import { readExport } from './reading.ts';

/** Attributes and configuration are text; a missing value may be written as null. */
const texts = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform(
    (record): Record<string, string> =>
      Object.fromEntries(
        Object.entries(record ?? {}).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
      ),
  );
const names = z.array(z.string()).default([]);

const protocolMapper = z.looseObject({ name: z.string().default(''), protocolMapper: z.string(), config: texts });

const client = z.looseObject({
  clientId: z.string().min(1),
  name: z.string().nullish(),
  enabled: z.boolean().default(true),
  protocol: z.string().default('openid-connect'),
  bearerOnly: z.boolean().default(false),
  publicClient: z.boolean().default(false),
  serviceAccountsEnabled: z.boolean().default(false),
  clientAuthenticatorType: z.string().default('client-secret'),
  attributes: texts,
  protocolMappers: z.array(protocolMapper).default([]),
  defaultClientScopes: names,
  optionalClientScopes: names,
  /** Whether tokens have all roles of the service account, or only those in scope mappings. */
  fullScopeAllowed: z.boolean().default(true),
});
export type Client = z.infer<typeof client>;

const clientScope = z.looseObject({
  name: z.string(),
  attributes: texts,
  protocolMappers: z.array(protocolMapper).default([]),
});

const clientRoles = z.record(z.string(), z.array(z.string())).default({});
const role = z.looseObject({
  name: z.string(),
  /** Roles that it brings along, by client. */
  composites: z.looseObject({ client: clientRoles }).default({ client: {} }),
});

type Role = z.infer<typeof role>;

const user = z.looseObject({
  serviceAccountClientId: z.string().optional(),
  realmRoles: names,
  clientRoles,
  groups: names,
});

const realmExport = z.looseObject({
  realm: z.string().default(''),
  accessTokenLifespan: z.number().optional(),
  clients: z.array(client),
  clientScopes: z.array(clientScope).default([]),
  roles: z.looseObject({ client: z.record(z.string(), z.array(role)).default({}) }).default({ client: {} }),
  users: z.array(user).default([]),
  /** By the client whose roles they are: which roles tokens of a client, or with a client scope, may have. */
  clientScopeMappings: z
    .record(
      z.string(),
      z.array(z.looseObject({ client: z.string().optional(), clientScope: z.string().optional(), roles: names })),
    )
    .default({}),
});
export type Realm = z.infer<typeof realmExport>;

const WHAT = 'a Keycloak export (a realm, a list of clients or a client)';

/** @throws Failure (2) for what is none, and for several realms at once. */
export const readRealm = (document: unknown): Realm => readExport(realmExport, realmOf(document), WHAT);

const realmOf = (document: unknown): unknown => {
  if (isObject(document)) return 'clientId' in document ? { clients: [document] } : document;
  if (!Array.isArray(document)) return document;
  const realms: readonly unknown[] = document.filter((each) => isObject(each) && 'clients' in each);
  if (realms.length === 0) return { clients: document };
  if (realms.length > 1) throw misuse('these are several realms: export one (kc.sh export --realm NAME)');
  return realms[0];
};

const OWN_CLIENTS = ['account', 'account-console', 'admin-cli', 'broker', 'realm-management', 'security-admin-console'];

/** Clients that every Keycloak realm has; the realm `master` has one more for each realm. */
export const isOwnClient = ({ clientId }: Pick<Client, 'clientId'>, { realm }: Pick<Realm, 'realm'>): boolean =>
  OWN_CLIENTS.includes(clientId) || (realm === 'master' && clientId.endsWith('-realm'));

/** `${client_account}` is a key of Keycloak's own translations. */
export const nameOf = ({ name }: Pick<Client, 'name'>): string | undefined =>
  name && !name.startsWith('${') ? name : undefined;

/** Roles of a client; it may be one that is not in the export. */
export const rolesOf = ({ roles }: Pick<Realm, 'roles'>, client: string): readonly Role[] =>
  Object.hasOwn(roles.client, client) ? (roles.client[client] ?? []) : [];
