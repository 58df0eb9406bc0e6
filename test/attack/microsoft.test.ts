/**
 * Attacks on the Microsoft profile over HTTP, against the running service: tokens of one kind shown as another, unsigned claims that want to
 * be believed, texts that want to break a parser, names that want to be somebody else's.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLOCK, fixtureText } from '../microsoft/fixtures.ts';
import { LEGACY, MODERN, mustAnswer, post, type RawAnswer, show, startRecipients } from '../microsoft/service.ts';
import { actorToken, around, changed, encode, GOOD, headerOf, signed, tokenOf } from '../microsoft/tokens.ts';
import { decisionOn, logLines } from '../support/decisions.ts';
import { callAdmin, type Service } from '../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await startRecipients();
}, 240_000);
afterAll(() => service[Symbol.asyncDispose]());

const POOL = 'https://sfbpool.contoso.example';
const APPLICATION = tokenOf(GOOD.application.draft);
const USER = tokenOf(GOOD.user.draft);
const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt';
const EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const CLIENT_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

const reasonOf = async ({ headers }: RawAnswer): Promise<string> => {
  const { decision, refusal } = await decisionOn(service, headers.get('apigw-requestid'));
  const inner = (refusal?.because ?? refusal) as { readonly reason: string; readonly fault?: string } | undefined;
  return inner?.fault ?? inner?.reason ?? decision;
};

const claimsOf = ({ body }: RawAnswer): Record<string, unknown> =>
  JSON.parse(Buffer.from(String(body.access_token).split('.')[1] ?? '', 'base64url').toString());

describe('an actor token is none of', () => {
  const as: readonly [string, Record<string, string>][] = [
    [
      'a client assertion',
      { grant_type: 'client_credentials', client_assertion_type: CLIENT_ASSERTION, client_assertion: APPLICATION },
    ],
    [
      'a client assertion of the client that it names',
      {
        ...{ grant_type: 'client_credentials', client_id: 'exchange' },
        ...{ client_assertion_type: CLIENT_ASSERTION, client_assertion: APPLICATION },
      },
    ],
    [
      'what proves the client and its grant at once',
      {
        ...{ grant_type: LEGACY, assertion: APPLICATION },
        ...{ client_assertion_type: CLIENT_ASSERTION, client_assertion: APPLICATION },
      },
    ],
    [
      'a subject token by itself',
      { grant_type: EXCHANGE_GRANT, subject_token: APPLICATION, subject_token_type: JWT_TYPE },
    ],
    [
      'a client secret',
      { grant_type: LEGACY, assertion: APPLICATION, client_id: 'exchange', client_secret: APPLICATION },
    ],
  ];

  it.each(as)('%s', async (_what, form) => {
    const answer = await post(service, 'lync', { resource: POOL, ...form });
    expect([answer.status, answer.body.access_token]).not.toEqual([200, expect.anything()]);
    expect(answer.status).toBeLessThan(500);
    expect(answer.text).not.toContain(APPLICATION.slice(0, 40));
  });
});

describe('a token of today that its maker has signed with the same certificate', () => {
  const { claims } = GOOD.application.draft;
  const modern = { ...claims, sub: claims.iss, jti: 'one', iat: CLOCK, nbf: CLOCK, exp: CLOCK + 60 };

  it.each([
    ['an access token', { typ: 'at+jwt' }, modern, 'unsupported_typ'],
    ['a DPoP proof', { typ: 'dpop+jwt' }, modern, 'unsupported_typ'],
    ['a logout token', { typ: 'logout+jwt' }, modern, 'unsupported_typ'],
    [
      'a client assertion',
      {},
      { ...modern, aud: 'https://sts.example.com', nameid: undefined },
      'issuer_not_authorized_for_actor',
    ],
    ['an assertion for another audience', {}, { ...modern, aud: [claims.aud] }, 'audience_malformed'],
  ])('is no actor token: %s', async (_what, header, body, reason) => {
    const token = tokenOf(changed(GOOD.application.draft, { header, claims: body }));
    const answer = await show(service, 'lync', token);
    expect([answer.status, answer.body.error, await reasonOf(answer)]).toEqual([400, 'invalid_grant', reason]);
  });
});

describe('claims beside those of the profile', () => {
  const asked = {
    ...{ act: { sub: 'admin' }, may_act: { sub: 'hrapp' }, sub: 'admin', client_id: 'hrapp', scope: 'read admin' },
    ...{ actor: 'admin', actort: APPLICATION, sub_id: { format: 'iss_sub', iss: 'x', sub: 'admin' }, oid: 'admin' },
    ...{ roles: ['admin'], isloopback: 'true', ver: 'hashedprooftoken', trustedfordelegation: 'true' },
  };

  it('say nothing in the unsigned part', async () => {
    const answer = await show(service, 'lync', tokenOf(changed(GOOD.user.draft, { outer: asked })));
    const plain = await show(service, 'lync', USER);
    const { jti: _one, ...claims } = claimsOf(answer);
    const { jti: _other, ...known } = claimsOf(plain);
    expect(claims).toEqual({ ...known, iat: claims.iat, exp: claims.exp });
    expect(claims).toMatchObject({ sub: 'kim', client_id: 'exchange', act: { sub: 'exchange' }, scope: 'read' });
  });

  it('say nothing in the signed part either', async () => {
    const answer = await show(service, 'lync', tokenOf(changed(GOOD.application.draft, { claims: asked })));
    expect(claimsOf(answer)).toMatchObject({ sub: 'exchange', client_id: 'exchange', scope: 'read' });
    expect(Object.keys(claimsOf(answer))).not.toEqual(expect.arrayContaining(['act']));
  });
});

describe('a text that wants to break the parser', () => {
  const unsigned = (payload: string): string =>
    `${encode({ typ: 'JWT', alg: 'none' })}.${Buffer.from(payload).toString('base64url')}.`;
  const inner = actorToken(GOOD.user.draft);
  const texts: readonly [string, string][] = [
    ['lists in lists', unsigned(`{"a":${'['.repeat(2_000)}${']'.repeat(2_000)}}`)],
    ['objects in objects', unsigned(`${'{"a":'.repeat(900)}1${'}'.repeat(900)}`)],
    ['lists that do not end', unsigned('['.repeat(5_000))],
    ['a text that does not end', unsigned(`{"a":"${'\\'.repeat(4_999)}`)],
    ['many members', unsigned(`{${Array.from({ length: 500 }, (_, at) => `"a${at}":1`).join()}}`)],
    ['numbers beyond measure', unsigned(`{"exp":${'9'.repeat(4_000)}}`)],
    ['a prototype for claims', unsigned('{"__proto__":{"actortoken":"a.b.c"}}')],
    ['a constructor for claims', unsigned('{"constructor":{"prototype":{"actortoken":"a.b.c"}}}')],
    ['a prototype for the header', `${Buffer.from('{"__proto__":{"alg":"none"}}').toString('base64url')}.e30.`],
    ['only dots', '.'.repeat(8_000)],
    ['nothing but a header', `${encode({ alg: 'none' })}..`],
    ['a token in itself', around(GOOD.user.draft, around(GOOD.user.draft, inner))],
    ['signed nonsense', signed('exchange', JSON.stringify(headerOf('exchange')), '[]')],
  ];

  it.each(texts)('is refused like any other: %s', async (_what, token) => {
    const first = performance.now();
    for (const grantType of [LEGACY, MODERN]) {
      const answer = await post(service, 'lync', { grant_type: grantType, assertion: token });
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
    }
    expect(performance.now() - first).toBeLessThan(5_000);
  });

  it('is refused as a request where it is longer than any token', async () => {
    const answer = await show(
      service,
      'lync',
      around(changed(GOOD.user.draft, { outer: { pad: 'a'.repeat(7_000) } }), inner),
    );
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request']);
  });

  it('that has a prototype of its own beside good claims is worth what these are', async () => {
    const { outer, claims } = GOOD.user.draft as { outer: object; claims: object };
    const text = JSON.stringify({ ...outer, actortoken: inner }).replace(
      '{',
      '{"__proto__":{"upn":"admin@contoso.example"},',
    );
    expect(claimsOf(await show(service, 'lync', unsigned(text)))).toMatchObject({ sub: 'kim' });
    const header = JSON.stringify(headerOf('exchange'));
    const forged = JSON.stringify({ ...claims, trustedfordelegation: undefined }).replace(
      '{',
      '{"__proto__":{"trustedfordelegation":"true"},',
    );
    const answer = await show(service, 'lync', around(GOOD.user.draft, signed('exchange', header, forged)));
    expect(await reasonOf(answer)).toBe('delegation_not_allowed');
  });
});

describe('what a client may call itself', () => {
  it.each([
    ['another partner', 'hrapp'],
    ['a text with lines', 'exchange\nhrapp'],
    ['a prototype', '__proto__'],
    ['the token itself', APPLICATION],
  ])('is not %s', async (_what, clientId) => {
    const answer = await show(service, 'lync', APPLICATION, { client_id: clientId });
    expect([answer.status, answer.body.access_token]).toEqual([400, undefined]);
  });
});

describe('users as servers state them', () => {
  const SID = 's-1-5-21-1004336348-1177238915-682003330-1104';
  const only = (claims: object) =>
    tokenOf(
      changed(GOOD.user.draft, {
        outer: { nii: undefined, nameid: undefined, upn: undefined, smtp: undefined, sip: undefined, ...claims },
      }),
    );

  beforeAll(async () => {
    const { version, policy } = await mustAnswer(service, 'GET', '/lync');
    const microsoft = { ...(policy as { microsoft: object }).microsoft, users: 'as-stated' };
    await mustAnswer(service, 'PATCH', '/lync', { version, policy: { ...(policy as object), microsoft } });
    await mustAnswer(service, 'POST', '/lync/partners', { id: SID });
    // The reader has the realm in its cache for a while: a user that is not registered makes it look again.
    expect((await show(service, 'lync', only({ upn: 'nobody@contoso.example' }))).status).toBe(200);
  });

  it('are none that is named like a partner', async () => {
    const answer = await show(
      service,
      'lync',
      only({ nameid: SID.toUpperCase(), nii: 'urn:office:idp:activedirectory' }),
    );
    expect(await reasonOf(answer)).toBe('user_is_partner');
  });

  it('have one name, however it is written', async () => {
    const subjects = [];
    for (const upn of ['Eve@Contoso.Example', 'eve@contoso.example', 'EVE@CONTOSO.EXAMPLE'])
      subjects.push(claimsOf(await show(service, 'lync', only({ upn }))).sub);
    expect(new Set(subjects)).toEqual(new Set(['eve@contoso.example']));
    for (const upn of [
      ' eve@contoso.example',
      'eve@contoso.example\u0000',
      '\u212Ave@contoso.example',
      ['eve@contoso.example'],
    ])
      expect(await reasonOf(await show(service, 'lync', only({ upn })))).toBe('user_identity_missing');
  });
});

describe('what an operator is asked to register', () => {
  const admin = (method: string, path: string, body?: object) =>
    callAdmin(service, method, `/admin/realms/${path}`, body);
  const upn = 'mallory@contoso.example';

  it.each(['__proto__', 'constructor%2F..', 'exchange', 'csec_abc', 'a'.repeat(257), '%00'])(
    'is no user with the id %s',
    async (id) => {
      const { status } = await admin('PUT', `sharepoint/users/${id === 'exchange' ? 'hrapp' : id}`, { upn });
      expect([400, 404, 409, 422]).toContain(status);
    },
  );

  it('is no second partner with the same certificate, issuer or name of a user', async () => {
    const certificate = fixtureText('exchange-test-cert.pem');
    const other = { id: 'other', issuer: '00000002-0000-0ff1-ce00-000000000000@fabrikam.example', microsoft: {} };
    expect((await admin('POST', 'reserved/partners', { ...other, credentials: [{ certificate }] })).status).toBe(409);
    expect(
      (
        await admin('POST', 'reserved/partners', {
          ...other,
          issuer: '00000002-0000-0ff1-ce00-000000000000@contoso.example',
        })
      ).status,
    ).toBe(409);
    expect((await admin('POST', 'reserved/partners', { id: 'kim' })).status).toBe(409);
  });

  it.each([
    ['more realms than there may be', { realms: Array.from({ length: 11 }, (_, at) => `r${at}.example`) }],
    ['more hosts than there may be', { hosts: Array.from({ length: 51 }, (_, at) => `h${at}.example`) }],
    ['the realm *', { realms: ['*'] }],
    ['a host with a path', { hosts: ['h.example/a'] }],
    ['a host with user-info', { hosts: ['u@h.example'] }],
    ['a host that ends with a dot', { hosts: ['h.example.'] }],
    ['one host twice', { hosts: ['h.example', 'H.example'] }],
    ['a host that is ours and a resource', { hosts: ['h.example'], tokenHosts: ['H.EXAMPLE'] }],
    ['a mode that every object has', { users: 'toString' }],
  ])('is no realm with %s', async (_what, members) => {
    const microsoft = { applicationId: '9d3cba71-5f0e-4b8c-9a1f-2f6de15b7c34', realms: ['fine.example'], ...members };
    const { status } = await admin('POST', '', { name: 'wrong', policy: { algorithms: ['RS256'], microsoft } });
    expect([400, 422]).toContain(status);
  });
});

describe('a certificate', () => {
  const admin = (method: string, path: string, body?: object) =>
    callAdmin(service, method, `/admin/realms/lync-expired-cert/${path}`, body);
  const certificate = fixtureText('partner-test-cert.pem');
  const issuer = (realm: string) => `3d1f9a52-7c4e-4b0d-9a6e-5b2c8f7e1d90@${realm}`;
  const add = async (id: string, members: object) =>
    (
      await admin('POST', 'partners', {
        id,
        issuer: issuer(`${id}.example`),
        credentials: [{ certificate }],
        ...members,
      })
    ).status;
  const change = async (id: string, members: object) => {
    const { version } = (await admin('GET', `partners/${id}`)).body;
    return (await admin('PATCH', `partners/${id}`, { version, ...members })).status;
  };

  it("is one partner's at a time, whatever comes and goes", async () => {
    expect(await add('first', { microsoft: {} })).toBe(201);
    expect(await add('second', {})).toBe(201);
    expect(await change('second', { microsoft: {} })).toBe(409);
    expect(await change('first', { microsoft: null })).toBe(200);
    expect(await change('second', { microsoft: {} })).toBe(200);
    expect(await change('first', { microsoft: {} })).toBe(409);
    expect((await admin('DELETE', 'partners/second')).status).toBe(204);
    expect(await change('first', { microsoft: {} })).toBe(200);
    expect((await admin('DELETE', 'partners/first')).status).toBe(204);
  });

  it('is not worth more for whoever asks for it twice at once', async () => {
    const statuses = await Promise.all(['third', 'fourth'].map((id) => add(id, { microsoft: {} })));
    expect(statuses.sort()).toEqual([201, 409]);
  });
});

describe('a token that an operator has looked into', () => {
  it('is not used up, and stands nowhere in the log', async () => {
    const token = tokenOf(changed(GOOD.user.draft, { claims: { nonce: 'looked-into' } }));
    const { status, body } = await callAdmin(service, 'POST', '/admin/realms/lync/tokens/diagnose', {
      ...{ partner: 'exchange', token },
    });
    expect([status, body]).toMatchObject([200, { accepted: true, partner: 'exchange' }]);
    const text = service.logs.join('\n');
    for (const part of token.split('.').filter((each) => each.length > 60)) expect(text).not.toContain(part.slice(-60));
  });
});

describe('the log', () => {
  it('holds no token, and nothing of the unsigned part', () => {
    const text = logLines(service)
      .map((line) => JSON.stringify(line))
      .join('\n');
    for (const token of [APPLICATION, USER, actorToken(GOOD.user.draft)])
      for (const part of token.split('.').filter((each) => each.length > 60))
        expect(text).not.toContain(part.slice(0, 60));
    expect(text).not.toContain('kim.akers@contoso.example');
  });
});
