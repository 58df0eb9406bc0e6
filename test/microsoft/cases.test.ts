/**
 * What can be done to a token endpoint with tokens of the profile beyond showing it bad ones: replays, foreign resources, changes of trust
 * while tokens live, floods. Every read is fresh here, so that a change counts from the next request on.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { synthesizeApp } from '../support/assembly.ts';
import { decisionOn } from '../support/decisions.ts';
import { callAdmin, type Service } from '../support/service.ts';
import { CLOCK, document, fixtureText, trustConfig } from './fixtures.ts';
import { mustAnswer, type RawAnswer, show, startRecipients } from './service.ts';
import { APP, changed, EXCHANGE, GOOD, headerOf, REALM, tokenOf } from './tokens.ts';

let service: Service;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-test-'));
  await synthesizeApp(join(directory, 'cdk.out'), { registryCacheSeconds: '0' });
  service = await startRecipients(join(directory, 'cdk.out'));
}, 240_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** Status, error on the wire, and the reason in the log. */
const outcome = async (answer: RawAnswer): Promise<readonly unknown[]> => {
  const { decision, refusal } = await decisionOn(service, answer.headers.get('apigw-requestid'));
  const inner = (refusal?.because ?? refusal) as { readonly reason: string; readonly fault?: string } | undefined;
  return [answer.status, answer.body.error, inner?.fault ?? inner?.reason ?? decision];
};
const GRANTED = [200, undefined, 'granted'];
const refused = (reason: string) => [400, 'invalid_grant', reason];

/** Each one ends at another second, so that none is a replay of another. */
let made = 0;
const freshAssertion = (claims: object = {}): string => {
  made += 1;
  return tokenOf(changed(GOOD.assertion.draft, { claims: { exp: String(CLOCK + 600 + made), ...claims } }));
};

describe('an assertion for the token server', () => {
  const MAIL = 'https://mail.contoso.example';
  const ask = (assertion: string, resource: string = MAIL) => show(service, 'sts', assertion, { resource });

  it('is used once, even where another part is signed around the same', async () => {
    const assertion = freshAssertion();
    expect(await outcome(await ask(assertion))).toEqual(GRANTED);
    expect(await outcome(await ask(assertion))).toEqual(refused('assertion_replayed'));
    expect(await outcome(await ask(assertion, 'https://archive.contoso.example'))).toEqual(
      refused('assertion_replayed'),
    );
  });

  it('is used once for many requests at the same time', async () => {
    const assertion = freshAssertion();
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(assertion)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it.each([
    ['another token server', { aud: `${APP.acs}/sts.fabrikam.example@${REALM.tenant}` }, 'audience_host_mismatch'],
    [
      'the same, of another realm',
      { aud: `${APP.acs}/sts.example.net@${REALM.otherTenant}` },
      'audience_realm_mismatch',
    ],
    ['a time that is over', { nbf: String(CLOCK - 3_600), exp: String(CLOCK - 600) }, 'token_expired'],
  ])('is refused if it was made for %s', async (_what, claims, reason) => {
    expect(await outcome(await ask(freshAssertion(claims)))).toEqual(refused(reason));
  });

  it.each([
    ['is not registered', 'https://files.contoso.example'],
    ['is not registered, in the old way', `${APP.acs}/files.contoso.example@${REALM.tenant}`],
    ['is of another realm', `${APP.acs}/mail.contoso.example@${REALM.otherTenant}`],
    ['is of another application', `${APP.lync}/mail.contoso.example@${REALM.tenant}`],
    ['has another port', 'https://mail.contoso.example:8443'],
    ['has another port, in the old way', `${APP.acs}/mail.contoso.example:8443@${REALM.tenant}`],
    ['lies below the registered one', 'https://mail.contoso.example.attacker.example'],
    ['is every one of a domain', 'https://*.contoso.example'],
    ['is every one of a domain, in the old way', `${APP.acs}/*.contoso.example@${REALM.tenant}`],
    ['is the domain itself', `${APP.acs}/contoso.example@${REALM.tenant}`],
  ])('gives nothing for a resource that %s', async (_what, resource) => {
    const [status, error] = await outcome(await ask(freshAssertion(), resource));
    expect([status, error]).toEqual([400, 'invalid_target']);
  });

  it('gives a token for a resource that is named in the old way', async () => {
    const resource = `${APP.acs}/mail.contoso.example@${REALM.tenant}`;
    const answer = await ask(freshAssertion(), resource);
    expect(await outcome(answer)).toEqual(GRANTED);
    expect(answer.body.resource).toBe(resource);
  });
});

describe('trust that is taken back while tokens live', () => {
  const user = tokenOf(GOOD.user.draft);
  const application = tokenOf(GOOD.application.draft);
  const change = async (id: string, body: object) => {
    const { version } = await mustAnswer(service, 'GET', `/lync/partners/${id}`);
    await mustAnswer(service, 'PATCH', `/lync/partners/${id}`, { version, ...body });
  };
  const outcomes = async () =>
    Promise.all([user, application].map(async (token) => (await outcome(await show(service, 'lync', token)))[2]));

  it('counts at once: a lower trust level, a partner that is disabled, users that it is not to speak of', async () => {
    expect(await outcomes()).toEqual(['granted', 'granted']);
    await change('exchange', { trustLevel: 'application' });
    expect(await outcomes()).toEqual(['trust_level_insufficient', 'granted']);
    await change('exchange', { trustLevel: 'user' });
    expect(await outcomes()).toEqual(['trust_level_insufficient', 'trust_level_insufficient']);
    await change('exchange', { trustLevel: 'full', microsoft: {} });
    expect(await outcomes()).toEqual(['user_tokens_not_accepted', 'granted']);
    await change('exchange', { microsoft: { userTokens: true }, enabled: false });
    expect(await outcomes()).toEqual(['partner_disabled', 'partner_disabled']);
    await change('exchange', { enabled: true, acceptsSecurityIdentifiers: false });
    // Her address is enough.
    expect(await outcomes()).toEqual(['granted', 'granted']);
    await change('exchange', { microsoft: null });
    expect(await outcomes()).toEqual(['key_not_found', 'key_not_found']);
    await change('exchange', { microsoft: { userTokens: true }, acceptsSecurityIdentifiers: true });
    expect(await outcomes()).toEqual(['granted', 'granted']);
  });

  it('counts at once: a key that is removed', async () => {
    const claims = { iss: `${APP.hrapp}@${REALM.org}`, nameid: `${APP.hrapp}@${REALM.org}` };
    const draft = changed(GOOD.application.draft, { key: 'partner', header: headerOf('partner'), claims });
    expect(await outcome(await show(service, 'lync', tokenOf(draft)))).toEqual(GRANTED);
    const { credentials } = await mustAnswer(service, 'GET', '/lync/partners/hrapp');
    const [credential] = credentials as readonly { readonly kid: string }[];
    await mustAnswer(service, 'DELETE', `/lync/partners/hrapp/credentials?kid=${credential?.kid}`);
    expect(await outcome(await show(service, 'lync', tokenOf(draft)))).toEqual(refused('key_not_found'));
  });

  it('counts at once: a user who is removed, and one who is registered', async () => {
    await mustAnswer(service, 'DELETE', '/lync/users/kim');
    expect((await outcomes())[0]).toBe('user_not_found');
    await mustAnswer(service, 'PUT', '/lync/users/kim.a', { upn: 'kim@contoso.example' });
    const answer = await show(service, 'lync', user);
    expect(await outcome(answer)).toEqual(GRANTED);
    await mustAnswer(service, 'DELETE', '/lync/users/kim.a');
    const [{ id = '', ...identifiers } = {}] = trustConfig.users;
    await mustAnswer(service, 'PUT', `/lync/users/${id}`, identifiers);
  });
});

describe('registration', () => {
  it('refuses the certificate of another partner of the realm', async () => {
    const body = {
      id: 'twin',
      issuer: `${APP.sharepoint}@${REALM.org}`,
      microsoft: {},
      credentials: [{ certificate: fixtureText('exchange-test-cert.pem') }],
    };
    const answer = await callAdmin(service, 'POST', '/admin/realms/lync/partners', body);
    expect(answer.status).toBe(409);
    expect(JSON.stringify(answer.body)).toContain('exchange');
  });

  it('refuses a document together with another identity', async () => {
    const body = { id: 'two', issuer: EXCHANGE, microsoft: {}, metadata: document('metadata-lync.json') };
    expect((await callAdmin(service, 'POST', '/admin/realms/reserved/partners', body)).status).toBe(400);
  });
});

describe('what others might make us do', () => {
  it('a flood of unknown certificates costs a few reads each, and no signature, no write and no request to anybody', async () => {
    await show(service, 'lync', tokenOf(GOOD.application.draft));
    const before = service.calls.length;
    const flood = 12;
    for (let index = 0; index < flood; index += 1) {
      const x5t = `${index}`.padStart(27, 'A');
      const token = tokenOf(changed(GOOD.application.draft, { header: { x5t } }));
      expect(await outcome(await show(service, 'lync', token))).toEqual(refused('key_not_found'));
    }
    const calls = service.calls.slice(before);
    expect(new Set(calls.map(({ operation }) => operation))).toEqual(new Set(['GetItem']));
    expect(calls.length).toBeLessThanOrEqual(flood * MOST_READS);
  });

  it('no URL in a token is fetched', async () => {
    let requests = 0;
    const server = createServer((_request, response) => {
      requests += 1;
      response.end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/autodiscover/metadata/json/1`;
    try {
      const appctx = JSON.stringify({ msexchuid: 'kim@contoso.example', version: 'ExIdTok.V1', amurl: url });
      const identity = { nameid: undefined, aud: 'https://addin.partner.example/start.html', appctx };
      const tokens = [
        changed(GOOD.application.draft, { claims: identity }),
        changed(GOOD.application.draft, { claims: identity, header: { x5t: 'A'.repeat(27) } }),
        changed(GOOD.application.draft, { header: { jku: url } }),
        changed(GOOD.application.draft, { header: { x5u: url } }),
        changed(GOOD.application.draft, { claims: { iss: url, amurl: url } }),
      ];
      for (const draft of tokens) expect((await show(service, 'lync', tokenOf(draft))).status).toBe(400);
      expect(requests).toBe(0);
    } finally {
      server.close();
    }
  });

  it('a token of our own is none of a partner', async () => {
    const answer = await show(service, 'lync', tokenOf(GOOD.application.draft));
    const own = String(answer.body.access_token);
    expect(await outcome(await show(service, 'lync', own))).toEqual(refused('unsupported_typ'));
  });
});

/** The realm, and the certificate twice to look up and twice to verify; all again for the second look. With the ordinary cache fewer. */
const MOST_READS = 10;
