/**
 * How long a token goes on of which an operator has ended all that a partner or a grant has: in the authorizer, in an exchange, and what
 * was had of it before. On the real adapters, with a time that is the test's. docs/revocation.md tells these bounds.
 */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TOKEN_EXCHANGE } from '../../functions/core/grant-type.ts';
import { mustBe } from '../flows/admin-world.ts';
import { AUDIENCE, assertion, CLIENT, keyPair, OWNER, REALM } from '../support/builders.ts';
import { CACHE_SECONDS, openTokenService, type TokenService } from './token-service.ts';

const HANDED_ON = 'urn:crm';
const PORTAL = 'portal';
/** Sends requests of its own. */
const asPortal = async (time: number) => ({
  client_assertion: assertion(await keyPair('ES256', PORTAL), {
    ...{ iss: PORTAL, sub: PORTAL, jti: `p${time}`, iat: time, exp: time + 60 },
  }),
});

let service: TokenService;

/** The portal calls the client, which trades the token in for one with which it calls on. */
beforeEach(async () => {
  service = await openTokenService();
  await service.populate(REALM);
  const { grants, partners } = service.admin;
  const { version } = mustBe(await partners.show(REALM, CLIENT)).partner;
  mustBe(await partners.change(REALM, CLIENT, version, { trustLevel: 'full' }));
  const jwk = { ...(await keyPair('ES256', PORTAL)).publicJwk, kid: PORTAL };
  mustBe(await partners.add(REALM, { id: PORTAL, credentials: [{ jwk }] }));
  mustBe(await grants.addAudience(REALM, { audience: HANDED_ON, owner: CLIENT, scopes: ['read'] }));
  mustBe(await grants.addGrant(REALM, { client: PORTAL, audience: HANDED_ON, scopes: ['read'] }));
});
afterEach(() => service[Symbol.asyncDispose]());

type TokenFunction = ReturnType<TokenService['startFunction']>;

const mustHave = ({ token, reason }: Awaited<ReturnType<TokenFunction>>): string => {
  if (token === undefined) throw new Error(reason);
  return token;
};

/** Of the client, for itself. */
const ownToken = async (issue = service.startFunction()) => mustHave(await issue());

/** Of the portal, for the client. */
const portalToken = async () =>
  mustHave(await service.startFunction()(REALM, REALM, HANDED_ON, await asPortal(service.clock.now())));

const exchange = (issue: TokenFunction, token: string) =>
  issue(REALM, REALM, AUDIENCE, {
    grant_type: TOKEN_EXCHANGE,
    subject_token: token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  });

const exchanged = async (issue = service.startFunction()) => mustHave(await exchange(issue, await portalToken()));

const ofPartner = (id: string) => async () => {
  mustBe(await service.admin.tokens.revokeOfPartner(REALM, id));
};
const ofGrant = (client: string, audience: string) => async () => {
  mustBe(await service.admin.tokens.revokeOfGrant(REALM, client, audience));
};

const REVOCATIONS = [
  ['the client', ownToken, ofPartner(CLIENT)],
  ['the grant', ownToken, ofGrant(CLIENT, AUDIENCE)],
  ['the client that had it in exchange', exchanged, ofPartner(CLIENT)],
  ['the application that it is about', exchanged, ofPartner(PORTAL)],
  ['the grant by which it was had in exchange', exchanged, ofGrant(CLIENT, AUDIENCE)],
] as const;

describe(`an authorizer accepts a token for less than ${CACHE_SECONDS} s more`, () => {
  it.each(REVOCATIONS)('once all tokens of %s are revoked', async (_whose, get, revoke) => {
    const token = await get();
    const check = service.startAuthorizer();
    service.pass(60);
    expect((await check(token)).reason).toBe('granted');
    const before = service.clock.now();
    await revoke();
    // Answered with the second that goes as well.
    expect(service.clock.now() - before).toBe(1);
    service.pass(CACHE_SECONDS - 1 - 0.001);
    expect((await check(token)).reason).toBe('granted');
    service.pass(0.001);
    expect((await check(token)).reason).toBe('token_too_old');
  });

  it.each(REVOCATIONS)('of %s, and not at all where it has read none of it', async (_whose, get, revoke) => {
    const token = await get();
    await revoke();
    expect((await service.startAuthorizer()(token)).reason).toBe('token_too_old');
  });
});

describe('a token of the very second of a revocation', () => {
  it.each(REVOCATIONS)('of all tokens of %s is refused, from before or after it', async (_whose, get, revoke) => {
    const before = await get();
    const second = service.clock.now();
    await revoke();
    const check = service.startAuthorizer();
    expect((await check(before)).reason).toBe('token_too_old');
    expect(service.clock.now()).toBe(second + 1);
  });
});

describe('a new token', () => {
  it.each(REVOCATIONS)('is good at once when those of %s were revoked', async (_whose, get, revoke) => {
    // An issuer that knows nothing of the revocation so far, an authorizer that does, and one that has to look again.
    const [issue, stale] = [service.startFunction(), service.startAuthorizer()];
    await ownToken(issue);
    await stale(await get());
    await revoke();
    const token = get === ownToken ? await ownToken(issue) : await exchanged();
    expect([(await stale(token)).reason, (await service.startAuthorizer()(token)).reason]).toEqual([
      'granted',
      'granted',
    ]);
  });
});

describe('the exchange of a revoked token', () => {
  it('goes on for less than the cache lasts, and a second revocation ends what came of it', async () => {
    const [issue, token] = [service.startFunction(), await portalToken()];
    mustHave(await exchange(issue, token));
    await ofPartner(PORTAL)();
    service.pass(CACHE_SECONDS - 1 - 0.001);
    const late = mustHave(await exchange(issue, token));
    service.pass(0.001);
    expect((await exchange(issue, token)).reason).toBe('subject_token_refused');
    expect((await service.startAuthorizer()(late)).reason).toBe('granted');
    await ofPartner(PORTAL)();
    expect((await service.startAuthorizer()(late)).reason).toBe('token_too_old');
  });
});

describe('tokens of others', () => {
  it('are as good as before', async () => {
    const token = await ownToken();
    await ofPartner(OWNER)();
    await ofGrant(PORTAL, HANDED_ON)();
    expect((await service.startAuthorizer()(token)).reason).toBe('granted');
  });
});
