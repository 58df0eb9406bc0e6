/** The verifier against a running service: its real documents, its real keys, its real tokens, and none of the code that made them. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createVerifier, type VerifierOptions } from '../../sdk/verifier.ts';
import { keyPair, type TestKeyPair } from '../support/builders.ts';
import { boundToken, resourceProof } from '../support/dpop-service.ts';
import { partOf, withPart } from '../support/forgery.ts';
import {
  administer,
  assertionOf,
  getToken,
  populate,
  type Service,
  startService,
  type World,
} from '../support/service.ts';
import { outcomeOf } from './verifier-world.ts';

let service: Service;
let world: World;
let token: string;
let pair: TestKeyPair;
/** Seconds by which the verifiers' clock is ahead. */
let ahead = 0;

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
  pair = await keyPair();
  token = await getToken(service, world);
});
afterAll(() => service[Symbol.asyncDispose]());

const verifier = (options: Partial<VerifierOptions> = {}) =>
  createVerifier({
    issuer: service.issuer,
    audience: world.audience,
    now: () => Math.floor(Date.now() / 1_000) + ahead,
    ...options,
  });
const request = (authorization: string, more: Readonly<Record<string, string>> = {}) =>
  new Request(`${service.issuer}/whoami`, { headers: { authorization, ...more } });

describe('tokens of a running service', () => {
  it('are accepted, and say whose they are', async () => {
    const told = await verifier({ scopes: ['read'], checkRevokedKeys: true }).verify(request(`Bearer ${token}`));
    expect(told).toMatchObject({ clientId: 'crm', subject: 'crm', scopes: ['read'], audiences: [world.audience] });
  });

  it('are refused elsewhere, without their scopes, or when they were changed', async () => {
    const other = verifier({ audience: 'https://other.example' });
    expect(await outcomeOf(other.verify(token))).toBe('invalid_token: audience');
    expect(await outcomeOf(verifier({ scopes: ['write'] }).verify(token))).toBe('insufficient_scope: scope');
    const changed = withPart(token, 1, partOf(await assertionOf(world.client, service.issuer), 1));
    expect(await outcomeOf(verifier().verify(changed))).toBe('invalid_token: signature');
    expect(await outcomeOf(verifier().verify(await assertionOf(world.client, service.issuer)))).toBe(
      'invalid_token: typ',
    );
  });

  it('are refused by who takes those of another realm, even with the same keys', async () => {
    const foreign = verifier({ issuer: `${service.issuer}/realms/other`, jwksUri: `${service.issuer}/jwks` });
    expect(await outcomeOf(foreign.verify(token))).toBe('invalid_token: issuer');
  });

  it('end when they say', async () => {
    ahead = 3_600 + 61;
    expect(await outcomeOf(verifier().verify(token))).toBe('invalid_token: expired');
    ahead = 0;
  });

  it('that are bound need their key', async () => {
    const bound = await boundToken(service, world, pair);
    const proof = () => resourceProof(service, pair, bound, { htm: 'GET' });
    const checked = verifier();
    const once = proof();
    expect(await outcomeOf(checked.verify(request(`DPoP ${bound}`, { dpop: once })))).toBe('accepted');
    expect(await outcomeOf(checked.verify(request(`DPoP ${bound}`, { dpop: once })))).toContain('proof_replayed');
    expect(await outcomeOf(checked.verify(request(`Bearer ${bound}`, { dpop: proof() })))).toContain('bound_token');
  });
});

describe('the key of a running service', () => {
  it('is refused within a minute of its revocation, and its successor accepted at once', async () => {
    const checked = verifier({ checkRevokedKeys: true, maxKeyAgeSeconds: 86_400 });
    const cached = verifier({ maxKeyAgeSeconds: 86_400 });
    expect(await outcomeOf(checked.verify(token))).toBe('accepted');
    expect(await outcomeOf(cached.verify(token))).toBe('accepted');
    const { kid } = JSON.parse(Buffer.from(partOf(token, 0), 'base64url').toString()) as { kid: string };
    const revoked = await administer(service, 'POST', `/keys/${kid}/revoke`, { breakGlass: true });
    expect(revoked.status).toBe(200);
    ahead = 60;
    expect(await outcomeOf(checked.verify(token))).toBe('invalid_token: key_revoked');
    // Without the list it is the age of the key set that counts.
    expect(await outcomeOf(cached.verify(token))).toBe('accepted');
    expect(await outcomeOf(checked.verify(await getToken(service, world)))).toBe('accepted');
    ahead = 0;
  });
});
