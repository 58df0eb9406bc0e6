/**
 * What is left of thirty requests: one audit record for each decision and none for anything else, with what an auditor asks
 * for in it; metrics that add up; and no line that holds a piece of an assertion, a token, a private key or a secret.
 */

import { decodeJwt, decodeProtectedHeader, exportJWK, exportPKCS8 } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decisionOn, decisions, logLines } from '../support/decisions.ts';
import {
  administer,
  assertionOf,
  makePartner,
  mustCreate,
  populate,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
  type World,
} from '../support/service.ts';

interface Played {
  readonly name: string;
  readonly requestId: string;
  readonly status: number;
  readonly body: Record<string, unknown>;
  /** `granted`, the reason of the refusal, or nothing where API Gateway let no function of ours decide. */
  readonly expected: string | undefined;
}

let service: Service;
let world: World;
let rsa: TestPartner;
/** Everything that must be in no log. */
const secrets: string[] = [];
let played: readonly Played[];
/** The assertion of the first request. */
let firstAssertion: string;

const keep = (secret: string): string => {
  secrets.push(secret);
  return secret;
};

const assertion = async (partner: TestPartner, claims: object = {}, header: object = {}): Promise<string> =>
  keep(await assertionOf(partner, service.issuer, { claims, header }));

const play = async (
  name: string,
  expected: string | undefined,
  path: string,
  options: RequestInit = {},
): Promise<Played> => {
  const answer = await fetch(new URL(path, service.deployment.url), options);
  const body = (await answer.json()) as Record<string, unknown>;
  if (typeof body.access_token === 'string') keep(body.access_token);
  return { name, requestId: answer.headers.get('apigw-requestid') ?? '', status: answer.status, body, expected };
};

const ask = (name: string, expected: string, form: URLSearchParams | string, headers: Record<string, string> = {}) =>
  play(name, expected, '/token', {
    method: 'POST',
    body: form.toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  });

const show = (name: string, expected: string | undefined, authorization: string | undefined) =>
  play(name, expected, '/whoami', { headers: authorization === undefined ? {} : { authorization } });

/** Parameters of the usual request, each of which a mixed-up client may have filled with the wrong thing. */
const mixedUp = async (name: string): Promise<URLSearchParams> => {
  const form = tokenForm(await assertion(world.client));
  form.set(name, await assertion(world.client));
  return form;
};

const tokenRequests = async (used: string): Promise<Played[]> => {
  const { client, audience } = world;
  const first = await ask('a token', 'granted', tokenForm(used, { resource: audience }));
  const secret = keep('s3cr3t-of-a-client-that-mixes-things-up');
  return [
    first,
    await ask('a token for RSA', 'granted', tokenForm(await assertion(rsa))),
    await ask(
      'a token with scope and client_id',
      'granted',
      tokenForm(await assertion(client), { scope: 'read', client_id: 'crm' }),
    ),
    await ask('a replay', 'assertion_replayed', tokenForm(used)),
    await ask('no grant type', 'parameter_missing', ''),
    await ask('another grant type', 'grant_type_unsupported', new URLSearchParams({ grant_type: secret })),
    await ask('a secret in the body', 'parameter_missing', `grant_type=client_credentials&client_secret=${secret}`),
    await ask('a secret in the header', 'secret_unknown', 'grant_type=client_credentials', {
      authorization: `Basic ${keep(btoa(`crm:${secret}`))}`,
    }),
    await ask('a secret for a scheme', 'client_auth_scheme_unsupported', 'grant_type=client_credentials', {
      authorization: secret,
    }),
    await ask('no authentication', 'client_auth_missing', 'grant_type=client_credentials'),
    await ask('an assertion for a client_id', 'parameter_too_long', await mixedUp('client_id')),
    await ask('an assertion for an assertion type', 'parameter_too_long', await mixedUp('client_assertion_type')),
    await ask('an assertion for a scope', 'scope_malformed', await mixedUp('scope')),
    await ask('an assertion for a resource', 'resource_malformed', await mixedUp('resource')),
    await ask(
      'a short assertion for a client_id',
      'client_id_mismatch',
      tokenForm(await assertion(client), { client_id: keep((await assertion(client)).slice(0, 200)) }),
    ),
    await ask('an expired assertion', 'assertion_expired', tokenForm(await assertion(client, { iat: 1, exp: 2 }))),
    await ask(
      'an assertion for elsewhere',
      'assertion_audience',
      tokenForm(await assertion(client, { aud: 'https://x.example' })),
    ),
    await ask(
      'an assertion by a stranger',
      'client_unknown',
      tokenForm(await assertion(client, { iss: 'eve', sub: 'eve' })),
    ),
    await ask(
      'an assertion by an unknown key',
      'assertion_key_unknown',
      tokenForm(await assertion(client, {}, { kid: 'x' })),
    ),
    await ask(
      'an unknown resource',
      'resource_unknown',
      tokenForm(await assertion(client), { resource: 'https://x.example' }),
    ),
    await ask(
      'a scope that is not granted',
      'scope_not_granted',
      tokenForm(await assertion(client), { scope: 'write' }),
    ),
    await ask('an access token for an assertion', 'assertion_typ', tokenForm(String(first.body.access_token))),
  ];
};

const resourceRequests = async (token: string): Promise<Played[]> => [
  await show('a good token', 'granted', `Bearer ${token}`),
  await show('the same token again', 'granted', `Bearer ${token}`),
  await show('a token that was changed', 'token_signature', `Bearer ${keep(`${token.slice(0, -10)}AAAAAAAAAA`)}`),
  await show('an assertion for a token', 'token_typ', `Bearer ${await assertion(world.client)}`),
  await show('another scheme', 'token_missing', `Basic ${token}`),
  await show('no token', undefined, undefined),
  await play('the key set', undefined, '/jwks'),
  await play('no such path', undefined, `/token/${token}`, { method: 'POST' }),
];

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
  rsa = await makePartner('payroll', 'RS256');
  await mustCreate(service, '/partners', { id: rsa.id, jwks: { keys: [rsa.publicJwk] } });
  await mustCreate(service, '/grants', { client: rsa.id, audience: world.audience, scopes: ['read'] });
  // A private key that an operator registers by mistake is refused, and must not be on record for it.
  const leaked = { ...(await exportJWK(rsa.privateKey)), kid: 'leaked' };
  expect((await administer(service, 'POST', '/partners', { id: 'leak', jwks: { keys: [leaked] } })).status).toBe(400);
  for (const { privateKey } of [world.client, world.owner, rsa]) {
    keep(String((await exportJWK(privateKey)).d));
    keep((await exportPKCS8(privateKey)).split('\n').slice(1, -2).join(''));
  }
  const { secretAccessKey, sessionToken } = service.deployment.operator;
  keep(secretAccessKey);
  if (sessionToken !== undefined) keep(sessionToken);
  firstAssertion = await assertion(world.client);
  const requests = await tokenRequests(firstAssertion);
  const token = String(requests[0]?.body.access_token);
  played = [...requests, ...(await resourceRequests(token))];
});
afterAll(() => service[Symbol.asyncDispose]());

const decided = () => played.filter(({ expected }) => expected !== undefined);
const settled = () =>
  vi.waitFor(() => expect(decisions(service).length).toBeGreaterThanOrEqual(decided().length), {
    timeout: 10_000,
    interval: 5,
  });

describe('the record of a decision', () => {
  it('is there once for each request that was decided, and for no other', async () => {
    expect(played).toHaveLength(30);
    await settled();
    expect(
      decisions(service)
        .map(({ requestId }) => requestId)
        .sort(),
    ).toEqual(
      decided()
        .map(({ requestId }) => requestId)
        .sort(),
    );
  });

  it('says what was decided, and why not', async () => {
    const found = await Promise.all(
      decided().map(async ({ name, requestId }) => {
        const { action, decision, refusal } = await decisionOn(service, requestId);
        return [name, action, decision, refusal?.reason ?? 'granted'];
      }),
    );
    expect(found).toEqual(
      decided().map(({ name, body, expected }) => [
        name,
        'message' in body || 'client_id' in body ? 'check-token' : 'issue-token',
        expected === 'granted' ? 'granted' : 'refused',
        expected,
      ]),
    );
  });

  it('of a token says who got what, by which grant, proved how and signed by which key', async () => {
    const issued = played.find(({ name }) => name === 'a token');
    const token = String(issued?.body.access_token);
    const { jti, exp } = decodeJwt(token);
    const record = await decisionOn(service, issued?.requestId ?? '');
    expect(record).toEqual({
      action: 'issue-token',
      decision: 'granted',
      requestId: issued?.requestId,
      facts: {
        realm: 'default',
        grantType: 'client_credentials',
        client: 'crm',
        method: 'private_key_jwt',
        clientKey: 'crm-key',
        subject: 'crm',
        assertionId: decodeJwt(firstAssertion).jti,
        audience: world.audience,
        scopes: ['read'],
        kid: decodeProtectedHeader(token).kid,
        tokenId: jti,
        expiresAt: exp,
      },
    });
  });

  it('of a refusal says who asked for what, with the evidence', async () => {
    const refused = played.find(({ name }) => name === 'a scope that is not granted');
    expect(await decisionOn(service, refused?.requestId ?? '')).toEqual({
      action: 'issue-token',
      decision: 'refused',
      refusal: { reason: 'scope_not_granted', asked: ['write'], granted: ['read'] },
      requestId: refused?.requestId,
      facts: {
        realm: 'default',
        grantType: 'client_credentials',
        client: 'crm',
        method: 'private_key_jwt',
        clientKey: 'crm-key',
        subject: 'crm',
        assertionId: expect.any(String),
        scopes: ['write'],
      },
    });
  });

  it('of a token that was shown says whose it is and where it was shown', async () => {
    const shown = played.find(({ name }) => name === 'a good token');
    const { requestId, facts } = await decisionOn(service, shown?.requestId ?? '');
    const issued = await decisionOn(service, played[0]?.requestId ?? '');
    expect(requestId).toBe(shown?.requestId);
    const { kid, tokenId, expiresAt } = issued.facts;
    expect(facts).toEqual({ realm: 'default', client: 'crm', audience: world.audience, kid, tokenId, expiresAt });
  });

  it('is a warning where it is a refusal, and has a time', async () => {
    await settled();
    for (const line of logLines(service).filter(({ message }) => message === 'decision')) {
      const { decision } = line.audit as { decision: string };
      expect(line.level).toBe(decision === 'granted' ? 'INFO' : 'WARN');
      expect(line.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(line.function_request_id).toEqual(expect.any(String));
    }
  });
});

describe('the record of an administrative act', () => {
  it('says who did what and how it ended, and holds no key', async () => {
    const records = await vi.waitFor(() => {
      const found = logLines(service).filter(({ message }) => message === 'administration');
      expect(found).toHaveLength(7);
      return found.map(({ audit }) => audit as Record<string, unknown>);
    });
    for (const record of records) {
      expect(record).toEqual({
        requestId: expect.any(String),
        operator: expect.stringMatching(/^arn:aws:sts::\d{12}:assumed-role\//),
        method: 'POST',
        path: expect.stringMatching(/^\/admin\/realms\/default\/(partners|audiences|grants)$/),
        status: expect.any(Number),
        ...(Number(record.status) < 300 ? { change: expect.any(Object), outcome: expect.any(Object) } : {}),
      });
    }
    const { kid } = world.client.publicJwk;
    expect(records.map(({ outcome }) => outcome)).toContainEqual({
      id: 'crm',
      version: 1,
      keys: [{ kid, thumbprint: expect.stringMatching(/^[\w-]{43}$/) }],
      claims: [],
    });
    expect(records.map(({ change }) => change)).toContainEqual({
      client: 'crm',
      audience: world.audience,
      scopes: ['read'],
    });
    expect(records.map(({ status }) => status).sort()).toEqual([201, 201, 201, 201, 201, 201, 400]);
  });
});

describe('the metrics', () => {
  it('are in embedded metric format and add up to the decisions', async () => {
    const of = (action: string, decision: string): number =>
      decisions(service).filter((each) => each.action === action && each.decision === decision).length;
    await settled();
    const totals = await vi.waitFor(
      () => {
        const found = metricTotals();
        expect(found.TokensIssued).toBe(of('issue-token', 'granted'));
        expect(found.TokensRefused).toBe(of('issue-token', 'refused'));
        expect(found.TokensAccepted).toBe(of('check-token', 'granted'));
        expect(found.TokensRejected).toBe(of('check-token', 'refused'));
        return found;
      },
      { timeout: 10_000, interval: 5 },
    );
    expect(totals).toMatchObject({ TokensIssued: 3, TokensRefused: 19, TokensAccepted: 2, TokensRejected: 3 });
    expect(totals.Faults).toBeUndefined();
    expect(totals.Outages).toBeUndefined();
  });

  it('name the reason of a refusal', () => {
    const reasons = metricLines().map(({ reason }) => reason);
    expect(reasons).toContain('assertion_replayed');
    expect(reasons).toContain('token_signature');
  });
});

interface MetricLine extends Record<string, unknown> {
  readonly _aws: {
    readonly Timestamp: number;
    readonly CloudWatchMetrics: readonly { Namespace: string; Metrics: { Name: string; Unit: string }[] }[];
  };
}

const metricLines = (): MetricLine[] => logLines(service).filter((line): line is MetricLine => '_aws' in line);

const metricTotals = (): Record<string, number> => {
  const totals: Record<string, number> = {};
  for (const line of metricLines()) {
    expect(Number.isSafeInteger(line._aws.Timestamp)).toBe(true);
    for (const { Namespace, Metrics } of line._aws.CloudWatchMetrics) {
      expect(Namespace).toBe('Countersign');
      for (const { Name } of Metrics) totals[Name] = (totals[Name] ?? 0) + [line[Name]].flat().reduce(sum, 0);
    }
  }
  return totals;
};

const sum = (total: number, value: unknown): number => total + Number(value);

describe('the log of every function', () => {
  it('holds no piece of an assertion, a token, a private key or a secret', async () => {
    await settled();
    const length = 20;
    const pieces = new Set(
      secrets.flatMap((secret) =>
        Array.from({ length: Math.max(0, secret.length - length + 1) }, (_, at) => secret.slice(at, at + length)),
      ),
    );
    expect(pieces.size).toBeGreaterThan(5_000);
    expect(service.logs.length).toBeGreaterThan(50);
    const leaks = service.logs.filter((line) =>
      Array.from({ length: Math.max(0, line.length - length + 1) }, (_, at) => line.slice(at, at + length)).some(
        (piece) => pieces.has(piece),
      ),
    );
    expect(leaks).toEqual([]);
  });

  it('is JSON, line by line, so that it can be searched', async () => {
    await settled();
    const others = service.logs.filter((line) => !line.startsWith('{') && !line.includes('ExperimentalWarning'));
    expect(others).toEqual([]);
  });
});
