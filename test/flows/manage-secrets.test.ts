import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { findSecret, MAX_SECRETS } from '../../functions/core/client-secret.ts';
import type { Partner } from '../../functions/core/partner.ts';
import { Outage } from '../../functions/ports.ts';
import { CLIENT, NOW, REALM } from '../support/builders.ts';
import {
  type AdminWorld,
  adminWorld,
  inputOf,
  interleave,
  letRealm,
  managersOver,
  mustBe,
  reasonOf,
  scheduled,
  stored,
} from './admin-world.ts';

let world: AdminWorld;
beforeEach(async () => {
  world = adminWorld();
  letRealm(world, { clientSecrets: true });
  mustBe(await world.partners.add(REALM, await inputOf(CLIENT)));
});

const add = (input: object = {}, id = CLIENT) => world.secrets.addSecret(REALM, id, input);
const partner = async (): Promise<Partner> => (await stored(world)).partner;
const hashOf = (secret: string) => createHash('sha256').update(secret).digest();

describe('a client secret', () => {
  it('is told once, and kept as its hash under an id that is made of it', async () => {
    const { secret, secretId, ...view } = mustBe(await add({ label: 'blue', expiresAt: NOW + 1 }));
    const hash = hashOf(secret);
    expect([secret, secretId]).toEqual(['csec_chance-1', hash.toString('hex').slice(0, 12)]);
    const { secrets, version, updatedAt } = await partner();
    expect([secrets, version, updatedAt]).toEqual([
      [{ id: secretId, hash: hash.toString('base64url'), label: 'blue', addedAt: NOW, expiresAt: NOW + 1 }],
      ...[2, NOW],
    ]);
    expect(view.partner.secrets).toEqual(secrets);
    expect(JSON.stringify([...world.registry.partners.values()])).not.toContain(secret);
  });

  it('proves its partner until the second in which it expires, beside another that does not', async () => {
    const [first, second] = [mustBe(await add({ expiresAt: NOW + 60 })), mustBe(await add())];
    const { secrets } = await partner();
    const idAt = (secret: string, now: number) => {
      const found = findSecret(secrets, secret, now);
      return found.ok ? found.value.id : found.refusal.reason;
    };
    expect([
      idAt(first.secret, NOW + 59),
      idAt(first.secret, NOW + 60),
      idAt(second.secret, NOW + 60),
      idAt('csec_another', NOW),
    ]).toEqual([first.secretId, 'secret_expired', second.secretId, 'secret_unknown']);
  });

  it.each([
    [{}, 'conflict'],
    [{ clientSecrets: false }, 'conflict'],
    [{ clientSecrets: true }, 'done'],
  ])('of a realm that says %j is %s', async (policy, outcome) => {
    letRealm(world, policy);
    expect(reasonOf(await add())).toBe(outcome);
    expect((await partner()).secrets).toHaveLength(outcome === 'done' ? 1 : 0);
  });

  it('of a realm that has never said anything is refused, and says what would have to be said', async () => {
    world.realms.realms.clear();
    expect(await add()).toMatchObject({
      refusal: { reason: 'conflict', detail: expect.stringMatching(/clientSecrets/) },
    });
  });

  it.each([
    [{ label: '' }, ['/label']],
    [{ label: 'x'.repeat(65) }, ['/label']],
    [{ label: 'a\nb', expiresAt: NOW }, ['/label', '/expiresAt']],
    [{ expiresAt: NOW }, ['/expiresAt']],
    [{ expiresAt: NOW - 1 }, ['/expiresAt']],
  ])('cannot be %j', async (input, pointers) => {
    const problems = pointers.map((pointer) => ({ pointer, detail: expect.any(String) }));
    expect(await add(input)).toEqual({ ok: false, refusal: { reason: 'invalid', problems } });
    expect((await partner()).version).toBe(1);
  });

  it(`is one of ${MAX_SECRETS} at most, until one is taken away`, async () => {
    const made: { readonly secretId: string }[] = [];
    for (let index = 0; index < MAX_SECRETS; index += 1) made.push(mustBe(await add()));
    expect(reasonOf(await add())).toBe('conflict');
    mustBe(await world.secrets.removeSecret(REALM, CLIENT, made[2]?.secretId ?? ''));
    expect(reasonOf(await add())).toBe('done');
    const { secrets } = await partner();
    expect([secrets.length, secrets.some(({ id }) => id === made[2]?.secretId)]).toEqual([MAX_SECRETS, false]);
  });

  it('is taken away once, by its id, from a partner that has it', async () => {
    const { secretId } = mustBe(await add());
    const remove = (id: string, secret: string) => world.secrets.removeSecret(REALM, id, secret);
    const outcomes = [];
    for (const [id, secret] of [
      [CLIENT, 'another'],
      ['nobody', secretId],
      [CLIENT, secretId],
      [CLIENT, secretId],
    ] as const) {
      outcomes.push(reasonOf(await remove(id, secret)));
    }
    expect(outcomes).toEqual(['not_found', 'not_found', 'done', 'not_found']);
    expect((await partner()).secrets).toEqual([]);
    expect(reasonOf(await add({}, 'nobody'))).toBe('not_found');
  });

  it('is not lost, and loses nothing, when several administrators work at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const each = adminWorld();
        letRealm(each, { clientSecrets: true });
        mustBe(await each.partners.add(REALM, { id: CLIENT }));
        const old = mustBe(await each.secrets.addSecret(REALM, CLIENT, { label: 'old' }));
        const { secrets, partners } = managersOver(each, scheduled(each.registry, scheduler));
        const results = await interleave<{ readonly ok: boolean }>(scheduler, [
          () => secrets.addSecret(REALM, CLIENT, { label: 'a' }),
          () => secrets.addSecret(REALM, CLIENT, { label: 'b' }),
          () => secrets.removeSecret(REALM, CLIENT, old.secretId),
          async () => partners.addCredential(REALM, CLIENT, { jwk: (await inputOf('x')).jwks.keys[0] }),
        ]);
        const { partner: left } = await stored(each);
        expect(results.map(({ ok }) => ok)).toEqual([true, true, true, true]);
        expect(left.secrets.map(({ label }) => label).sort()).toEqual(['a', 'b']);
        expect([left.credentials.length, left.version]).toEqual([1, 6]);
      }),
      { numRuns: 50 },
    );
  });

  it('is refused after a few lost races, rather than tried for ever', async () => {
    let calls = 0;
    const lost = async () => {
      calls += 1;
      return 'conflict' as const;
    };
    const { secrets } = managersOver(world, { updatePartner: lost });
    expect([reasonOf(await secrets.addSecret(REALM, CLIENT, {})), calls]).toEqual(['conflict', 4]);
  });

  it('is not told when nobody knows whether it is kept', async () => {
    const down = () => Promise.reject(new Outage('dynamodb:TransactWriteItems', new Error('down')));
    const { secrets } = managersOver(world, { updatePartner: down });
    await expect(secrets.addSecret(REALM, CLIENT, {})).rejects.toThrow(Outage);
  });
});
