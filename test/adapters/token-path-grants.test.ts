/**
 * How long what an operator has taken away goes on, in the grants that rest on more than the client: on another issuer, on who has
 * handed on a token, on a secret. On the real adapters, with a time that is the test's.
 */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE } from '../../functions/core/grant-type.ts';
import { mustBe } from '../flows/admin-world.ts';
import { AUDIENCE, assertion, CLIENT, keyPair, OWNER, REALM } from '../support/builders.ts';
import { CACHE_SECONDS, type Changes, openTokenService, type TokenService } from './token-service.ts';

const HANDED_ON = 'urn:crm';
const USERS = 'https://users.example';
const PORTAL = 'portal';
const WITHOUT_PROOF: Changes = { client_assertion: undefined, client_assertion_type: undefined };

let service: TokenService;
/** Alice's token for the client, which the portal has asked for. */
let handedOn: string;
let made = 0;

beforeEach(async () => {
  service = await openTokenService();
  await service.populate(REALM);
  const { grants } = service.admin;
  await change(CLIENT, { trustLevel: 'full' });
  await addPartner(PORTAL, { trustLevel: 'user' });
  await addPartner('users', { issuer: USERS, trustedIssuer: true, trustLevel: 'user' });
  mustBe(await grants.addAudience(REALM, { audience: HANDED_ON, owner: CLIENT, scopes: ['read'] }));
  mustBe(await grants.addGrant(REALM, { client: PORTAL, audience: HANDED_ON, scopes: ['read'] }));
  const ofAlice = { ...WITHOUT_PROOF, grant_type: JWT_BEARER, assertion: await stated(PORTAL, PORTAL, 'alice') };
  const { token, reason } = await service.startFunction()(REALM, REALM, HANDED_ON, ofAlice);
  if (token === undefined) throw new Error(reason);
  handedOn = token;
});
afterEach(() => service[Symbol.asyncDispose]());

const addPartner = async (id: string, members: object) => {
  const jwk = { ...(await keyPair('ES256', id)).publicJwk, kid: id };
  mustBe(await service.admin.partners.add(REALM, { id, credentials: [{ jwk }], ...members }));
};

const change = async (id: string, members: object) => {
  const { version } = mustBe(await service.admin.partners.show(REALM, id)).partner;
  return mustBe(await service.admin.partners.change(REALM, id, version, members));
};

/** A statement of a partner, made now. */
const stated = async (partner: string, iss: string, sub: string): Promise<string> => {
  made += 1;
  const now = service.clock.now();
  return assertion(await keyPair('ES256', partner), { iss, sub, jti: `s${made}`, iat: now, exp: now + 60 });
};

const GRANTS: Readonly<Record<string, () => Promise<Changes>>> = {
  'client credentials': async () => ({ grant_type: CLIENT_CREDENTIALS }),
  'an assertion of another issuer': async () => ({
    grant_type: JWT_BEARER,
    assertion: await stated('users', USERS, 'bob'),
  }),
  'an exchange': async () => ({
    grant_type: TOKEN_EXCHANGE,
    subject_token: handedOn,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  }),
};

/** An execution environment that asks for a token by that grant, again and again. @returns what came of it. */
const startAsking = (grant: string) => {
  const issue = service.startFunction();
  const parameters = GRANTS[grant];
  if (parameters === undefined) throw new Error(`there is no grant ${grant}`);
  return async (): Promise<string> => (await issue(REALM, REALM, AUDIENCE, await parameters())).reason;
};

const everyGrant = (what: string, reason: string, revoke: () => Promise<unknown>) =>
  Object.keys(GRANTS).map((grant) => [grant, what, reason, revoke] as const);

const REVOCATIONS = [
  ...everyGrant('the client is disabled', 'client_disabled', () => change(CLIENT, { enabled: false })),
  ...everyGrant('the owner of the audience is', 'resource_disabled', () => change(OWNER, { enabled: false })),
  ...everyGrant('the grant is removed', 'grant_missing', async () =>
    mustBe(await service.admin.grants.removeGrant(REALM, CLIENT, AUDIENCE)),
  ),
  ...everyGrant('the realm is disabled', 'realm_disabled', async () => {
    const realm = await service.admin.realms.find(REALM);
    if (realm === undefined) throw new Error('there is no realm');
    return mustBe(await service.admin.realms.change(realm, realm.version, { enabled: false }));
  }),
  [
    'an assertion of another issuer',
    'that issuer is disabled',
    'grant_assertion_refused',
    () => change('users', { enabled: false }),
  ],
  [
    'an assertion of another issuer',
    'it is trusted no longer',
    'grant_assertion_refused',
    () => change('users', { trustedIssuer: false }),
  ],
  [
    'an exchange',
    'who has handed on the token is disabled',
    'subject_token_refused',
    () => change(PORTAL, { enabled: false }),
  ],
  [
    'an exchange',
    'it is granted the client no longer',
    'subject_token_refused',
    async () => mustBe(await service.admin.grants.removeGrant(REALM, PORTAL, HANDED_ON)),
  ],
] as const;

describe(`a token is had for less than ${CACHE_SECONDS} s more`, () => {
  it.each(REVOCATIONS)('by %s, where %s: then it is %s', async (grant, _what, reason, revoke) => {
    const ask = startAsking(grant);
    expect(await ask()).toBe('granted');
    await revoke();
    service.pass(CACHE_SECONDS - 0.001);
    expect(await ask()).toBe('granted');
    service.pass(0.001);
    expect(await ask()).toBe(reason);
  });

  it.each(REVOCATIONS)(
    'by %s, where %s: not at all from a function that has read none of it (%s)',
    async (...state) => {
      const [grant, , reason, revoke] = state;
      await revoke();
      expect(await startAsking(grant)()).toBe(reason);
    },
  );
});

describe('a token is had again at once', () => {
  it.each([
    ['an assertion of another issuer', 'users'],
    ['an exchange', PORTAL],
  ])('by %s, where %s is enabled', async (grant, id) => {
    await change(id, { enabled: false });
    const ask = startAsking(grant);
    expect(await ask()).not.toBe('granted');
    await change(id, { enabled: true });
    expect(await ask()).toBe('granted');
  });
});

describe('the end of a secret', () => {
  it('needs no cache to run out: it holds to the second', async () => {
    const realm = await service.admin.realms.find(REALM);
    if (realm === undefined) throw new Error('there is no realm');
    mustBe(await service.admin.realms.change(realm, realm.version, { policy: { clientSecrets: true } }));
    const expiresAt = service.clock.now() + 10;
    const { secret } = mustBe(await service.admin.secrets.addSecret(REALM, CLIENT, { expiresAt }));
    const issue = service.startFunction();
    const ask = async () => {
      const proof = { ...WITHOUT_PROOF, client_id: CLIENT, client_secret: secret };
      return (await issue(REALM, REALM, AUDIENCE, proof)).reason;
    };
    const reasons: string[] = [];
    for (const wait of [0, 9, 1]) {
      service.pass(wait);
      reasons.push(await ask());
    }
    expect(reasons).toEqual(['granted', 'granted', 'secret_expired']);
  });
});
