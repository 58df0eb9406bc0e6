/**
 * Every token of the fixtures, and every case that has no file there, shown to a running service at the time of the fixtures: under the
 * old name of the grant and today's. Not bearer tokens, and so each tested by itself: assertions for a token server, the identity token
 * of an Exchange add-in, which is none of a server's, and the token that is shown as the one to issue instead.
 */

import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decisionOn, decisions, type LoggedDecision } from '../support/decisions.ts';
import { callAdmin, type Service } from '../support/service.ts';
import { bearerTokens, CLOCK, document, fixtureText, manifest, type TokenEntry } from './fixtures.ts';
import { FURTHER, NUMBERED } from './negatives.ts';
import { LEGACY, MODERN, post, type RawAnswer, show, startRecipients } from './service.ts';
import { APP, REALM, signed } from './tokens.ts';

const ACCEPTED: Readonly<Record<string, { client: string; actor: string; user?: string; audience: string }>> = {
  'token-exchange-to-lync-apponly': {
    client: 'exchange',
    actor: `${APP.exchange}@${REALM.org}`,
    audience: 'https://sfbpool.contoso.example',
  },
  'token-exchange-to-lync-user': {
    client: 'exchange',
    actor: `${APP.exchange}@${REALM.org}`,
    user: 'kim',
    audience: 'https://sfbpool.contoso.example',
  },
  'token-hrapp-to-sharepoint-user': {
    client: 'hrapp',
    actor: `${APP.hrapp}@${REALM.sharepoint}`,
    user: 'kim',
    audience: 'https://sharepoint.contoso.example',
  },
  'token-hrapp-to-sharepoint-apponly': {
    client: 'hrapp',
    actor: `${APP.hrapp}@${REALM.sharepoint}`,
    audience: 'https://sharepoint.contoso.example',
  },
  'token-lync-to-exchange-user': {
    client: 'lync',
    actor: `${APP.lync}@${REALM.org}`,
    user: 'kim',
    audience: 'https://mail.contoso.example',
  },
  'token-sts-to-exchange-actor': {
    client: 'hrapp-cloud',
    actor: `${APP.hrapp}@${REALM.tenant}`,
    audience: 'https://mail.contoso.example',
  },
  'token-sts-to-exchange-user': {
    client: 'hrapp-cloud',
    actor: `${APP.hrapp}@${REALM.tenant}`,
    user: 'kim',
    audience: 'https://mail.contoso.example',
  },
};

let service: Service;
beforeAll(async () => {
  service = await startRecipients();
}, 120_000);
afterAll(() => service[Symbol.asyncDispose]());

const logged = (answer: RawAnswer): Promise<LoggedDecision> =>
  decisionOn(service, answer.headers.get('apigw-requestid'));

/** The code in the log, as the manifest has it. */
const code = async (answer: RawAnswer): Promise<string> => {
  const { decision, refusal } = await logged(answer);
  return refusal === undefined ? decision : String(refusal.fault ?? refusal.reason);
};

/** All that a caller is told, whatever was wrong. */
const expectUniform = (answer: RawAnswer): void => {
  expect(answer.text).toBe('{"error":"invalid_grant","error_description":"The assertion is not valid."}');
  expect(answer.status).toBe(400);
  const headers = Object.fromEntries(
    [...answer.headers].filter(([name]) => !['date', 'apigw-requestid'].includes(name)),
  );
  expect(headers).toEqual(UNIFORM_HEADERS);
};
const UNIFORM_HEADERS = {
  'cache-control': 'no-store',
  connection: 'keep-alive',
  'content-length': '76',
  'content-type': 'application/json',
  'keep-alive': 'timeout=75',
};

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
    const keySet = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
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
            sub_id: { format: 'iss_sub', iss: wanted.actor, sub: wanted.user },
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
      const answer = await post(service, recipient, { grant_type: grantType, assertion: fixtureText(file) });
      // Under today's name some of them are no token of this profile: they are refused as what they are taken for.
      expect(await code(answer)).toBe(expected);
      expectUniform(answer);
    },
  );

  it.each([...NUMBERED, ...FURTHER])(
    '$name is refused at $recipient with $expect',
    async ({ token, recipient, expect: expected }) => {
      const answer = await post(service, recipient, { grant_type: grantType, assertion: token });
      expect(await code(answer)).toBe(expected);
      expectUniform(answer);
    },
  );
});
