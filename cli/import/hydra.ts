/**
 * OAuth 2.0 clients of an Ory Hydra server: `hydra list clients --format json` (`{"items": [...]}`), `hydra get client`, or the
 * admin API's `GET /admin/clients` (a list). (ory/hydra client/client.go, cmd/cmd_list_clients.go)
 */
import { z } from 'zod';
import type { TlsSubject } from '../declaration.ts';
import { isObject } from '../key-material.ts';
import { Collector } from './collector.ts';
import { algorithmName, jwksCredentials, NO_KEYS, otherAlgorithm } from './credentials.ts';
import { type ImportedPartners, policyMember, quoted } from './imported.ts';
import { isKeySetUrl, readExport, tagsOf } from './reading.ts';

const client = z.looseObject({
  client_id: z.string().min(1),
  client_name: z.string().nullish(),
  owner: z.string().nullish(),
  contacts: z.array(z.string()).nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  grant_types: z.array(z.string()).nullish(),
  /** Separated by blanks. */
  scope: z.string().nullish(),
  audience: z.array(z.string()).nullish(),
  token_endpoint_auth_method: z.string().nullish(),
  token_endpoint_auth_signing_alg: z.string().nullish(),
  jwks: z.looseObject({ keys: z.array(z.unknown()).nullish() }).nullish(),
  jwks_uri: z.string().nullish(),
  /** RFC 8705 section 2.1.2, where the export has them. */
  tls_client_auth_subject_dn: z.string().nullish(),
  tls_client_auth_san_dns: z.string().nullish(),
  tls_client_auth_san_uri: z.string().nullish(),
  tls_client_auth_san_ip: z.string().nullish(),
  tls_client_auth_san_email: z.string().nullish(),
  access_token_strategy: z.string().nullish(),
  /** A duration of Go, such as `1h30m0s`. */
  client_credentials_grant_access_token_lifespan: z.string().nullish(),
});
type Client = z.infer<typeof client>;

/** OpenID Connect's and the wishes for refresh tokens: none is a right on a resource. */
const USER_SCOPES = ['openid', 'offline', 'offline_access'];

/** @throws Failure (2) for what is no such export. */
export const importHydra = (document: unknown): ImportedPartners => {
  const clients = readExport(z.array(client), clientsOf(document), 'a Hydra export (hydra list clients --format json)');
  const collector = new Collector();
  if (isObject(document) && document.is_last_page === false) {
    collector.note(
      'this is one page of several: export the others too (--page-token), or all at once with a larger --page-size',
    );
  }
  for (const each of clients) addClient(collector, each);
  collector.note('Hydra knows no owner of an audience: one partner was made for each host');
  return collector.finish();
};

const clientsOf = (document: unknown): unknown => {
  if (!isObject(document)) return document;
  return 'client_id' in document ? [document] : document.items;
};

const addClient = (collector: Collector, each: Client): void => {
  const { client_id: id, client_name: name } = each;
  if (!(each.grant_types ?? []).includes('client_credentials')) {
    collector.note(`client ${quoted(name || id)} was left out: it may not use the client_credentials grant`);
    collector.noteExposure(each);
    return;
  }
  const { tags, left } = tagsOf(each.metadata ?? {});
  const accessTokenSeconds = collector.lifetime(seconds(each.client_credentials_grant_access_token_lifespan), id);
  // Other clients may have keys too, but these prove something else (signed request objects).
  const hasKeys = each.token_endpoint_auth_method === 'private_key_jwt';
  const { credentials, problems } = hasKeys ? jwksCredentials(each.jwks) : NO_KEYS;
  collector.client(id, {
    name: name || undefined,
    contact: (each.contacts ?? []).join(', ') || each.owner || undefined,
    tags,
    credentials: credentials.length === 0 ? undefined : credentials,
    tlsSubject: tlsSubjectOf(each),
    jwksUri: hasKeys && isKeySetUrl(each.jwks_uri) ? each.jwks_uri : undefined,
    tokenPolicy: policyMember({ accessTokenSeconds }),
  });
  collector.noteExposure(each, id);
  for (const text of [...problems, ...clientNotes(each, left)]) collector.note(text, id);
  addGrants(collector, each);
};

/** Exactly one of the names says who it is (RFC 8705 section 2.1.2). */
const tlsSubjectOf = (each: Client): TlsSubject | undefined => {
  if (each.token_endpoint_auth_method !== 'tls_client_auth') return undefined;
  const names = Object.entries({
    subjectDn: each.tls_client_auth_subject_dn,
    sanDns: each.tls_client_auth_san_dns,
    sanUri: each.tls_client_auth_san_uri,
    sanIp: each.tls_client_auth_san_ip,
    sanEmail: each.tls_client_auth_san_email,
  }).filter(([, name]) => name);
  return names.length === 1 ? Object.fromEntries(names) : undefined;
};

const clientNotes = (each: Client, leftTags: readonly string[]): readonly string[] => {
  const { jwks_uri: uri, token_endpoint_auth_method: method, token_endpoint_auth_signing_alg: algorithm } = each;
  return [
    ...(uri && !isKeySetUrl(uri) ? ['its jwks_uri is no https URL and was left out'] : []),
    ...(method === 'tls_client_auth' && tlsSubjectOf(each) === undefined
      ? ['proves itself with a TLS certificate there that is not told by one name: say it in tlsSubject']
      : []),
    ...(method === 'none' ? ['is a public client there, and has to prove itself with a key here'] : []),
    ...(algorithm && algorithmName(algorithm) === undefined ? [otherAlgorithm(algorithm)] : []),
    ...(each.access_token_strategy === 'opaque' ? ['gets opaque tokens there, and JWTs here'] : []),
    ...(leftTags.length > 0 ? [`metadata left out, being no tag: ${leftTags.slice(0, 5).map(quoted).join(', ')}`] : []),
  ];
};

/** Hydra lets a client ask for any of its scopes at any of its audiences. */
const addGrants = (collector: Collector, { client_id: id, scope, audience }: Client): void => {
  const scopes = (scope ?? '').split(' ').filter((each) => each !== '' && !USER_SCOPES.includes(each));
  const audiences = [...new Set(audience ?? [])];
  if (audiences.length === 0) {
    const what = scopes.length === 0 ? '' : ` (its scopes: ${quoted(scopes.join(' '))})`;
    collector.note(`has no audience there, so no grant was made${what}: say what it may call`, id);
    return;
  }
  if (scopes.some((each) => each.includes('*'))) {
    collector.note('has scopes with a wildcard, which mean themselves here: name the scopes instead', id);
  }
  for (const each of audiences) {
    const resource = ownerName(each);
    collector.audience(each, { owner: { resource }, scopes: [] });
    collector.grant(id, each, scopes);
  }
};

/** Hydra knows no owner of an audience: what is on one host is taken to be one partner's. */
const ownerName = (audience: string): string => (URL.canParse(audience) && new URL(audience).host) || audience;

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  h: 3600,
  m: 60,
  s: 1,
  ms: 0.001,
  us: 1e-6,
  µs: 1e-6,
  ns: 1e-9,
};

/** `undefined` for what is no duration of Go (package time, ParseDuration). */
const seconds = (duration: string | null | undefined): number | undefined => {
  if (!duration || !/^(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|ns))+$/.test(duration)) return undefined;
  const parts = duration.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)/g);
  return [...parts].reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNIT_SECONDS[unit] ?? 0), 0);
};
