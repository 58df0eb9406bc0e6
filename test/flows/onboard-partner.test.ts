import { describe, expect, it } from 'vitest';
import { hashSecret } from '../../functions/core/client-secret.ts';
import { CLIENT, NOW, partner, REALM } from '../support/builders.ts';
import { openedToken, registeredToken, registrationWorld } from './registration-world.ts';

const stored = async (world: Awaited<ReturnType<typeof registrationWorld>>) =>
  (await world.registry.findPartner(REALM, CLIENT))?.partner;

describe('an operator who opens a partner to its own people', () => {
  it('gets a token for a day, of which the registry keeps the hash alone', async () => {
    const world = await registrationWorld();
    const opened = await world.onboarding.open(REALM, CLIENT, {});
    const token = opened.ok ? opened.value.token : '';
    expect(token).toBe(`cobt_Y3Jt.${Buffer.alloc(32, 1).toString('base64url')}`);
    const onboarding = {
      ...{ hash: hashSecret(token), createdAt: NOW, expiresAt: NOW + 86_400 },
      methods: ['private_key_jwt', 'self_signed_tls_client_auth'],
    };
    expect(opened).toMatchObject({ value: { expiresAt: NOW + 86_400, partner: { onboarding, version: 2 } } });
    expect(await stored(world)).toEqual(partner({ onboarding, version: 2, updatedAt: NOW } as object));
    expect(JSON.stringify([...world.registry.partners])).not.toContain(token.split('.')[1]);
  });

  it('may say for how long, and how the partner may prove itself', async () => {
    const world = await registrationWorld();
    await openedToken(world, { expiresInSeconds: 60, methods: ['self_signed_tls_client_auth'] });
    expect((await stored(world))?.onboarding).toMatchObject({
      expiresAt: NOW + 60,
      methods: ['self_signed_tls_client_auth'],
    });
  });

  it.each<[object, readonly string[]]>([
    [{ expiresInSeconds: 59 }, ['/expiresInSeconds']],
    [{ expiresInSeconds: 604_801 }, ['/expiresInSeconds']],
    [{ expiresInSeconds: 60.5 }, ['/expiresInSeconds']],
    [{ methods: [] }, ['/methods']],
    [{ methods: ['client_secret_basic'] }, ['/methods']],
    [{ methods: ['private_key_jwt', 'private_key_jwt'] }, ['/methods']],
    [{ methods: ['private_key_jwt', 'none'], expiresInSeconds: 0 }, ['/expiresInSeconds', '/methods']],
  ])('is told what is wrong with %j', async (input, pointers) => {
    const world = await registrationWorld();
    const opened = await world.onboarding.open(REALM, CLIENT, input);
    const problems = !opened.ok && opened.refusal.reason === 'invalid' ? opened.refusal.problems : [];
    expect(problems.map(({ pointer }) => pointer)).toEqual(pointers);
    expect(await stored(world)).toEqual(partner());
  });

  it.each(['nobody', '../x', 'x'.repeat(500)])('finds no partner %s', async (id) => {
    const { onboarding } = await registrationWorld();
    expect(await onboarding.open(REALM, id, {})).toMatchObject({ refusal: { reason: 'not_found' } });
    expect(await onboarding.close(REALM, id)).toMatchObject({ refusal: { reason: 'not_found' } });
  });

  it('replaces with a new token the one that is open, and what is registered stays', async () => {
    const world = await registrationWorld();
    await registeredToken(world);
    const [first, second] = [await openedToken(world), await openedToken(world)];
    expect(first).not.toBe(second);
    expect(await stored(world)).toMatchObject({
      onboarding: { hash: hashSecret(second) },
      registration: { method: 'private_key_jwt' },
      credentials: [{ source: 'self-registered' }],
    });
  });

  it('takes both tokens back, and the keys stay as they are', async () => {
    const world = await registrationWorld();
    await registeredToken(world);
    await openedToken(world);
    const closed = await world.onboarding.close(REALM, CLIENT);
    expect(closed.ok && closed.value).toEqual(await stored(world));
    const after = await stored(world);
    expect([after?.onboarding, after?.registration, after?.credentials.length]).toEqual([undefined, undefined, 1]);
    expect((await world.onboarding.close(REALM, CLIENT)).ok).toBe(true);
    expect((await stored(world))?.version).toBe(after?.version);
  });

  it('does it all the same when somebody else changes the partner meanwhile, and says so when that goes on', async () => {
    let conflicts = 2;
    const world = await registrationWorld();
    const { updatePartner } = world.registry;
    const busy = await registrationWorld({
      findPartner: world.registry.findPartner,
      updatePartner: async (...write) => {
        conflicts -= 1;
        return conflicts < 0 ? updatePartner(...write) : 'conflict';
      },
    });
    expect((await busy.onboarding.open(REALM, CLIENT, {})).ok).toBe(true);
    conflicts = 9;
    expect(await busy.onboarding.open(REALM, CLIENT, {})).toMatchObject({ refusal: { reason: 'conflict' } });
  });
});
