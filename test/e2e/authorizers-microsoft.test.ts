/**
 * Authorizers in front of resources that Exchange, SharePoint and Skype for Business call, as deployed, at the time of the fixtures: asked
 * with the events of the three kinds of API Gateway, each with the token that such a server makes for the resource by itself.
 */

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration } from 'aws-cdk-lib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { isMicrosoftToken } from '../../functions/core/microsoft-token.ts';
import { createMicrosoftBridge } from '../../sdk/microsoft.ts';
import { createVerifier } from '../../sdk/verifier.ts';
import { deploy } from '../infra/deployment.ts';
import { bearerTokens, CLOCK, fixtureText } from '../microsoft/fixtures.ts';
import { mustAnswer, show, startRecipients } from '../microsoft/service.ts';
import { APP, changed, GOOD, REALM, tokenOf } from '../microsoft/tokens.ts';
import { decisionOn, decisions } from '../support/decisions.ts';
import { REST_HOST, requestEvent, tokenEvent } from '../support/rest-events.ts';
import type { Service } from '../support/service.ts';

const POOL = 'https://sfbpool.contoso.example';
const MAIL = 'https://mail.contoso.example';
const APPLICATION = tokenOf(GOOD.application.draft);
const USER = tokenOf(GOOD.user.draft);
const VOUCHED = tokenOf(GOOD.vouchedUser.draft);

let directory: string;
let service: Service;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-test-'));
  const outdir = join(directory, 'cdk.out');
  const app = new App({ context: cdkJson.context, outdir, builtinCloudFormationValidation: false });
  const { service: tokens } = deploy({}, app);
  const pool = { audience: POOL, realm: 'lync', microsoft: { applicationId: APP.lync, realm: REALM.org } };
  const mail = { audience: MAIL, realm: 'exchange', microsoft: { applicationId: APP.exchange, realm: REALM.org } };
  tokens.authorizer({ id: 'Pool', ...pool });
  tokens.authorizer({ id: 'Counted', ...pool });
  tokens.authorizer({ id: 'Cold', ...pool });
  tokens.authorizer({ id: 'Writing', ...pool, scopes: ['write'] });
  tokens.authorizer({ id: 'OtherPool', ...pool, audience: 'https://other-pool.contoso.example' });
  tokens.authorizer({ id: 'Mail', ...mail, resultsCacheTtl: Duration.minutes(5) });
  tokens.authorizer({ id: 'Plain', audience: POOL, realm: 'lync' });
  app.synth();
  service = await startRecipients(outdir);
}, 180_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** An answer, or the message of the error that API Gateway goes by. */
const ask = async (id: string, event: object): Promise<unknown> => {
  const result = await service.deployment.invoke(`Authorizers${id}Authorizer`, JSON.parse(JSON.stringify(event)));
  return result.ok ? JSON.parse(result.payload) : result.error.errorMessage;
};

const httpEvent = (authorization: string, requestId: string = randomUUID()) => ({
  ...{ version: '2.0', type: 'REQUEST', routeArn: 'arn', identitySource: [], routeKey: 'GET /', rawPath: '/' },
  ...{ rawQueryString: '', cookies: [], headers: { authorization } },
  requestContext: { domainName: REST_HOST, requestId, http: { method: 'GET', path: '/' } },
});

/** What an HTTP API, and a REST API of the types TOKEN and REQUEST, make of a token: let in, 401, 403 or 500. */
const outcomes = async (id: string, jws: string): Promise<readonly unknown[]> => {
  const shown = `Bearer ${jws}`;
  const events = [httpEvent(shown), tokenEvent(shown), requestEvent({ headers: { Authorization: shown } })];
  const statuses: unknown[] = [];
  for (const event of events) {
    const answer = await ask(id, event);
    const failed = answer === 'Unauthorized' ? 401 : 500;
    const { isAuthorized, policyDocument } = Object(answer) as {
      isAuthorized?: boolean;
      policyDocument?: { Statement: { Effect: string }[] };
    };
    const isIn = isAuthorized === true || policyDocument?.Statement[0]?.Effect === 'Allow';
    statuses.push(typeof answer === 'string' ? failed : isIn ? 'in' : 403);
  }
  return statuses;
};

/** The code in the log, as the manifest of the fixtures has it. */
const codeOf = async (id: string, jws: string): Promise<string> => {
  const requestId = randomUUID();
  await ask(id, httpEvent(`Bearer ${jws}`, requestId));
  const { decision, refusal, facts } = await decisionOn(service, requestId);
  if (facts.method !== 'actor_token') return `${decision}, as any`;
  return refusal === undefined ? decision : String(refusal.fault ?? refusal.reason);
};

describe('an actor token', () => {
  it('is let in where it is shown, in front of a route that takes such tokens, and nowhere else', async () => {
    for (const token of [APPLICATION, USER]) {
      expect(await outcomes('Pool', token)).toEqual(['in', 'in', 'in']);
      expect(await outcomes('Plain', token)).toEqual([403, 401, 401]);
      expect(await outcomes('OtherPool', token)).toEqual([403, 401, 401]);
    }
    for (const token of [VOUCHED, fixtureText('token-sts-to-exchange-actor.jwt')])
      expect(await outcomes('Mail', token)).toEqual(['in', 'in', 'in']);
  });

  it('brings the claims that a token of the service has', async () => {
    const bearer = `Bearer ${USER}`;
    const iss = `${service.issuer}/realms/lync`;
    const subject = { format: 'iss_sub', iss, sub: 'kim' };
    const claims = { iss, aud: POOL, client_id: 'exchange', sub: 'kim', scope: 'read' };
    expect(await ask('Pool', httpEvent(bearer))).toMatchObject({
      isAuthorized: true,
      context: { ...claims, act: { sub: 'exchange' }, sub_id: subject },
    });
    expect(await ask('Pool', requestEvent({ headers: { Authorization: bearer } }))).toMatchObject({
      principalId: 'exchange',
      context: { ...claims, act: '{"sub":"exchange"}', sub_id: JSON.stringify(subject) },
    });
  });

  it('whose partner was not granted the scope of the route is known and kept out', async () => {
    expect(await outcomes('Writing', APPLICATION)).toEqual([403, 403, 403]);
  });

  it('does not stand in the way of tokens of the service', async () => {
    const { body } = await show(service, 'lync', APPLICATION);
    const token = String(body.access_token);
    expect(await outcomes('Pool', token)).toEqual(['in', 'in', 'in']);
    expect(await outcomes('Plain', token)).toEqual(['in', 'in', 'in']);
  });

  it.each(bearerTokens.filter(({ recipient, expect: code }) => recipient === 'lync' && code !== 'accept'))(
    '$name is refused with $expect',
    async ({ file, expect: code }) => {
      const token = fixtureText(file);
      // Some have none of the marks of this profile, or characters that no header has (RFC 6750 2.1), and are refused as all such are.
      const isActorToken = isMicrosoftToken(token) && !token.includes('=');
      expect(await codeOf('Pool', token)).toBe(isActorToken ? code : 'refused, as any');
    },
  );

  it('that ends before a decision is forgotten is not decided about', async () => {
    expect(await codeOf('Mail', VOUCHED)).toBe('granted');
    const ending = changed(GOOD.vouchedUser.draft, { outer: { nbf: CLOCK - 600, exp: CLOCK - 60 } });
    expect(await codeOf('Mail', tokenOf(ending))).toBe('token_expiring');
  });
});

describe('a request', () => {
  const shown = (...authorization: string[]) =>
    ask('Pool', requestEvent({ headers: { Authorization: authorization } }));

  it('with two headers, with the token in its query, or with an empty one is not let in', async () => {
    expect(await shown(`Bearer ${APPLICATION}`, `Bearer ${APPLICATION}`)).toBe('Unauthorized');
    const queryStringParameters = { access_token: APPLICATION };
    expect(await ask('Pool', { ...requestEvent(), queryStringParameters })).toBe('Unauthorized');
    expect(await shown('Bearer ')).toBe('Unauthorized');
  });

  it('may write the scheme in lower case', async () => {
    expect(await shown(`bearer ${APPLICATION}`)).toMatchObject({ principalId: 'exchange' });
  });
});

describe('AWS calls', () => {
  const callsOf = async (jws: string): Promise<readonly string[]> => {
    const before = service.calls.length;
    await ask('Counted', httpEvent(`Bearer ${jws}`));
    return service.calls.slice(before).map(({ operation, outcome }) => `${operation} ${outcome}`);
  };

  it('are five for a function that knows nothing, two more for a user, and nearly none when it knows them', async () => {
    const read = ['GetItem ok', 'GetItem ok', 'GetItem ok', 'Query ok', 'GetItem ok'];
    expect(await callsOf(APPLICATION)).toEqual(read);
    expect(await callsOf(APPLICATION)).toEqual([]);
    // Whether a partner has the user's name is asked each time, whether it was revoked of each token.
    expect(await callsOf(USER)).toEqual(['BatchGetItem ok', 'Query ok', 'GetItem ok']);
    expect(await callsOf(USER)).toEqual(['Query ok']);
  });

  it('are none for what is no token', async () => {
    expect(await callsOf(`${fixtureText('negative/neg-duplicate-member.jwt')}`)).toEqual([]);
  });
});

describe('a server in front of which there is no API Gateway', () => {
  it('hands tokens in at the service, and lets in the same partner', async () => {
    const issuer = `${service.issuer}/realms/lync`;
    const now = () => CLOCK + 60;
    const verifier = createVerifier({ issuer, audience: POOL, now });
    const resource = { clientId: APP.lync, realm: REALM.org, resource: POOL };
    const bridge = createMicrosoftBridge({ ...resource, verifier, issuer, now });
    expect(await bridge.verify(USER)).toMatchObject({
      clientId: 'exchange',
      subject: 'kim',
      actor: { sub: 'exchange' },
    });
    const refused = await bridge.verify(fixtureText('negative/neg-user-unknown.jwt')).catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 401, reason: 'trade_invalid_grant' });
  });
});

describe('a partner that is disabled while its token lives', () => {
  it('is refused wherever the registry is read anew', async () => {
    const { version } = await mustAnswer(service, 'GET', '/lync/partners/exchange');
    await mustAnswer(service, 'PATCH', '/lync/partners/exchange', { version, enabled: false });
    expect(await codeOf('Cold', APPLICATION)).toBe('partner_disabled');
    expect(await outcomes('Cold', APPLICATION)).toEqual([403, 401, 401]);
  });
});

describe('the log', () => {
  it('holds nothing of any token', () => {
    expect(decisions(service).length).toBeGreaterThan(50);
    const log = service.logs.join('\n');
    for (const jws of [APPLICATION, USER, VOUCHED])
      for (const part of jws.split('.').filter((each) => each.length > 40)) expect(log).not.toContain(part);
  });
});
