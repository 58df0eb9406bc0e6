/** The verifier's `introspection` against `/introspect` of a running service, by the ways in which a resource server proves itself. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IntrospectionOptions } from '../../sdk/introspection.ts';
import { createVerifier } from '../../sdk/verifier.ts';
import { allowSecrets, basic, makeSecret } from '../support/client-secret.ts';
import {
  administer,
  assertionOf,
  getToken,
  populate,
  type Service,
  startService,
  type TestPartner,
  type World,
} from '../support/service.ts';
import { revoke } from '../support/token-state.ts';
import { outcomeOf } from './verifier-world.ts';

let service: Service;
let world: World;
let secret: string;

beforeAll(async () => {
  service = await startService();
  await allowSecrets(service, true);
  world = await populate(service);
  ({ secret } = await makeSecret(service, world.owner.id));
});
afterAll(() => service[Symbol.asyncDispose]());

type Authenticate = IntrospectionOptions['authenticate'];

const bySecret =
  (known: string): Authenticate =>
  (_form, headers) =>
    headers.set('authorization', basic(world.owner.id, known));
const bySecretInForm: Authenticate = (form) => {
  form.set('client_id', world.owner.id);
  form.set('client_secret', secret);
};
const byKey =
  (partner: TestPartner): Authenticate =>
  async (form) => {
    form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    form.set('client_assertion', await assertionOf(partner, service.issuer));
  };

const verifierBy = (authenticate: Authenticate, cacheSeconds = 0) =>
  createVerifier({ issuer: service.issuer, audience: world.audience, introspection: { authenticate, cacheSeconds } });

describe.each([
  ['client_secret_basic', () => bySecret(secret)],
  ['client_secret_post', () => bySecretInForm],
  ['private_key_jwt', () => byKey(world.owner)],
] as const)('a verifier that asks about tokens, with %s', (_method, authenticate) => {
  it('lets a token in, again and again, until it is revoked', async () => {
    const verifier = verifierBy(authenticate());
    const token = await getToken(service, world);
    for (let times = 0; times < 3; times += 1) expect(await outcomeOf(verifier.verify(token))).toBe('accepted');
    await revoke(service, world.client, token);
    expect(await outcomeOf(verifier.verify(token))).toBe('invalid_token: inactive');
    expect(await outcomeOf(verifier.verify(await getToken(service, world)))).toBe('accepted');
  });
});

describe('a verifier that asks about tokens', () => {
  it('does not hear of a revocation as long as it remembers the answer', async () => {
    const remembering = verifierBy(byKey(world.owner), 60);
    const token = await getToken(service, world);
    expect(await outcomeOf(remembering.verify(token))).toBe('accepted');
    await revoke(service, world.client, token);
    expect(await outcomeOf(remembering.verify(token))).toBe('accepted');
    expect(await outcomeOf(verifierBy(byKey(world.owner)).verify(token))).toBe('invalid_token: inactive');
  });

  it('refuses all tokens of a partner from before their revocation', async () => {
    const verifier = verifierBy(byKey(world.owner));
    const token = await getToken(service, world);
    const { status } = await administer(service, 'POST', `/partners/${world.client.id}/revoke-tokens`);
    expect(status).toBe(200);
    expect(await outcomeOf(verifier.verify(token))).toBe('invalid_token: inactive');
    expect(await outcomeOf(verifier.verify(await getToken(service, world)))).toBe('accepted');
  });

  it('refuses nobody where it does not prove itself: that is its own fault', async () => {
    const token = await getToken(service, world);
    expect(await outcomeOf(verifierBy(bySecret('wrong')).verify(token))).toContain('unavailable: introspection');
    expect(await outcomeOf(verifierBy(() => undefined).verify(token))).toContain('unavailable: introspection');
  });

  it('learns nothing as a partner whose resource it is not', async () => {
    const stranger = verifierBy(byKey(world.client));
    expect(await outcomeOf(stranger.verify(await getToken(service, world)))).toBe('invalid_token: inactive');
  });
});
