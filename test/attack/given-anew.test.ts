/**
 * A partner or a grant that was taken away comes back under the same name, perhaps for somebody else. Tokens of before have not expired:
 * their holder tries all of our validators with them. And whoever gets tokens afterwards is hurt by none of that.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { synthesizeApp } from '../support/assembly.ts';
import { type Outcome, tokenOutcome, whoamiOutcome } from '../support/decisions.ts';
import {
  administer,
  assertionOf,
  changePartner,
  getToken,
  makePartner,
  mustCreate,
  populate,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
  type World,
} from '../support/service.ts';
import { isActive } from '../support/token-state.ts';

let directory: string;
/** Without caches: what they may be late by is tested elsewhere. */
let service: Service;
let world: World;
/** The owner of the resource calls further, with the tokens that it is called with. */
const FURTHER = 'https://further.example';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-anew-'));
  await synthesizeApp(join(directory, 'cdk.out'), { registryCacheSeconds: '0' });
  service = await startService({ assembly: join(directory, 'cdk.out') });
  world = await populate(service);
  await changePartner(service, world.owner.id, { trustLevel: 'full' });
  await mustCreate(service, '/audiences', { audience: FURTHER, owner: world.owner.id, scopes: ['read'] });
  await mustCreate(service, '/grants', { client: world.owner.id, audience: FURTHER, scopes: ['read'] });
}, 120_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const exchange = async (owner: TestPartner, token: string): Promise<Outcome> => {
  const form = tokenForm(await assertionOf(owner, service.issuer), {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    ...{ subject_token: token, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', resource: FURTHER },
  });
  return tokenOutcome(service, form);
};

/** What the authorizer, introspection and an exchange say of a token. */
const everywhere = async (token: string): Promise<readonly unknown[]> => [
  (await whoamiOutcome(service, `Bearer ${token}`)).reason,
  await isActive(service, world.owner, token),
  (await exchange(world.owner, token)).reason,
];
const GOOD = ['granted', true, 'granted'];
const TOO_OLD = ['token_too_old', false, 'subject_token_refused: token_too_old'];

const grantPath = () => `/grants?${new URLSearchParams({ client: world.client.id, audience: world.audience })}`;
const give = (scopes: readonly string[] = ['read']) =>
  administer(service, 'POST', '/grants', { client: world.client.id, audience: world.audience, scopes });
const take = async (path: string): Promise<void> => {
  expect((await administer(service, 'DELETE', path)).status).toBe(204);
};

describe('tokens of before', () => {
  it('are good by no grant that is given anew, not even those of its own second; those of after are, at once', async () => {
    for (const _again of [1, 2]) {
      const old = await getToken(service, world);
      expect(await everywhere(old)).toEqual(GOOD);
      const last = await getToken(service, world);
      await take(grantPath());
      expect((await give()).status).toBe(201);
      const fresh = await getToken(service, world);
      expect([await everywhere(old), await everywhere(last), await everywhere(fresh)]).toEqual([
        ...[TOO_OLD, TOO_OLD, GOOD],
      ]);
    }
  });

  it('come back by no change of the grant, and are not ended by one', async () => {
    const old = await getToken(service, world);
    await take(grantPath());
    await give(['write']);
    for (const scopes of [['write', 'read'], ['read']]) expect((await give(scopes)).status).toBe(200);
    expect(await everywhere(old)).toEqual(TOO_OLD);
    const fresh = await getToken(service, world);
    expect((await give(['read', 'write'])).status).toBe(200);
    expect(await everywhere(fresh)).toEqual(GOOD);
    await give();
  });

  it('are good by no grant on a resource that was removed and declared anew, whoever owns it now', async () => {
    const resource = 'https://moved.example';
    const declare = async (owner: string) => {
      await mustCreate(service, '/audiences', { audience: resource, owner, scopes: ['read'] });
      await mustCreate(service, '/grants', { client: world.client.id, audience: resource, scopes: ['read'] });
      return getToken(service, { ...world, audience: resource });
    };
    const old = await declare(world.owner.id);
    expect(await isActive(service, world.owner, old)).toBe(true);
    await take(`/grants?${new URLSearchParams({ client: world.client.id, audience: resource })}`);
    await take(`/audiences?${new URLSearchParams({ audience: resource })}`);
    const heir = await makePartner('heir');
    await mustCreate(service, '/partners', { id: heir.id, jwks: { keys: [heir.publicJwk] } });
    const fresh = await declare(heir.id);
    expect([await isActive(service, heir, old), await isActive(service, heir, fresh)]).toEqual([false, true]);
  });

  it('are not good for whoever has got the name of a partner that went', async () => {
    const old = await getToken(service, world);
    const { body } = await exchange(world.owner, old);
    const handedOn = String(body.access_token);
    expect(await isActive(service, world.owner, handedOn)).toBe(true);
    await take(`/partners/${world.client.id}`);
    expect(await isActive(service, world.owner, old)).toBe(false);
    const heir = await makePartner(world.client.id);
    const made = await mustCreate(service, '/partners', { id: heir.id, jwks: { keys: [heir.publicJwk] } });
    await give();
    const fresh = await getToken(service, { ...world, client: heir });
    expect([await everywhere(old), await everywhere(fresh)]).toEqual([TOO_OLD, GOOD]);
    // What others had got for its tokens names it too.
    expect(await isActive(service, world.owner, handedOn)).toBe(false);
    const mark = Date.parse(String(made.tokensNotBefore)) / 1_000;
    expect([Number(decodeJwt(old).iat) < mark, Number(decodeJwt(fresh).iat) >= mark]).toEqual([true, true]);
  });
});
