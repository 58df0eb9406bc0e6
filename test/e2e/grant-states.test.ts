/**
 * What an operator takes away is refused in every grant, by every way in which the client proves itself, and the record says why. Here
 * without caches, so that it is obeyed at once; how long a cache is believed is tested in adapters/token-path.test.ts and
 * adapters/token-path-grants.test.ts.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JWT_BEARER_ASSERTION } from '../../functions/core/client-authentication.ts';
import { CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE } from '../../functions/core/grant-type.ts';
import { synthesizeApp } from '../support/assembly.ts';
import { issue } from '../support/certificate-authority.ts';
import { allowSecrets, basic, makeSecret, type ShownSecret } from '../support/client-secret.ts';
import { outcomeOf } from '../support/decisions.ts';
import { ACCESS_TOKEN, grantForm, requireToken, statementOf } from '../support/delegation.ts';
import {
  administer,
  assertionOf,
  callAdmin,
  changePartner,
  MUTUAL_TLS_DOMAIN,
  type MutualTlsService,
  makePartner,
  mustCreate,
  populate,
  postToken,
  startService,
  type TestPartner,
  type TokenResponse,
  type World,
} from '../support/service.ts';
import { makeTlsClient, postTokenAs, type TlsClient } from '../support/tls-client.ts';

const OWN_AUDIENCE = 'https://crm.example/api';
const PLATFORM = 'https://ci.example';
const USERS = 'https://users.example';

let directory: string;
let service: MutualTlsService;
let world: World;
let portal: TestPartner;
let platform: TestPartner;
let users: TestPartner;
let secret: ShownSecret;
let named: TlsClient;
let pinned: TlsClient;
/** Alice's token for crm, which the portal has asked for. */
let handedOn: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-states-'));
  const assembly = join(directory, 'cdk.out');
  await synthesizeApp(assembly, { ...MUTUAL_TLS_DOMAIN, registryCacheSeconds: '0' });
  const authority = await issue({ name: 'Authority', authority: true, notBefore: 0 });
  named = await makeTlsClient({ name: 'crm.example', issuer: authority });
  pinned = await makeTlsClient({ name: 'crm' });
  service = await startService({ assembly, mutualTls: { truststore: `${authority.pem}\n${pinned.pem}` } });
  await allowSecrets(service, true);
  world = await populate(service);
  [portal, platform, users] = await Promise.all([makePartner('portal'), makePartner('ci'), makePartner('users')]);
  const define = ({ id, publicJwk }: TestPartner, more: object) =>
    mustCreate(service, '/partners', { id, jwks: { keys: [publicJwk] }, ...more });
  await define(portal, { trustLevel: 'user' });
  await define(platform, { issuer: PLATFORM, trustedIssuer: true });
  await define(users, { issuer: USERS, trustedIssuer: true, trustLevel: 'user' });
  await changePartner(service, 'crm', CRM);
  await administer(service, 'POST', '/partners/crm/credentials', { certificate: pinned.pem });
  secret = await makeSecret(service, 'crm');
  await mustCreate(service, '/audiences', { audience: OWN_AUDIENCE, owner: 'crm', scopes: ['read'] });
  await mustCreate(service, '/grants', { client: 'portal', audience: OWN_AUDIENCE, scopes: ['read'] });
  await handOn();
}, 120_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** The portal calls the client with a token about one of its users. */
const handOn = async (): Promise<void> => {
  handedOn = await requireToken(
    service,
    grantForm(await statementOf(portal, service.issuer, 'alice'), { resource: OWN_AUDIENCE }),
  );
};

const CRM = {
  trustLevel: 'full',
  tlsSubject: { subjectDn: 'CN=crm.example' },
  federation: [{ issuer: PLATFORM, claims: { sub: { exact: 'job' } } }],
};

const METHODS = [
  'private_key_jwt',
  'federated',
  'client_secret_basic',
  'client_secret_post',
  'tls_client_auth',
  'self_signed_tls_client_auth',
] as const;
type Method = (typeof METHODS)[number];

const GRANTS = ['client credentials', 'own assertion', 'assertion of another', 'exchange'] as const;
type Grant = (typeof GRANTS)[number];

const stated = (partner: TestPartner, iss: string, sub: string) =>
  assertionOf(partner, service.issuer, { claims: { iss, sub } });

const parametersOf = async (grant: Grant): Promise<Record<string, string>> => {
  switch (grant) {
    case 'client credentials':
      return { grant_type: CLIENT_CREDENTIALS };
    case 'own assertion':
      return { grant_type: JWT_BEARER, assertion: await stated(world.client, 'crm', 'alice') };
    case 'assertion of another':
      return { grant_type: JWT_BEARER, assertion: await stated(users, USERS, 'bob') };
    case 'exchange':
      return { grant_type: TOKEN_EXCHANGE, subject_token: handedOn, subject_token_type: ACCESS_TOKEN };
  }
};

/** The request with its proof, sent to the door that the method goes through. */
const send = async (method: Method, grant: Grant): Promise<TokenResponse> => {
  const form = new URLSearchParams({ resource: world.audience, client_id: 'crm', ...(await parametersOf(grant)) });
  const withAssertion = async (assertion: Promise<string>) => {
    form.set('client_assertion_type', JWT_BEARER_ASSERTION);
    form.set('client_assertion', await assertion);
    return postToken(service, form);
  };
  switch (method) {
    case 'private_key_jwt':
      return withAssertion(assertionOf(world.client, service.issuer));
    case 'federated':
      return withAssertion(stated(platform, PLATFORM, 'job'));
    case 'client_secret_post':
      form.set('client_secret', secret.secret);
      return postToken(service, form);
    case 'client_secret_basic':
      return postBasic(form);
    case 'tls_client_auth':
      return postTokenAs(service, named, form);
    case 'self_signed_tls_client_auth':
      return postTokenAs(service, pinned, form);
  }
};

const postBasic = async (body: URLSearchParams): Promise<TokenResponse> => {
  const headers = { authorization: basic('crm', secret.secret) };
  const answer = await fetch(new URL('/token', service.deployment.url), { method: 'POST', headers, body });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
};

const WAYS = METHODS.flatMap((method) => GRANTS.map((grant) => ({ method, grant })));

/** Why each way in is refused, as the record has it; `granted` where it is not. */
const outcomes = async (): Promise<Record<string, string>> => {
  const seen: Record<string, string> = {};
  for (const { method, grant } of WAYS) {
    const { status, reason } = await outcomeOf(service, await send(method, grant));
    expect(status === 200).toBe(reason === 'granted');
    seen[`${method}, ${grant}`] = reason;
  }
  return seen;
};

/** The same for every way, but for those that the function says otherwise of. */
const expected = (reasonFor: (method: Method, grant: Grant) => string): Record<string, string> =>
  Object.fromEntries(WAYS.map(({ method, grant }) => [`${method}, ${grant}`, reasonFor(method, grant)]));

const GRANTED = expected(() => 'granted');
const ABOUT_USERS: readonly Grant[] = ['own assertion', 'assertion of another', 'exchange'];

interface State {
  readonly reason: (method: Method, grant: Grant) => string;
  readonly apply: () => Promise<unknown>;
  readonly undo: () => Promise<unknown>;
}

const partner = (id: string, before: object, after: object): Pick<State, 'apply' | 'undo'> => ({
  apply: () => changePartner(service, id, after),
  undo: () => changePartner(service, id, before),
});
const disabled = (id: string) => partner(id, { enabled: true }, { enabled: false });

const realm = (before: object, after: object): Pick<State, 'apply' | 'undo'> => {
  const change = async (members: object) => {
    const { version } = (await callAdmin(service, 'GET', '/admin/realms/default')).body;
    return callAdmin(service, 'PATCH', '/admin/realms/default', { version, ...members });
  };
  return { apply: () => change(after), undo: () => change(before) };
};

const withoutGrant = (client: string, audience: () => string): Pick<State, 'apply' | 'undo'> => ({
  apply: () => administer(service, 'DELETE', `/grants?client=${client}&audience=${encodeURIComponent(audience())}`),
  undo: () => mustCreate(service, '/grants', { client, audience: audience(), scopes: ['read'] }),
});

const ALLOWED = { policy: { clientSecrets: true } };
const isSecret = (method: Method): boolean => method.startsWith('client_secret');

const STATES: Readonly<Record<string, State>> = {
  'the client is disabled': { ...disabled('crm'), reason: () => 'client_disabled' },
  'the realm is disabled': { ...realm({ enabled: true }, { enabled: false }), reason: () => 'realm_disabled' },
  'the owner of the audience is disabled': { ...disabled('billing'), reason: () => 'resource_disabled' },
  'the grant is removed': { ...withoutGrant('crm', () => world.audience), reason: () => 'grant_missing' },
  'the client may speak for itself only': {
    ...partner('crm', { trustLevel: 'full' }, { trustLevel: 'application' }),
    reason: (_method, grant) => (ABOUT_USERS.includes(grant) ? 'trust_level_insufficient' : 'granted'),
  },
  'the client may speak for users only': {
    ...partner('crm', { trustLevel: 'full' }, { trustLevel: 'user' }),
    reason: (_method, grant) => (ABOUT_USERS.includes(grant) ? 'granted' : 'trust_level_insufficient'),
  },
  'the issuer that proves the client is disabled': {
    ...disabled('ci'),
    reason: (method) => (method === 'federated' ? 'issuer_disabled' : 'granted'),
  },
  'the issuer that proves the client is trusted no longer': {
    ...partner('ci', { trustedIssuer: true }, { trustedIssuer: false }),
    reason: (method) => (method === 'federated' ? 'issuer_untrusted' : 'granted'),
  },
  'the client is proved by it no longer': {
    ...partner('crm', { federation: CRM.federation }, { federation: [] }),
    reason: (method) => (method === 'federated' ? 'federation_missing' : 'granted'),
  },
  'the issuer that knows the user is disabled': {
    ...disabled('users'),
    reason: (_method, grant) =>
      grant === 'assertion of another' ? 'grant_assertion_refused: issuer_disabled' : 'granted',
  },
  'the issuer may speak of applications only': {
    ...partner('users', { trustLevel: 'user' }, { trustLevel: 'application' }),
    reason: (_method, grant) =>
      grant === 'assertion of another' ? 'grant_assertion_refused: trust_level_insufficient' : 'granted',
  },
  'who has handed on the token is disabled': {
    ...disabled('portal'),
    reason: (_method, grant) => (grant === 'exchange' ? 'subject_token_refused: client_disabled' : 'granted'),
  },
  'who has handed on the token is granted it no longer': {
    apply: withoutGrant('portal', () => OWN_AUDIENCE).apply,
    undo: async () => {
      await withoutGrant('portal', () => OWN_AUDIENCE).undo();
      // The token of before has gone with the grant.
      await handOn();
    },
    reason: (_method, grant) => (grant === 'exchange' ? 'subject_token_refused: grant_missing' : 'granted'),
  },
  'the realm has no secrets any more': {
    ...realm(ALLOWED, { policy: { clientSecrets: false } }),
    reason: (method) => (isSecret(method) ? 'client_secrets_off' : 'granted'),
  },
  'the realm has one grant only': {
    ...realm(ALLOWED, { policy: { clientSecrets: true, grantTypes: [CLIENT_CREDENTIALS] } }),
    reason: (_method, grant) => (grant === 'client credentials' ? 'granted' : 'grant_type_off'),
  },
  'the certificate speaks of somebody else': {
    ...partner('crm', { tlsSubject: CRM.tlsSubject }, { tlsSubject: { subjectDn: 'CN=other.example' } }),
    reason: (method) => (method === 'tls_client_auth' ? 'certificate_unknown' : 'granted'),
  },
  'the secret is taken away': {
    apply: () => administer(service, 'DELETE', `/partners/crm/secrets?id=${secret.id}`),
    undo: async () => {
      secret = await makeSecret(service, 'crm');
    },
    reason: (method) => (isSecret(method) ? 'secret_unknown' : 'granted'),
  },
  'the key is taken away': {
    apply: () => administer(service, 'DELETE', '/partners/crm/credentials?kid=crm-key'),
    undo: () => administer(service, 'POST', '/partners/crm/credentials', { jwk: world.client.publicJwk }),
    reason: (method, grant) => {
      if (method === 'private_key_jwt') return 'assertion_key_unknown';
      return grant === 'own assertion' ? 'grant_assertion_refused: assertion_key_unknown' : 'granted';
    },
  },
};

describe('every way in', () => {
  it('is open to begin with', async () => {
    expect(await outcomes()).toEqual(GRANTED);
  });

  it.each(Object.entries(STATES))('is as it has to be where %s, and open again afterwards', async (_what, state) => {
    await state.apply();
    const [seen] = [await outcomes(), await state.undo()];
    expect(seen).toEqual(expected(state.reason));
    expect(await outcomes()).toEqual(GRANTED);
  });
});
