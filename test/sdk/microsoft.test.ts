import { describe, expect, it } from 'vitest';
import { protect as protectExpress } from '../../sdk/express.ts';
import { protect as protectFetch } from '../../sdk/fetch.ts';
import { createMicrosoftBridge, type MicrosoftBridgeOptions, microsoftChallenge } from '../../sdk/microsoft.ts';
import { encodeJson, ISSUER, keyPair, signJws } from '../support/builders.ts';
import {
  json,
  METADATA,
  METADATA_URL,
  outcomeOf,
  requestOf,
  signingKey,
  tokenOf,
  type VerifierWorld,
  verifierWorld,
} from './verifier-world.ts';

const RESOURCE = { clientId: '00000002-0000-0ff1-ce00-000000000000', realm: '5f0b3c52-6f0e-4c53-9a55-2f6f3f1b8d10' };
const NAMES = `realm="${RESOURCE.realm}",client_id="${RESOURCE.clientId}"`;
const TOKEN_ENDPOINT = `${ISSUER}/token`;

describe('a challenge', () => {
  it('names the realm first, and has no blank after a comma', () => {
    const trustedIssuers = [
      '00000001-0000-0000-c000-000000000000@*',
      'https://sts.windows.net/*/',
      `${RESOURCE.clientId}@contoso.example`,
    ];
    const authorizationUri = 'https://login.windows.net/common/oauth2/authorize';
    expect(microsoftChallenge(RESOURCE)).toBe(`Bearer ${NAMES}`);
    expect(microsoftChallenge({ ...RESOURCE, trustedIssuers, authorizationUri, error: 'invalid_token' })).toBe(
      `Bearer ${NAMES},trusted_issuers="${trustedIssuers.join(',')}",authorization_uri="${authorizationUri}",error="invalid_token"`,
    );
  });

  it('is read by a client made after the samples, which takes 36 characters behind a literal text', () => {
    const value = microsoftChallenge(RESOURCE);
    expect(value.slice(value.indexOf('Bearer realm="') + 14).slice(0, 36)).toBe(RESOURCE.realm);
  });

  it.each([
    { clientId: 'exchange' },
    { realm: 'a"b' },
    { realm: '*' },
    { trustedIssuers: ['a,b'] },
    { trustedIssuers: ['a\r\nx: y'] },
    { authorizationUri: 'http://login.example' },
    { authorizationUri: 'https://login.example/"' },
    { error: 'a"b' },
    { errorDescription: 'ä' },
  ])('is not made of %j', (changes) => {
    expect(() => microsoftChallenge({ ...RESOURCE, ...changes })).toThrow(TypeError);
  });
});

const ACTOR_CLAIMS = { nameid: `${RESOURCE.clientId}@contoso.example`, exp: '1800003600' };
const actorToken = async () => signJws(await keyPair('RS256', 'exchange'), { alg: 'RS256', x5t: 'x' }, ACTOR_CLAIMS);
const aboutUser = async () =>
  `${encodeJson({ alg: 'none', typ: 'JWT' })}.${encodeJson({ upn: 'kim@contoso.example', actortoken: await actorToken() })}.`;

interface Given extends VerifierWorld {
  /** What the token endpoint was asked. */
  readonly forms: URLSearchParams[];
  answer: () => Response | Promise<Response>;
  bridge(options?: Partial<MicrosoftBridgeOptions>): ReturnType<typeof createMicrosoftBridge>;
}

/** The answer for each token that is handed in: a token of the service with these claims. */
const given = async (claims: object = {}): Promise<Given> => {
  const world = await verifierWorld();
  const forms: URLSearchParams[] = [];
  const access_token = tokenOf(await signingKey(), claims);
  const made: Given = Object.assign(world, {
    forms,
    answer: () => json({ access_token, token_type: 'Bearer', expires_in: 600 }),
    bridge: (options: Partial<MicrosoftBridgeOptions> = {}) =>
      createMicrosoftBridge({
        ...{ ...RESOURCE, verifier: world.verifier(), resource: 'https://api.example.com/billing' },
        ...{ issuer: ISSUER, now: () => world.now },
        fetch: async (url, init) => {
          if (url === METADATA_URL) return json({ ...METADATA, token_endpoint: TOKEN_ENDPOINT });
          expect([url, init.method]).toEqual([TOKEN_ENDPOINT, 'POST']);
          forms.push(new URLSearchParams(String(init.body)));
          return made.answer();
        },
        ...options,
      }),
  });
  return made;
};

const answerTo = (verifier: ReturnType<typeof createMicrosoftBridge>, authorization?: string, scopes?: string[]) =>
  protectFetch(
    verifier,
    (_request, token) => Response.json({ client: token.clientId }),
    scopes && { scopes },
  )(requestOf(authorization));

describe('a bridge', () => {
  it.each([
    ['an actor token', actorToken],
    ['an unsigned token around one', aboutUser],
  ])('hands in %s, and lets in whom it gets a token about', async (_what, make) => {
    const world = await given();
    const token = await make();
    const verified = await world.bridge().verify(requestOf(`bearer ${token}`));
    expect(verified).toMatchObject({ clientId: 'crm', scopes: ['read', 'write'] });
    expect(world.forms.map((form) => Object.fromEntries(form))).toEqual([
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: token,
        resource: 'https://api.example.com/billing',
      },
    ]);
  });

  it('leaves tokens of the service to the verifier', async () => {
    const world = await given();
    expect(await outcomeOf(world.bridge().verify(requestOf(`Bearer ${tokenOf(await signingKey())}`)))).toBe('accepted');
    expect(world.forms).toEqual([]);
  });

  it('keeps what it was given for as long as it may, and asks once however many come at once', async () => {
    const world = await given();
    const [bridge, token] = [world.bridge(), await actorToken()];
    const ask = () => outcomeOf(bridge.verify(token));
    const gate = Promise.withResolvers<void>();
    const { answer } = world;
    world.answer = () => gate.promise.then(answer);
    const asked = Promise.all([ask(), ask(), ask()]);
    // Time enough for all three to have come.
    for (let turn = 0; turn < 50; turn += 1) await crypto.subtle.digest('SHA-256', new Uint8Array(1));
    gate.resolve();
    expect(await asked).toEqual(['accepted', 'accepted', 'accepted']);
    world.now += 299;
    expect([await ask(), world.forms.length]).toEqual(['accepted', 1]);
    world.now += 1;
    expect([await ask(), world.forms.length]).toEqual(['accepted', 2]);
  });

  it('keeps it no longer than the service says', async () => {
    const world = await given();
    const access_token = tokenOf(await signingKey());
    world.answer = () => json({ access_token, token_type: 'Bearer', expires_in: 60 });
    const [bridge, token] = [world.bridge(), await actorToken()];
    await bridge.verify(token);
    world.now += 60;
    expect([await outcomeOf(bridge.verify(token)), world.forms.length]).toEqual(['accepted', 2]);
  });

  it('asks for each token by itself', async () => {
    const world = await given();
    const bridge = world.bridge();
    for (const token of [await actorToken(), await aboutUser()]) await bridge.verify(token);
    expect(world.forms.length).toBe(2);
  });

  it('asks once more where the token that it kept is no longer good', async () => {
    const world = await given();
    const [bridge, token] = [world.bridge({ keepSeconds: 3_600 }), await actorToken()];
    await bridge.verify(token);
    const other = await keyPair('ES256', 'sign-2');
    world.keys = [other];
    world.now += 599;
    const access_token = tokenOf(other, { exp: world.now + 60 });
    world.answer = () => json({ access_token, token_type: 'Bearer', expires_in: 60 });
    expect([await outcomeOf(bridge.verify(token)), world.forms.length]).toEqual(['accepted', 2]);
  });

  it('never lets in beyond the end of what it was given', async () => {
    const world = await given();
    const [bridge, token] = [world.bridge({ keepSeconds: 3_600 }), await actorToken()];
    await bridge.verify(token);
    world.now += 661;
    expect(await outcomeOf(bridge.verify(token))).toBe('invalid_token: expired');
  });

  it.each([undefined, 'Bearer', 'Bearer ', 'bearer  ', 'Basic abc'])(
    'answers %j with the challenge alone',
    async (shown) => {
      const world = await given();
      const refused = await answerTo(world.bridge(), shown);
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, `Bearer ${NAMES}`]);
      expect([refused.headers.get('x-ms-diagnostics'), world.forms]).toEqual([null, []]);
    },
  );

  it('answers several tokens in one header as a request that nobody understands', async () => {
    const world = await given();
    const token = await actorToken();
    const refused = await answerTo(world.bridge(), `Bearer ${token}, Bearer ${token}`);
    expect([refused.status, world.forms]).toEqual([400, []]);
  });

  it.each([
    [400, 'invalid_grant'],
    [400, 'invalid_target'],
    [401, 'invalid_client'],
  ])('answers a token that the service refuses with %i %s with 401, in both languages', async (status, error) => {
    const world = await given();
    world.answer = () => json({ error, error_description: 'The assertion is not valid.' }, status);
    const refused = await answerTo(world.bridge(), `Bearer ${await actorToken()}`);
    const words = 'The access token is not valid here.';
    expect([refused.status, refused.headers.get('www-authenticate'), refused.headers.get('x-ms-diagnostics')]).toEqual([
      401,
      `Bearer ${NAMES},error="invalid_token",error_description="${words}"`,
      `2000001;reason="${words}";error_category="invalid_token"`,
    ]);
    expect(await outcomeOf(world.bridge().verify(await actorToken()))).toBe(`invalid_token: trade_${error}`);
  });

  it('answers 403 where the partner was not granted enough', async () => {
    const world = await given({ scope: 'read' });
    const refused = await answerTo(world.bridge(), `Bearer ${await actorToken()}`, ['write']);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      403,
      expect.stringContaining(`Bearer ${NAMES},error="insufficient_scope"`),
    ]);
  });

  it.each<[string, () => Response, string]>([
    ['503', () => new Response('', { status: 503, headers: { 'retry-after': '7' } }), '7'],
    ['429', () => new Response('{}', { status: 429, headers: { 'retry-after': '86400' } }), '300'],
    ['500', () => json({ error: 'invalid_grant' }, 500), '1'],
    ['403 of a proxy', () => new Response('<html>', { status: 403 }), '1'],
    ['200 without a token', () => json({ token_type: 'Bearer' }), '1'],
    ['500 with a token', () => json({ access_token: 'x', token_type: 'Bearer', expires_in: 600 }, 500), '1'],
    ['302', () => new Response('', { status: 302, headers: { location: 'https://evil.example' } }), '1'],
  ])('answers 503 where the service answers %s, and never 401', async (_what, answer, wait) => {
    const world = await given();
    world.answer = answer;
    const away = await answerTo(world.bridge(), `Bearer ${await actorToken()}`);
    expect([away.status, away.headers.get('retry-after'), away.headers.get('www-authenticate')]).toEqual([
      ...[503, wait, null],
    ]);
  });

  it('answers 503 where the service cannot be reached, without a word of the token', async () => {
    const world = await given();
    const token = await actorToken();
    const fetch = () => Promise.reject(new TypeError('fetch failed'));
    const failure = await world
      .bridge({ fetch, tokenEndpoint: TOKEN_ENDPOINT })
      .verify(token)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'Unavailable', status: 503, what: 'token' });
    expect(JSON.stringify([failure, String(failure)])).not.toContain(token.slice(0, 40));
  });

  it('leaves what DPoP needs to say to the verifier', async () => {
    const world = await given();
    const key = await keyPair('ES256', 'client');
    const bound = tokenOf(await signingKey(), { cnf: { jkt: key.thumbprint } });
    for (const scheme of ['DPoP', 'Bearer']) {
      const refused = await answerTo(world.bridge(), `${scheme} ${bound}`);
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, expect.stringMatching(/^DPoP /)]);
    }
  });

  it('stands in Express as a verifier does', async () => {
    const world = await given();
    const headers: Record<string, string> = {};
    let status = 0;
    const response = {
      locals: {},
      ...{ status: (code: number) => (status = code), end: () => undefined },
      setHeader: (name: string, value: string) => (headers[name] = value),
    };
    const request = { method: 'GET', protocol: 'https', originalUrl: '/', headers: { host: 'api.example.com' } };
    await protectExpress(world.bridge())(request, response, () => undefined);
    expect([status, headers['www-authenticate']]).toEqual([401, `Bearer ${NAMES}`]);
  });

  it.each<[Partial<MicrosoftBridgeOptions>, string]>([
    [{ realm: 'a"b' }, 'realm'],
    [{ tokenEndpoint: 'http://sts.example.com/token' }, 'tokenEndpoint'],
    [{ issuer: 'sts' }, 'issuer'],
    [{ resource: '' }, 'resource'],
    [{ keepSeconds: 3_601 }, 'keepSeconds'],
    [{ keepSeconds: Number.NaN }, 'keepSeconds'],
  ])('is not made with %j', async (options, problem) => {
    const world = await given();
    expect(() => world.bridge(options)).toThrow(problem);
  });

  it('needs to know where tokens are handed in', async () => {
    const verifier = (await given()).verifier();
    expect(() => createMicrosoftBridge({ ...RESOURCE, verifier, resource: 'https://api.example.com' })).toThrow(
      'issuer or tokenEndpoint',
    );
  });
});
