/**
 * Attacks on federated workload identity: somebody who can get tokens of a trusted issuer, or runs another trusted issuer, or none,
 * wants to be a partner that it is not. Each is refused with the one answer that tells nothing, and for its own reason.
 */

import { createHmac, randomUUID } from 'node:crypto';
import { base64url } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notAuthenticated, tokenOutcome } from '../support/decisions.ts';
import { federatedForm, identityToken, registerWorkload, trustIssuer } from '../support/federation.ts';
import { compactOf, withPart } from '../support/forgery.ts';
import {
  getToken,
  makePartner,
  mustCreate,
  populate,
  type Service,
  startService,
  type TestPartner,
  type World,
} from '../support/service.ts';

const FORGE = 'https://forge.example';
const CLOUD = 'https://cloud.example';
const SUBJECT = 'repo:acme/app:ref:refs/heads/main';

let service: Service;
let world: World;
/** Where the victim's repository is, and anybody else may have one. */
let forge: TestPartner;
/** Trusted as well, for workloads of its own. */
let cloud: TestPartner;
/** A partner that says it is an issuer and is not trusted as one. */
let braggart: TestPartner;
let mallory: TestPartner;
let spire: TestPartner;

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
  const { audience } = world;
  [forge, cloud, braggart, spire, mallory] = await Promise.all([
    trustIssuer(service, 'forge', { issuer: FORGE, alg: 'RS256' }),
    trustIssuer(service, 'cloud', { issuer: CLOUD, alg: 'RS256' }),
    trustIssuer(service, 'braggart', { issuer: 'https://braggart.example', alg: 'ES256' }, { trustedIssuer: false }),
    trustIssuer(service, 'spire', { issuer: 'spiffe://acme.example', alg: 'ES256' }),
    makePartner('mallory', 'RS256'),
  ]);
  await registerWorkload(service, 'deployer', audience, {
    issuer: FORGE,
    claims: { sub: { glob: 'repo:acme/app:**' }, repository_id: { exact: '424242' }, environment: { oneOf: ['prod'] } },
    maxSeconds: 600,
  });
  await registerWorkload(service, 'other-deployer', audience, {
    issuer: FORGE,
    claims: { sub: { glob: 'repo:other/*:**' } },
  });
  await registerWorkload(service, 'cloud-worker', audience, { issuer: CLOUD, claims: { sub: { exact: SUBJECT } } });
  await registerWorkload(service, 'one-segment', audience, {
    issuer: FORGE,
    claims: { sub: { glob: 'repo:acme/app:*' } },
  });
  await registerWorkload(service, 'deceived', audience, {
    issuer: 'https://braggart.example',
    claims: { sub: { exact: SUBJECT } },
  });
  await registerWorkload(service, 'billing-web', audience, {
    issuer: 'spiffe://acme.example',
    claims: { sub: { glob: 'spiffe://**' } },
  });
});
afterAll(() => service[Symbol.asyncDispose]());

const now = (): number => Math.floor(Date.now() / 1_000);
const goodClaims = (changes: object = {}) => ({
  iss: FORGE,
  sub: SUBJECT,
  aud: service.issuer,
  jti: randomUUID(),
  iat: now(),
  exp: now() + 300,
  repository_id: '424242',
  environment: 'prod',
  ...changes,
});
const tokenOf = (signer: TestPartner, claims: object = {}, header: object = {}): Promise<string> =>
  identityToken(signer, { header: { typ: 'JWT' }, claims: goodClaims(claims) }, { header });
const send = (token: string, client = 'deployer') => tokenOutcome(service, federatedForm(client, token));
/** The token of the victim's own workload, with changes. */
const sendChanged = async (claims: object, header: object = {}) => send(await tokenOf(forge, claims, header));

describe('the token that all of this is about', () => {
  it('is good as it is, or the rest would show nothing', async () => {
    expect(await sendChanged({})).toMatchObject({ status: 200, reason: 'granted' });
    expect(await sendChanged({ aud: [service.issuer], environment: ['test', 'prod'] })).toMatchObject({
      reason: 'granted',
    });
  });
});

describe('somebody with an issuer', () => {
  it('of its own that nobody knows', async () => {
    const token = await tokenOf(mallory, { iss: 'https://mallory.example' });
    expect(await send(token)).toEqual(notAuthenticated('federation_missing'));
  });

  it.each([
    'https://forge.example/',
    'https://Forge.example',
    'HTTPS://forge.example',
    'https://forge.example:443',
    'http://forge.example',
  ])('that is nearly the trusted one: %s', async (iss) => {
    expect(await sendChanged({ iss })).toEqual(notAuthenticated('federation_missing'));
  });

  it('that is trusted, for the same subject', async () => {
    expect(await send(await tokenOf(cloud, { iss: CLOUD }))).toEqual(notAuthenticated('federation_missing'));
    expect(await send(await tokenOf(cloud, { iss: CLOUD }), 'cloud-worker')).toMatchObject({ reason: 'granted' });
  });

  it('that is trusted, in the name of another one', async () => {
    expect(await send(await tokenOf(cloud))).toEqual(notAuthenticated('assertion_key_unknown'));
    expect(await send(await tokenOf(cloud, {}, { kid: 'forge-key' }))).toEqual(notAuthenticated('assertion_signature'));
  });

  it('that is a partner and is not trusted', async () => {
    const token = await tokenOf(braggart, { iss: 'https://braggart.example' });
    expect(await send(token, 'deceived')).toEqual(notAuthenticated('issuer_untrusted'));
  });

  it('that is this service: a token of ours proves nobody', async () => {
    expect(await send(await getToken(service, world))).toEqual(notAuthenticated('assertion_typ'));
  });

  it('of a trust domain, for a workload of another domain', async () => {
    const svid = (claims: object) =>
      tokenOf(spire, { iss: undefined, sub: 'spiffe://acme.example/web', ...claims }, { kid: 'spire-key' });
    expect(await send(await svid({}), 'billing-web')).toMatchObject({ reason: 'granted' });
    const elsewhere = { sub: 'spiffe://other.example/web' };
    expect(await send(await svid(elsewhere), 'billing-web')).toEqual(notAuthenticated('federation_missing'));
    const claimed = await svid({ ...elsewhere, iss: 'spiffe://acme.example' });
    expect(await send(claimed, 'billing-web')).toEqual(notAuthenticated('assertion_issuer'));
  });
});

describe('somebody with another workload of the issuer', () => {
  it.each([
    'repo:acme/app-evil:ref:refs/heads/main',
    'repo:acme/app',
    'repo:acme-evil/app:ref:refs/heads/main',
    'repo:mallory/repo:acme/app:ref:refs/heads/main',
    'Repo:acme/app:ref:refs/heads/main',
    'repo:acme/APP:ref:refs/heads/main',
    ' repo:acme/app:ref:refs/heads/main',
    'repo:acme@1/app@2:ref:refs/heads/main',
    'repo:acme%2Fapp:ref:refs/heads/main',
    'repo:acme/\u0430pp:ref:refs/heads/main',
  ])('called %j', async (sub) => {
    expect(await sendChanged({ sub })).toEqual(notAuthenticated('federation_claims'));
  });

  it.each(['repo:acme/app:ref:refs/heads/main', 'repo:acme/app:environment:prod', 'repo:acme/app:pull_request/x'])(
    'called %j, where one part is open only',
    async (sub) => {
      expect(await send(await tokenOf(forge, { sub }), 'one-segment')).toEqual(notAuthenticated('federation_claims'));
    },
  );

  it.each([
    ['a list around the subject', { sub: [SUBJECT] }, 'assertion_malformed'],
    ['an object around the subject', { sub: { 0: SUBJECT } }, 'assertion_malformed'],
    ['no subject', { sub: undefined }, 'client_id_mismatch'],
    ['the number for the text', { repository_id: 424_242.5 }, 'federation_claims'],
    ['a number that only looks like it', { repository_id: '0424242' }, 'federation_claims'],
    ['a list in a list', { environment: [['prod']] }, 'federation_claims'],
    ['an object for a text', { environment: { prod: 'prod' } }, 'federation_claims'],
    ['true for a text', { environment: true }, 'federation_claims'],
    ['no such claim', { environment: undefined }, 'federation_claims'],
    ['null', { environment: null }, 'federation_claims'],
    ['the claim in other letters', { environment: undefined, Environment: 'prod' }, 'federation_claims'],
    ['texts in one', { environment: 'test,prod' }, 'federation_claims'],
  ])('and %s', async (_case, claims, reason) => {
    expect(await sendChanged(claims)).toEqual(notAuthenticated(reason));
  });

  it('in the name of a partner that the token is not for', async () => {
    expect(await send(await tokenOf(forge), 'other-deployer')).toEqual(notAuthenticated('federation_claims'));
    expect(await send(await tokenOf(forge), 'crm')).toEqual(notAuthenticated('federation_missing'));
    expect(await send(await tokenOf(forge), 'nobody')).toEqual(notAuthenticated('client_unknown'));
    expect(await send(await tokenOf(forge), 'forge')).toEqual(notAuthenticated('federation_missing'));
  });

  it('whose token says that it is the client itself', async () => {
    const token = await tokenOf(forge, { iss: 'deployer', sub: 'deployer' });
    expect(await send(token)).toEqual(notAuthenticated('assertion_key_unknown'));
  });
});

describe('a token that was made for somebody else', () => {
  it.each([
    ['https://other-service.example'],
    [undefined],
    [[]],
    [['https://other-service.example']],
    [[['https://sts']]],
    ['sts.amazonaws.com'],
  ])('with the audience %j', async (aud) => {
    expect(await sendChanged({ aud })).toEqual(notAuthenticated('federation_claims'));
  });

  it.each(['/', '/token', '?x', '#', ' '])('with our name and %j behind it', async (suffix) => {
    expect(await sendChanged({ aud: `${service.issuer}${suffix}` })).toEqual(notAuthenticated('federation_claims'));
  });
});

describe('a stolen or stale token', () => {
  it.each([
    ['expired', { iat: -3_600, exp: -3_500 }, 'assertion_expired'],
    ['not valid yet', { nbf: 120 }, 'assertion_not_yet_valid'],
    ['made in the future', { iat: 120 }, 'assertion_not_yet_valid'],
    ['that lives too long', { exp: 3_600 }, 'assertion_lifetime'],
    ['that was made too long before its end', { iat: -3_600 }, 'assertion_lifetime'],
  ])('that is %s', async (_case, times, reason) => {
    const claims = Object.fromEntries(Object.entries(times).map(([name, offset]) => [name, now() + offset]));
    expect(await sendChanged(claims)).toEqual(notAuthenticated(reason));
  });

  it('that was used, also by another name of the same bytes', async () => {
    const token = await tokenOf(forge);
    expect(await send(token)).toMatchObject({ reason: 'granted' });
    expect(await send(token)).toEqual(notAuthenticated('assertion_replayed'));
    expect(await send(`${token}=`)).toEqual(notAuthenticated('assertion_malformed'));
  });
});

describe('a token that the issuer never signed', () => {
  it('with another payload', async () => {
    const token = await tokenOf(forge, { environment: 'test' });
    expect(await send(withPart(token, 1, base64url.encode(JSON.stringify(goodClaims()))))).toEqual(
      notAuthenticated('assertion_signature'),
    );
  });

  it.each(['none', 'None', 'NONE', ''])('with the algorithm %j', async (alg) => {
    const token = await compactOf({ alg, kid: 'forge-key' }, goodClaims(), () => new Uint8Array(0));
    expect((await send(token)).reason).toMatch(/^assertion_(algorithm|malformed)$/);
  });

  it('with the public key as the secret of an HMAC', async () => {
    const header = { alg: 'HS256', kid: 'forge-key' };
    const secret = JSON.stringify(forge.publicJwk);
    const token = await compactOf(header, goodClaims(), (input) => createHmac('sha256', secret).update(input).digest());
    expect(await send(token)).toEqual(notAuthenticated('assertion_algorithm'));
  });

  it.each([
    ['a key in the header', async () => ({ jwk: mallory.publicJwk })],
    ['an address of keys in the header', async () => ({ jku: 'https://mallory.example/jwks' })],
    ['a certificate address in the header', async () => ({ x5u: 'https://mallory.example/x5c' })],
  ])('with %s', async (_case, header) => {
    const token = await tokenOf(mallory, {}, { kid: 'forge-key', ...(await header()) });
    expect(await send(token)).toEqual(notAuthenticated('assertion_signature'));
  });

  it.each(['mallory-key', '../forge-key', 'forge-key\u0000', 'FORGE-KEY', ''])('with the kid %j', async (kid) => {
    expect(await sendChanged({}, { kid })).toEqual(notAuthenticated('assertion_key_unknown'));
  });

  it('with an algorithm that the key is not for', async () => {
    const header = { alg: 'RS512', kid: 'forge-key' };
    const token = await compactOf(header, goodClaims(), () => new Uint8Array(256));
    expect(await send(token)).toEqual(notAuthenticated('assertion_algorithm'));
  });
});

describe('a token of another kind, by the same key', () => {
  it.each(['dpop+jwt', 'logout+jwt', 'secevent+jwt', 'application/secevent+jwt', 'statuslist+jwt'])(
    'of the type %s',
    async (typ) => {
      expect(await sendChanged({}, { typ })).toEqual(notAuthenticated('assertion_typ'));
    },
  );

  it('with an extension that has to be understood', async () => {
    const header = { alg: 'RS256', kid: 'forge-key', crit: ['exp'] };
    const token = await compactOf(header, goodClaims(), () => new Uint8Array(256));
    expect(await send(token)).toEqual(notAuthenticated('assertion_critical_header'));
  });
});

describe('an operator who makes a slip', () => {
  const refusalOf = (federation: object) =>
    mustCreate(service, '/partners', { id: 'slip', federation: [federation] }).then(
      () => 'accepted',
      (error: Error) => error.message,
    );

  it.each([
    ['a subject of wildcards', { issuer: FORGE, claims: { sub: { glob: '**' } } }, '/federation/0/claims/sub/glob'],
    ['no subject', { issuer: FORGE, claims: { repository_id: { exact: '1' } } }, '/federation/0/claims'],
    [
      'an issuer with a wildcard',
      { issuer: 'https://*.example', claims: { sub: { exact: 'a' } } },
      '/federation/0/issuer',
    ],
    [
      'an issuer without TLS',
      { issuer: 'http://forge.example', claims: { sub: { exact: 'a' } } },
      '/federation/0/issuer',
    ],
  ])('is told of %s', async (_case, federation, pointer) => {
    expect(await refusalOf(federation)).toContain(`"${pointer}"`);
  });
});
