import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { untouchedRealm } from '../../functions/core/realm.ts';
import { publishRealm } from '../../functions/flows/publish-realm.ts';
import { Outage } from '../../functions/ports.ts';
import { discoveryRoute } from '../../functions/routes.ts';
import { httpEvent, ISSUER, keyPair, REALM, realmDefaults, ring, signingKey } from '../support/builders.ts';
import { issue } from '../support/certificate-authority.ts';
import { realmOf } from './admin-world.ts';
import { lambdaContext, type Observed, observe } from './observed.ts';

let observed: Observed;
beforeEach(() => {
  observed = observe();
});
afterEach(() => {
  vi.restoreAllMocks();
});

const ACME = realmOf('acme', { aliases: ['acme.example'], enabled: false, policy: { algorithms: ['ES256'] } });
const MICROSOFT = {
  ...{
    applicationId: '9d3cba71-5f0e-4b8c-9a1f-2f6de15b7c34',
    realms: ['contoso.example', 'fabrikam.example'] as const,
  },
  ...{ hosts: [], tokenHosts: [], users: 'registered' as const },
};
const CONTOSO = realmOf('contoso', { policy: { microsoft: MICROSOFT } });
const UNCERTIFIED = realmOf('uncertified', { policy: { microsoft: MICROSOFT } });
const { base64: certificate } = await issue({ name: 'contoso' });
const contosos = ring('RS256', [signingKey(await keyPair('RS256'), { certificates: [certificate] })], {
  realm: 'contoso',
});
const uncertified = ring('RS256', [signingKey(await keyPair('RS256'))], { realm: 'uncertified' });
const own = ring('RS256', [signingKey(await keyPair('RS256'))]);
const acmes = ring('ES256', [signingKey(await keyPair('ES256'))], { realm: 'acme' });

const publish = publishRealm(
  {
    realms: {
      find: async (name) => {
        if (name === REALM) return untouchedRealm(REALM);
        return [ACME, CONTOSO, UNCERTIFIED].find((realm) => [realm.name, ...realm.aliases].includes(name));
      },
    },
    rings: { list: async (realm) => [own, acmes, contosos, uncertified].filter((each) => each.realm === realm) },
    lists: { load: async (realm) => `signed.list.of-${realm}`, save: async () => undefined },
  },
  realmDefaults(),
);

/** The paths that API Gateway has routes for, and what it makes of them. */
const ROUTES = [
  /^\/(?:jwks|revoked-keys)$/,
  /^\/\.well-known\/(?:oauth-authorization-server|openid-configuration)$/,
  /^\/realms\/(?<realm>[^/]+)\/(?:jwks|revoked-keys|authorize|metadata\/json\/1|\.well-known\/openid-configuration)$/,
  /^\/\.well-known\/(?:oauth-authorization-server|openid-configuration)\/realms\/(?<realm>[^/]+)$/,
];

const get = (path: string, headers: Record<string, string> = {}, flow = publish) => {
  const match = ROUTES.map((route) => route.exec(path)).find((found) => found !== null);
  const event = httpEvent('GET', path, { headers });
  if (match?.groups?.realm !== undefined) event.pathParameters = { realm: match.groups.realm };
  const settings = { publish: flow, defaultRealm: REALM, jwksMaxAgeSeconds: 300, metadataMaxAgeSeconds: 3_600 };
  return discoveryRoute(observed.seen, settings)(event, lambdaContext());
};
const document = async (path: string) => JSON.parse((await get(path)).body ?? '') as Record<string, unknown>;

describe('the published documents', () => {
  it.each([
    ['/jwks', 'application/json', 300],
    ['/realms/acme/jwks', 'application/json', 300],
    ['/revoked-keys', 'application/jwt', 60],
    ['/realms/acme/revoked-keys', 'application/jwt', 60],
    ['/.well-known/openid-configuration', 'application/json', 3_600],
    ['/.well-known/oauth-authorization-server', 'application/json', 3_600],
    ['/realms/acme/.well-known/openid-configuration', 'application/json', 3_600],
    ['/.well-known/openid-configuration/realms/acme', 'application/json', 3_600],
    ['/.well-known/oauth-authorization-server/realms/acme', 'application/json', 3_600],
  ])('are found at %s, each with its type and age', async (path, type, age) => {
    const { statusCode, headers } = await get(path);
    expect([statusCode, headers?.['content-type'], headers?.['cache-control']]).toEqual([
      200,
      type,
      `public, max-age=${age}, stale-if-error=3600`,
    ]);
  });

  it.each([
    ['', ISSUER, 'RS256'],
    ['/realms/default', ISSUER, 'RS256'],
    ['/realms/acme', `${ISSUER}/realms/acme`, 'ES256'],
    ['/realms/acme.example', `${ISSUER}/realms/acme`, 'ES256'],
  ])('of %s say one issuer in all of their places, and have its keys', async (realm, issuer, algorithm) => {
    const documents = await Promise.all([
      document(`${realm}/.well-known/openid-configuration`),
      document(`/.well-known/openid-configuration${realm}`),
      document(`/.well-known/oauth-authorization-server${realm}`),
    ]);
    for (const said of documents) {
      expect(said).toMatchObject({
        issuer,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        revoked_keys_uri: `${issuer}/revoked-keys`,
      });
    }
    expect((await document(`${realm}/jwks`)).keys).toMatchObject([{ alg: algorithm }]);
  });

  it('are found where the documents themselves say', async () => {
    for (const realm of ['', '/realms/acme']) {
      const said = await document(`/.well-known/openid-configuration${realm}`);
      for (const name of ['jwks_uri', 'revoked_keys_uri'] as const) {
        expect((await get(new URL(String(said[name])).pathname)).statusCode).toBe(200);
      }
    }
  });

  it.each(['/authorize', '/realms/acme/authorize'])('name an endpoint that authorizes nobody: %s', async (path) => {
    const { statusCode, headers, body } = await get(path);
    expect([statusCode, headers?.['cache-control'], JSON.parse(body ?? '').error]).toEqual([
      400,
      'no-store',
      'unsupported_response_type',
    ]);
    expect(headers).not.toHaveProperty('location');
  });

  it('of a realm are its own: no key and no list of another', async () => {
    const [set, other] = [await get('/jwks'), await get('/realms/acme/jwks')];
    expect(set.body).not.toBe(other.body);
    expect([(await get('/revoked-keys')).body, (await get('/realms/acme.example/revoked-keys')).body]).toEqual([
      'signed.list.of-default',
      'signed.list.of-acme',
    ]);
  });

  it('of a disabled realm are there: its tokens have to be verifiable until they end', async () => {
    expect([ACME.enabled, (await get('/realms/acme/jwks')).statusCode]).toEqual([false, 200]);
  });

  it.each(['/jwks', '/revoked-keys', '/realms/acme/jwks', '/.well-known/openid-configuration/realms/acme'])(
    'are not sent again to who has them: %s',
    async (path) => {
      const { headers } = await get(path);
      expect(await get(path, { 'if-none-match': String(headers?.etag) })).toMatchObject({ statusCode: 304 });
    },
  );

  it.each([
    ...[
      '/',
      '/jwks/',
      '/revoked-keys/',
      '/JWKS',
      '/jwks.json',
      '/__proto__',
      '/constructor',
      '/realms',
      '/realms/acme',
    ],
    ...['/realms//jwks', '/.well-known/openid-configuration/', '/.well-known/openid-configuration/realms/'],
  ])('are not found at %s', async (path) => {
    expect((await get(path)).statusCode).toBe(404);
  });

  it.each(['/realms/nobody/jwks', '/realms/__proto__/jwks', '/.well-known/oauth-authorization-server/realms/nobody'])(
    'are not there for a realm that is not: %s',
    async (path) => {
      const { statusCode, headers, body } = await get(path);
      expect([statusCode, headers?.['content-type'], headers?.['cache-control'], JSON.parse(body ?? '')]).toEqual([
        404,
        'application/problem+json',
        'no-store',
        { type: 'about:blank', title: 'Not Found', status: 404, detail: 'there is no such realm' },
      ]);
    },
  );

  it.each(['/jwks', '/revoked-keys', '/realms/acme/jwks'])(
    'are not cached while there is an outage: %s',
    async (path) => {
      const { statusCode, headers } = await get(path, {}, () =>
        Promise.reject(new Outage('dynamodb:Query', new Error('x'))),
      );
      expect([statusCode, headers?.['cache-control'], headers?.['retry-after']]).toEqual([503, 'no-store', '2']);
    },
  );
});

describe('the document for servers of the Microsoft profile', () => {
  const at = (path: string, query?: Record<string, string>, ifNoneMatch?: string) => {
    const event = httpEvent('GET', path, {
      headers: ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch },
    });
    const [, realm] = /^\/realms\/([^/]+)/.exec(path) ?? [];
    if (realm !== undefined) event.pathParameters = { realm };
    if (query !== undefined) event.queryStringParameters = query;
    const settings = { publish, defaultRealm: REALM, jwksMaxAgeSeconds: 300, metadataMaxAgeSeconds: 86_400 };
    return discoveryRoute(observed.seen, settings)(event, lambdaContext());
  };
  const CONTOSOS = '/realms/contoso/metadata/json/1';

  it('is JSON in UTF-8, kept for as long as keys are, with an ETag that says whether it is still the same', async () => {
    const { statusCode, headers, body } = await at(CONTOSOS);
    expect([statusCode, headers?.['content-type'], headers?.['cache-control']]).toEqual([
      ...[200, 'application/json; charset=utf-8', 'public, max-age=300, stale-if-error=3600'],
    ]);
    expect(JSON.parse(body ?? '')).toMatchObject({ issuer: `${MICROSOFT.applicationId}@contoso.example` });
    expect((await at(CONTOSOS, undefined, String(headers?.etag))).statusCode).toBe(304);
  });

  it.each(['contoso.example', 'fabrikam.example'])(
    'is the same one where it is asked for by the realm %s',
    async (realm) => {
      expect(await at(CONTOSOS, { realm })).toEqual(await at(CONTOSOS));
    },
  );

  it.each<[string, Record<string, string> | undefined]>([
    ['/metadata/json/1', undefined],
    ['/realms/acme/metadata/json/1', undefined],
    ['/realms/nobody/metadata/json/1', undefined],
    [CONTOSOS, { realm: '' }],
    [CONTOSOS, { realm: '*' }],
    [CONTOSOS, { realm: 'CONTOSO.example' }],
    [CONTOSOS, { realm: 'contoso' }],
    [CONTOSOS, { realm: 'contoso.example,fabrikam.example' }],
  ])('is not there at %s with the query %j', async (path, query) => {
    expect((await at(path, query)).statusCode).toBe(404);
  });

  it('is an outage while the key that signs has no certificate', async () => {
    expect((await at('/realms/uncertified/metadata/json/1')).statusCode).toBe(503);
  });
});
