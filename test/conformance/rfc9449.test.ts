/** DPoP, clause by clause, through HTTP and with client libraries that others wrote. The matrix in README.md names each test. */

import { calculateJwkThumbprint, decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeJson, keyPair, type TestKeyPair } from '../support/builders.ts';
import { notAuthenticated, notAuthorized, type Outcome, outcomeOf, tokenOutcome } from '../support/decisions.ts';
import { tokenHash } from '../support/dpop.ts';
import {
  boundToken,
  currentNonce,
  postWithProofs,
  present,
  resourceProof,
  tokenProof,
} from '../support/dpop-service.ts';
import {
  assertionOf,
  getToken,
  makePartner,
  mustCreate,
  populate,
  postToken,
  type Service,
  startService,
  type TokenResponse,
  tokenForm,
  type World,
} from '../support/service.ts';

let service: Service;
let world: World;
let pair: TestKeyPair;
let nonce: string;

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
  pair = await keyPair();
  nonce = await currentNonce(service, world, pair);
});
afterAll(() => service[Symbol.asyncDispose]());

const post = (...proofs: string[]): Promise<TokenResponse> => postWithProofs(service, world, proofs);
const ask = async (...proofs: string[]): Promise<Outcome> => outcomeOf(service, await post(...proofs));
/** A proof for the token endpoint that is good but for the changes. */
const proof = (claims: object = {}, header: object = {}) => tokenProof(service, pair, { nonce, ...claims }, header);
const invalidProof = (reason: string): Outcome => ({
  status: 400,
  body: { error: 'invalid_dpop_proof', error_description: 'The DPoP proof is not valid.' },
  reason,
});
const granted = { status: 200, reason: 'granted' };

describe('RFC 9449 4.2: a DPoP proof', () => {
  it('has every header parameter and claim that is required', async () => {
    expect(await ask(proof())).toMatchObject(granted);
    for (const name of ['typ', 'alg', 'jwk']) {
      expect(await ask(proof({}, { [name]: undefined })), name).toEqual(invalidProof('dpop_malformed'));
    }
    for (const name of ['jti', 'htm', 'htu', 'iat']) {
      expect(await ask(proof({ [name]: undefined })), name).toEqual(invalidProof('dpop_malformed'));
    }
  });

  it('has the hash of the access token beside it', async () => {
    const token = await boundToken(service, world, pair);
    for (const ath of [undefined, tokenHash('another token'), `${tokenHash(token)}=`]) {
      expect(await present(service, `DPoP ${token}`, resourceProof(service, pair, token, { ath }))).toEqual(
        notAuthorized('dpop_token_hash'),
      );
    }
    expect(await present(service, `DPoP ${token}`, resourceProof(service, pair, token))).toMatchObject(granted);
  });
});

describe('RFC 9449 4.3: checking a proof', () => {
  it('item 1: there is one header', async () => {
    expect(await ask(proof(), proof())).toEqual(invalidProof('dpop_malformed'));
    const token = await boundToken(service, world, pair);
    const proofs = [resourceProof(service, pair, token), resourceProof(service, pair, token)] as const;
    expect(await present(service, `DPoP ${token}`, ...proofs)).toEqual(notAuthorized('dpop_malformed'));
  });

  it('item 2: it is one well-formed JWT', async () => {
    const [header, claims, signature] = proof().split('.');
    for (const text of ['x', `${header}.${claims}`, `${header}.${claims}.${signature}.x`, `x.${claims}.${signature}`]) {
      expect(await ask(text), text).toEqual(invalidProof('dpop_malformed'));
    }
  });

  it('item 4: its type is dpop+jwt', async () => {
    for (const typ of ['JWT', 'at+jwt', 'client-authentication+jwt']) {
      expect(await ask(proof({}, { typ }))).toEqual(invalidProof('dpop_malformed'));
    }
  });

  it('item 5: its algorithm is asymmetric, is not none, and is one that the metadata names', async () => {
    for (const alg of ['none', 'HS256', 'RS1', 'ES256K', 'ML-DSA-44']) {
      expect(await ask(proof({}, { alg })), alg).toEqual(invalidProof('dpop_malformed'));
    }
  });

  it('item 6: it is signed by the key within it', async () => {
    const { publicJwk } = await keyPair('ES256', 'another');
    expect(await ask(proof({}, { jwk: publicJwk }))).toEqual(invalidProof('dpop_signature'));
    const [header, , signature] = proof().split('.');
    const claims = encodeJson({ ...decodeJwt(proof()), jti: 'changed' });
    expect(await ask(`${header}.${claims}.${signature}`)).toEqual(invalidProof('dpop_signature'));
  });

  it('item 7: the key within it is public', async () => {
    expect(await ask(proof({}, { jwk: { ...pair.publicJwk, d: 'AQAB' } }))).toEqual(invalidProof('dpop_key'));
    expect(await ask(proof({}, { jwk: { kty: 'oct', k: 'c2VjcmV0' } }))).toEqual(invalidProof('dpop_key'));
  });

  it('item 8: it names the method of the request', async () => {
    for (const htm of ['GET', 'post']) expect(await ask(proof({ htm }))).toEqual(invalidProof('dpop_method'));
    const token = await boundToken(service, world, pair);
    const other = resourceProof(service, pair, token, { htm: 'POST' });
    expect(await present(service, `DPoP ${token}`, other)).toEqual(notAuthorized('dpop_method'));
  });

  it('item 9: it names the URI of the request, compared after normalization and without query and fragment', async () => {
    const { issuer } = service;
    const { host } = new URL(issuer);
    const same = [`${issuer}/token?a=b#c`, `HTTP://${host}/token`, `${issuer}/x/../token`, `${issuer}/%74oken`];
    for (const htu of same) expect(await ask(proof({ htu })), htu).toMatchObject(granted);
    const others = [
      `${issuer}/tokens`,
      `${issuer}/token/`,
      `${issuer}/TOKEN`,
      issuer,
      '/token',
      'https://a.example/token',
    ];
    for (const htu of others) expect(await ask(proof({ htu })), htu).toEqual(invalidProof('dpop_url'));
  });

  it('item 10: it has a nonce of this server', async () => {
    for (const wrong of [undefined, 'made-up', nonce.slice(1), `${nonce}A`]) {
      expect(await ask(proof({ nonce: wrong }))).toMatchObject({ status: 400, reason: 'dpop_nonce' });
    }
  });

  it('item 11: it was made within the last minute or so', async () => {
    const now = Math.floor(Date.now() / 1_000);
    for (const iat of [now - 600, now + 600]) {
      expect(await ask(proof({ iat }))).toEqual(invalidProof('dpop_untimely'));
    }
    for (const iat of [now - 30, now + 30]) expect(await ask(proof({ iat }))).toMatchObject(granted);
  });

  it('item 12: it is of the token that it comes with, and of the key that this is bound to', async () => {
    const [token, other] = [await boundToken(service, world, pair), await boundToken(service, world, pair)];
    expect(await present(service, `DPoP ${token}`, resourceProof(service, pair, other))).toEqual(
      notAuthorized('dpop_token_hash'),
    );
    const stranger = await keyPair('ES256', 'stranger');
    expect(await present(service, `DPoP ${token}`, resourceProof(service, stranger, token))).toEqual(
      notAuthorized('token_binding'),
    );
  });
});

const insecure = { [oauth.allowInsecureRequests]: true };
const clientId = () => ({ client_id: world.client.id });
const keyId = () => ({ key: world.client.privateKey, kid: `${world.client.id}-key` });
const discover = async (): Promise<oauth.AuthorizationServer> => {
  const issuer = new URL(service.issuer);
  const answer = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oauth2' });
  return oauth.processDiscoveryResponse(issuer, answer);
};

describe('RFC 9449 5: a token request', () => {
  it('with a proof gets a token of type DPoP that is bound to its key', async () => {
    const { status, body } = await post(proof());
    expect([status, body]).toEqual([200, expect.objectContaining({ token_type: 'DPoP', expires_in: 3600 })]);
    expect(decodeJwt(String(body.access_token))).toMatchObject({ cnf: { jkt: pair.thumbprint } });
  });

  it('without a proof gets a token of type Bearer that is bound to nothing', async () => {
    const { body } = await postToken(service, tokenForm(await assertionOf(world.client, service.issuer)));
    expect(body).toMatchObject({ token_type: 'Bearer' });
    expect(decodeJwt(String(body.access_token))).not.toHaveProperty('cnf');
  });

  it('without a proof gets none where the resource wants bound tokens only', async () => {
    const audience = 'https://careful.example/api';
    const tokenPolicy = { binding: 'dpop' };
    await mustCreate(service, '/audiences', { audience, owner: 'billing', scopes: ['read'], tokenPolicy });
    await mustCreate(service, '/grants', { client: 'crm', audience, scopes: ['read'] });
    const form = tokenForm(await assertionOf(world.client, service.issuer), { resource: audience });
    expect(await tokenOutcome(service, form)).toMatchObject({
      ...{ status: 400, reason: 'binding_required', body: { error: 'invalid_request' } },
    });
    const bound = await postWithProofs(service, { ...world, audience }, [proof()]);
    expect(bound).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
  });

  it('without a proof gets none where the client is to have bound tokens only', async () => {
    const client = await makePartner('careful');
    const jwks = { keys: [client.publicJwk] };
    await mustCreate(service, '/partners', { id: client.id, jwks, tokenPolicy: { binding: 'dpop' } });
    await mustCreate(service, '/grants', { client: client.id, audience: world.audience, scopes: ['read'] });
    const form = tokenForm(await assertionOf(client, service.issuer), { resource: world.audience });
    expect(await tokenOutcome(service, form)).toMatchObject({
      ...{ status: 400, reason: 'binding_required', body: { error: 'invalid_request' } },
    });
    const bound = await postWithProofs(service, { ...world, client }, [proof()]);
    expect(bound).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
  });

  it('of oauth4webapi learns the nonce, gets its token and reaches the resource', async () => {
    const [server, keys] = [await discover(), await oauth.generateKeyPair('ES256', { extractable: true })];
    const DPoP = oauth.DPoP({}, keys);
    const options = { ...insecure, DPoP };
    const request = async () => {
      const authentication = oauth.PrivateKeyJwt(keyId());
      const parameters = { resource: world.audience };
      return oauth.processClientCredentialsResponse(
        server,
        clientId(),
        await oauth.clientCredentialsGrantRequest(server, clientId(), authentication, parameters, options),
      );
    };
    const refused: unknown = await request().catch((error: unknown) => error);
    expect(oauth.isDPoPNonceError(refused)).toBe(true);
    const { access_token: token, token_type: type } = await request();
    expect(type).toBe('dpop');
    const confirmation = decodeJwt(token).cnf;
    expect(confirmation).toEqual({ jkt: await DPoP.calculateThumbprint() });
    const url = new URL(world.audience);
    const answer = await oauth.protectedResourceRequest(token, 'GET', url, undefined, undefined, options);
    expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ cnf: confirmation })]);
  });

  it('of openid-client learns the nonce by itself and reaches the resource', async () => {
    const options = { execute: [openid.allowInsecureRequests], algorithm: 'oauth2' as const };
    const authentication = openid.PrivateKeyJwt(keyId());
    const config = await openid.discovery(new URL(service.issuer), world.client.id, undefined, authentication, options);
    const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('EdDSA'));
    const { access_token: token } = await openid.clientCredentialsGrant(config, { resource: world.audience }, { DPoP });
    const url = new URL(world.audience);
    const answer = await openid.fetchProtectedResource(config, token, url, 'GET', null, undefined, { DPoP });
    expect(answer.status).toBe(200);
  });

  it('is refused with invalid_dpop_proof and status 400 where the proof is not good', async () => {
    const { status, headers, body } = await post(proof({ htm: 'GET' }));
    expect([status, body.error, headers.get('cache-control')]).toEqual([400, 'invalid_dpop_proof', 'no-store']);
  });
});

describe('RFC 9449 5.1: the metadata', () => {
  it('names the algorithms of proofs, and every one of them works', async () => {
    const { dpop_signing_alg_values_supported: names = [] } = await discover();
    expect(names).toEqual(['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']);
    for (const alg of names) {
      const signing = await keyPair(alg === 'Ed25519' ? 'EdDSA' : (alg as 'ES256'));
      expect(await ask(tokenProof(service, signing, { nonce }, { alg })), alg).toMatchObject(granted);
    }
  });
});

describe('RFC 9449 6.1: the confirmation', () => {
  it('is the RFC 7638 thumbprint of the key, whatever else stands in the JWK', async () => {
    const jwk = { ...pair.publicJwk, kid: 'any', use: 'sig', alg: 'ES256' };
    const { body } = await post(proof({}, { jwk }));
    expect(decodeJwt(String(body.access_token)).cnf).toEqual({ jkt: await calculateJwkThumbprint(pair.publicJwk) });
  });

  it('is told to the resource behind the authorizer', async () => {
    const token = await boundToken(service, world, pair);
    const { body } = await present(service, `DPoP ${token}`, resourceProof(service, pair, token));
    expect(body).toMatchObject({ cnf: { jkt: pair.thumbprint } });
  });
});

describe('RFC 9449 7.1: the DPoP authentication scheme', () => {
  it('takes a bound token with a proof, whatever the case of the scheme', async () => {
    const token = await boundToken(service, world, pair);
    for (const scheme of ['DPoP', 'dpop', 'DPOP']) {
      expect(await present(service, `${scheme} ${token}`, resourceProof(service, pair, token))).toMatchObject(granted);
    }
  });

  it('takes no bound token without a proof', async () => {
    const token = await boundToken(service, world, pair);
    expect(await present(service, `DPoP ${token}`)).toEqual(notAuthorized('token_binding'));
  });

  it('takes no token that is bound to nothing', async () => {
    const token = await getToken(service, world);
    expect(await present(service, `DPoP ${token}`, resourceProof(service, pair, token))).toEqual(
      notAuthorized('token_unbound'),
    );
  });
});

describe('RFC 9449 7.2: beside the Bearer scheme', () => {
  it('a bound token is no bearer token, even with a proof', async () => {
    const token = await boundToken(service, world, pair);
    expect(await present(service, `Bearer ${token}`)).toEqual(notAuthorized('token_binding'));
    expect(await present(service, `Bearer ${token}`, resourceProof(service, pair, token))).toEqual(
      notAuthorized('token_binding'),
    );
  });

  it('the same resource takes bearer tokens', async () => {
    expect(await present(service, `Bearer ${await getToken(service, world)}`)).toMatchObject(granted);
  });
});

describe('RFC 9449 8: the nonce of the authorization server', () => {
  it('is given with use_dpop_nonce and status 400, and is good for the next request', async () => {
    const { status, headers, body } = await post(proof({ nonce: undefined }));
    expect([status, body.error, headers.get('cache-control')]).toEqual([400, 'use_dpop_nonce', 'no-store']);
    expect(await ask(proof({ nonce: headers.get('dpop-nonce') }))).toMatchObject(granted);
  });

  it('is of the characters that a nonce may have (8.1)', async () => {
    expect(nonce).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]+$/);
  });

  it('is given anew with every token (8.2)', async () => {
    const { status, headers } = await post(proof());
    expect(status).toBe(200);
    expect(await ask(proof({ nonce: headers.get('dpop-nonce') }))).toMatchObject(granted);
  });

  it('costs no assertion: what was refused for its nonce may be sent again with one', async () => {
    const assertion = await assertionOf(world.client, service.issuer);
    const send = (text: string) =>
      fetch(new URL('/token', service.deployment.url), {
        method: 'POST',
        headers: { dpop: text },
        body: tokenForm(assertion, { resource: world.audience }),
      });
    const refused = await send(proof({ nonce: undefined }));
    const answer = await send(proof({ nonce: refused.headers.get('dpop-nonce') }));
    expect([refused.status, answer.status]).toEqual([400, 200]);
  });
});

describe('RFC 9449 11: security', () => {
  it('11.1: a proof is good for one request, at the token endpoint and at the resource', async () => {
    const once = proof();
    expect(await ask(once)).toMatchObject(granted);
    expect(await ask(once)).toEqual(invalidProof('dpop_replayed'));
    const token = await boundToken(service, world, pair);
    const shown = resourceProof(service, pair, token);
    expect(await present(service, `DPoP ${token}`, shown)).toMatchObject(granted);
    expect(await present(service, `DPoP ${token}`, shown)).toEqual(notAuthorized('dpop_replayed'));
  });

  it('11.2 and 11.3: a proof made in advance, without a nonce, is good for no token', async () => {
    expect(await ask(proof({ nonce: undefined }))).toMatchObject({ body: { error: 'use_dpop_nonce' } });
    expect(await ask(proof())).toMatchObject(granted);
    expect(await ask(proof({ nonce: undefined }))).toMatchObject({ body: { error: 'use_dpop_nonce' } });
  });

  it('11.6: no other JWT is a proof, and a proof is no other JWT', async () => {
    const assertion = await assertionOf(world.client, service.issuer);
    expect(await ask(assertion)).toEqual(invalidProof('dpop_malformed'));
    expect(await ask(await getToken(service, world))).toEqual(invalidProof('dpop_malformed'));
    const claims = { iss: 'crm', sub: 'crm', aud: service.issuer, exp: Math.floor(Date.now() / 1_000) + 60 };
    const posing = await assertionOf(world.client, service.issuer, { header: { typ: 'dpop+jwt' }, claims });
    expect(await tokenOutcome(service, tokenForm(posing))).toEqual(notAuthenticated('assertion_typ'));
  });
});
