/**
 * Every token of the fixtures, and every case that has no file there, shown to a running service at the time of the fixtures: under the
 * old name of the grant and today's. Not bearer tokens, and so each tested by itself: assertions for a token server, the identity token
 * of an Exchange add-in, which is none of a server's, and the token that is shown as the one to issue instead.
 */

import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isMicrosoftToken } from '../../functions/core/microsoft-token.ts';
import { decisionOn, decisions, type LoggedDecision } from '../support/decisions.ts';
import { callAdmin, type Service } from '../support/service.ts';
import { bearerTokens, CLOCK, document, fixtureText, manifest } from './fixtures.ts';
import { FURTHER, NUMBERED } from './negatives.ts';
import { LEGACY, MODERN, post, type RawAnswer, show, startRecipients } from './service.ts';
import { APP, signed } from './tokens.ts';

const ACCEPTED: Readonly<Record<string, { client: string; user?: string; audience: string }>> = {
  'token-exchange-to-lync-apponly': {
    client: 'exchange',
    audience: 'https://sfbpool.contoso.example',
  },
  'token-exchange-to-lync-user': {
    client: 'exchange',
    user: 'kim',
    audience: 'https://sfbpool.contoso.example',
  },
  'token-hrapp-to-sharepoint-user': {
    client: 'hrapp',
    user: 'kim',
    audience: 'https://sharepoint.contoso.example',
  },
  'token-hrapp-to-sharepoint-apponly': {
    client: 'hrapp',
    audience: 'https://sharepoint.contoso.example',
  },
  'token-lync-to-exchange-user': {
    client: 'lync',
    user: 'kim',
    audience: 'https://mail.contoso.example',
  },
  'token-sts-to-exchange-actor': {
    client: 'hrapp-cloud',
    audience: 'https://mail.contoso.example',
  },
  'token-sts-to-exchange-user': {
    client: 'hrapp-cloud',
    user: 'kim',
    audience: 'https://mail.contoso.example',
  },
};

let service: Service;
/** What the very first refusal looked like. */
let uniform: ReturnType<typeof seenOf>;
beforeAll(async () => {
  service = await startRecipients();
  uniform = seenOf(await show(service, 'lync', 'nonsense'));
}, 120_000);
afterAll(() => service[Symbol.asyncDispose]());

const logged = (answer: RawAnswer): Promise<LoggedDecision> =>
  decisionOn(service, answer.headers.get('apigw-requestid'));

/** The code in the log, as the manifest has it. */
const code = async (answer: RawAnswer): Promise<string> => {
  const { decision, refusal } = await logged(answer);
  return refusal === undefined ? decision : String(refusal.fault ?? refusal.reason);
};

/** All that a caller is told, whatever was wrong: the same octets and headers, but for the time and the number of the request. */
const seenOf = ({ status, text, headers }: RawAnswer) => ({
  status,
  text,
  headers: Object.fromEntries([...headers].filter(([name]) => !['date', 'apigw-requestid'].includes(name))),
});

const expectUniform = (answer: RawAnswer): void => {
  // The products' client library tells errors by how the body begins.
  expect(answer.text).toBe('{"error":"invalid_grant","error_description":"The assertion is not valid."}');
  expect(seenOf(answer)).toEqual(uniform);
  expect([...answer.headers.keys()]).not.toContain('www-authenticate');
};

/** Tokens without the marks of this profile are taken under today's name for assertions of RFC 7523, and are none either. */
const expectedCode = (grantType: string, token: string, expected: string): string =>
  grantType === LEGACY || isMicrosoftToken(token) ? expected : 'grant_assertion_refused';

const expiryOf = (token: string): number => {
  const { exp } = decodeJwt<{ exp: string | number }>(token);
  return Number(exp);
};

describe.each([
  ['the old name of the grant', LEGACY],
  ["today's name of the grant", MODERN],
])('under %s', (_name, grantType) => {
  const accepted = bearerTokens.filter((token) => token.expect === 'accept');

  it.each(accepted)('$name is exchanged at $recipient for one signed token', async ({ name, file, recipient }) => {
    const wanted = ACCEPTED[name];
    const token = fixtureText(file);
    const answer = await post(service, recipient, { grant_type: grantType, assertion: token });
    expect(await code(answer)).toBe('granted');
    const issuer = `${service.issuer}/realms/${recipient}`;
    const keySet = createRemoteJWKSet(new URL(`${issuer}/jwks`));
    const { payload, protectedHeader } = await jwtVerify(String(answer.body.access_token), keySet, {
      ...{ issuer, audience: wanted?.audience ?? '', typ: 'at+jwt' },
      currentDate: new Date((CLOCK + 60) * 1_000),
    });
    expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: expect.any(String) });
    const { iat = 0, exp = 0, jti, ...claims } = payload;
    expect(claims).toEqual({
      ...{ iss: issuer, aud: wanted?.audience, client_id: wanted?.client, scope: 'read' },
      sub: wanted?.user ?? wanted?.client,
      ...(wanted?.user === undefined
        ? {}
        : {
            act: { sub: wanted.client },
            sub_id: { format: 'iss_sub', iss: issuer, sub: wanted.user },
          }),
    });
    expect(jti).toEqual(expect.any(String));
    // At the assertion's own end at the latest, with the difference that clocks are allowed.
    expect(exp).toBeGreaterThan(iat);
    expect(exp).toBeLessThanOrEqual(expiryOf(token) + 300);
  });

  it.each(bearerTokens.filter((token) => token.expect !== 'accept'))(
    '$name is refused at $recipient with $expect',
    async ({ file, recipient, expect: expected }) => {
      const token = fixtureText(file);
      const answer = await post(service, recipient, { grant_type: grantType, assertion: token });
      expect(await code(answer)).toBe(expectedCode(grantType, token, expected));
      expectUniform(answer);
    },
  );

  it.each([...NUMBERED, ...FURTHER])(
    '$name is refused at $recipient with $expect',
    async ({ token, recipient, expect: expected }) => {
      const answer = await post(service, recipient, { grant_type: grantType, assertion: token });
      expect(await code(answer)).toBe(expectedCode(grantType, token, expected));
      expectUniform(answer);
    },
  );
});

describe('what is no bearer token of the profile', () => {
  it('assertion-legacy-jwt-bearer: is an assertion for a token server, good for any resource that its maker may call, once', async () => {
    const assertion = fixtureText('assertion-legacy-jwt-bearer.jwt');
    const resource = 'https://archive.contoso.example';
    const answer = await show(service, 'sts', assertion, { resource });
    expect(answer.status).toBe(200);
    // As the products' library reads it: numbers are text, and the resource is said as it was asked for.
    expect(answer.body).toEqual({
      ...{ token_type: 'Bearer', resource, access_token: expect.any(String) },
      ...{ expires_in: '3600', not_before: expect.stringMatching(/^\d+$/), expires_on: expect.stringMatching(/^\d+$/) },
    });
    const claims = decodeJwt(String(answer.body.access_token));
    expect(claims).toMatchObject({ client_id: 'exchange', sub: 'exchange', aud: resource, scope: 'read' });

    const again = await show(service, 'sts', assertion, { resource });
    expectUniform(again);
    expect((await logged(again)).refusal).toMatchObject({ because: { reason: 'assertion_replayed' } });
  });

  it('assertion-rfc7523-client: proves the client in the way of today, for the server that it names', async () => {
    const file = fixtureText('assertion-rfc7523-client.jwt');
    const form = (assertion: string) => ({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
      resource: 'https://mail.contoso.example',
    });
    // It names another token server than this one.
    const elsewhere = await post(service, 'sts', form(file));
    expect([elsewhere.status, await code(elsewhere)]).toEqual([401, 'assertion_audience']);
    // Nothing is different but that, and what it is signed over.
    const claims = { ...decodeJwt(file), aud: `${service.issuer}/realms/sts` };
    const ours = signed('partner', JSON.stringify(decodeProtectedHeader(file)), JSON.stringify(claims));
    const answer = await post(service, 'sts', form(ours));
    expect(await code(answer)).toBe('granted');
    expect(decodeJwt(String(answer.body.access_token))).toMatchObject({ client_id: APP.hrapp, sub: APP.hrapp });
  });

  it('token-exchange-identity: says who a user of an add-in is, and proves no server, at any recipient', async () => {
    const token = fixtureText('token-exchange-identity.jwt');
    for (const recipient of ['lync', 'sharepoint', 'exchange', 'sts']) {
      const answer = await show(service, recipient, token);
      expect(await code(answer)).toMatch(/^(?:key_not_found|issuer_not_authorized_for_actor|issuer_key_mismatch)$/);
      expectUniform(answer);
    }
  });

  it('token-modern-at-jwt-act: has the shape of what is issued here', async () => {
    const model = fixtureText('token-modern-at-jwt-act.jwt');
    const answer = await show(service, 'lync', fixtureText('token-exchange-to-lync-user.jwt'));
    const issued = String(answer.body.access_token);
    const { x5t: _x5t, ...header } = decodeProtectedHeader(model);
    expect(Object.keys(decodeProtectedHeader(issued)).sort()).toEqual(Object.keys(header).sort());
    // The issuer tells the realm, and `iat` when it begins; the user is named by his server as well.
    const { realm: _realm, nbf: _nbf, ...claims } = decodeJwt(model);
    expect(Object.keys(decodeJwt(issued)).sort()).toEqual([...Object.keys(claims), 'sub_id'].sort());
    expect(decodeJwt(issued).act).toEqual({ sub: 'exchange' });
    expectUniform(await show(service, 'lync', model));
  });

  it('is all that the manifest has beside them', () => {
    const others = manifest.tokens.filter((token) => !bearerTokens.includes(token)).map(({ name }) => name);
    expect(others).toEqual([
      'assertion-legacy-jwt-bearer',
      'assertion-rfc7523-client',
      'token-exchange-identity',
      'token-modern-at-jwt-act',
    ]);
    expect(Object.keys(ACCEPTED)).toEqual(
      bearerTokens.filter((token) => token.expect === 'accept').map(({ name }) => name),
    );
  });
});

describe('the list of known cases', () => {
  it('has 61, and all of them are here: as a file, or made', () => {
    const files = bearerTokens
      .filter(({ name }) => name.startsWith('neg-'))
      .map(({ name }) => name.slice('neg-'.length));
    const made = NUMBERED.map(({ name }) => name);
    expect(new Set([...files, ...made]).size).toBe(61);
    expect(files.length + made.length).toBe(61);
  });
});

describe('a metadata document at that time', () => {
  // The others do not depend on the day: test/e2e/microsoft-metadata.test.ts.
  it('is refused if its only certificate has expired', async () => {
    const metadata = document('negative/metadata-expired-cert.json');
    const { status, body } = await callAdmin(service, 'POST', '/admin/realms/lync/partners', { id: 'late', metadata });
    expect(status).toBe(400);
    expect(body.errors).toContainEqual(expect.objectContaining({ code: 'metadata_expired_cert' }));
  });
});

describe('the log of all that', () => {
  it('holds no part of any token', () => {
    const shown = [
      ...bearerTokens.map(({ file }) => fixtureText(file)),
      ...[...NUMBERED, ...FURTHER].map(({ token }) => token),
    ];
    const log = service.logs.join('\n');
    expect(decisions(service).length).toBeGreaterThan(shown.length);
    // Signatures and payloads; a header alone says nothing, and a part of a few letters is found in any text.
    const parts = shown.flatMap((token) => token.split('.').slice(1)).filter((part) => part.length > 16);
    const inner = parts.flatMap(innerParts);
    expect(inner.length).toBeGreaterThan(0);
    expect([...parts, ...inner].filter((part) => log.includes(part))).toEqual([]);
  });
});

/** Of the actor token inside. */
const innerParts = (part: string): readonly string[] => {
  const token = /"actortoken":"([^"]+)"/.exec(Buffer.from(part, 'base64url').toString())?.[1] ?? '';
  return token
    .split('.')
    .slice(1)
    .filter((each) => each.length > 16);
};
