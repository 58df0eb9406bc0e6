/** The end of tokens that are out, as operators order it: what is marked, from which second on, and what a later change leaves of it. */

import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { EpochSeconds } from '../../functions/core/partner.ts';
import { manageTokens } from '../../functions/flows/manage-tokens.ts';
import { Outage, type Registry } from '../../functions/ports.ts';
import { AUDIENCE, CLIENT, NOW, OWNER, REALM } from '../support/builders.ts';
import {
  type AdminWorld,
  adminWorld,
  interleave,
  mustBe,
  populate,
  reasonOf,
  scheduled,
  stored,
} from './admin-world.ts';
import { memoryTokenRevocations } from './in-memory.ts';

let world: AdminWorld;
let revocations: ReturnType<typeof memoryTokenRevocations>;
let waits: EpochSeconds[];

beforeEach(async () => {
  world = adminWorld();
  revocations = memoryTokenRevocations();
  waits = [];
  await populate(world);
});

const tokens = (changes: Partial<Registry> = {}) =>
  manageTokens(
    {
      ...{ registry: { ...world.registry, ...changes }, revocations, uses: world.replay, clock: world.clock },
      pause: {
        until: async (time) => {
          waits.push(time);
        },
      },
    },
    { clockToleranceSeconds: 60 },
  );
const partner = async (id = CLIENT) => (await stored(world, id)).partner;
const grant = async () => (await stored(world)).grants[0];

/** Each of the two ways to end many tokens, and where its mark stands. */
const WAYS = [
  ['a partner', (use = tokens()) => use.revokeOfPartner(REALM, CLIENT), async () => partner()],
  ['a grant', (use = tokens()) => use.revokeOfGrant(REALM, CLIENT, AUDIENCE), async () => grant()],
] as const;

describe.each(WAYS)('the tokens of %s', (_what, revoke, read) => {
  it('are refused from before the next second on, which has come when that is answered', async () => {
    const before = await read();
    mustBe<unknown>(await revoke());
    expect(await read()).toEqual({ ...before, tokensNotBefore: NOW + 1, version: (before?.version ?? 0) + 1 });
    expect(waits).toEqual([NOW + 1]);
  });

  it('can be ended again and again, and a clock that is behind takes nothing back', async () => {
    for (const time of [NOW + 100, NOW + 90, NOW + 200]) {
      world.clock.time = time;
      mustBe<unknown>(await revoke());
    }
    expect((await read())?.tokensNotBefore).toBe(NOW + 201);
    // No longer than a second, wherever the mark is.
    expect(waits).toEqual([NOW + 101, NOW + 91, NOW + 201]);
  });

  it('are ended however many do so at once, or change something else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        world = adminWorld();
        await populate(world);
        const slow = scheduled(world.registry, scheduler);
        const runs = [() => revoke(tokens(slow)), () => revoke(tokens(slow))];
        const results = await interleave<Awaited<ReturnType<typeof revoke>>>(scheduler, runs);
        expect([results.map(reasonOf), (await read())?.tokensNotBefore]).toEqual([['done', 'done'], NOW + 1]);
      }),
      { numRuns: 50 },
    );
  });

  it('are not said to be ended when every attempt was lost, nor when the registry is down', async () => {
    const conflict = async (): Promise<'conflict'> => 'conflict';
    const lost = { updatePartner: conflict, saveGrant: conflict };
    expect(reasonOf(await revoke(tokens(lost)))).toBe('conflict');
    const down = () => Promise.reject(new Outage('dynamodb:TransactWriteItems', new Error('down')));
    await expect(revoke(tokens({ updatePartner: down, saveGrant: down }))).rejects.toBeInstanceOf(Outage);
    expect([(await read())?.tokensNotBefore, waits]).toEqual([undefined, []]);
  });
});

describe('tokens of nobody', () => {
  it.each([
    ['a partner that there is not', () => tokens().revokeOfPartner(REALM, 'nobody')],
    ['what is no id', () => tokens().revokeOfPartner(REALM, 'a#b')],
    ['a grant of nobody', () => tokens().revokeOfGrant(REALM, 'nobody', AUDIENCE)],
    ['a grant that there is not', () => tokens().revokeOfGrant(REALM, OWNER, AUDIENCE)],
    ['a grant on what is no audience', () => tokens().revokeOfGrant(REALM, CLIENT, 'a b')],
    ['a partner of another realm', () => tokens().revokeOfPartner('elsewhere', CLIENT)],
  ])('are not ended: %s', async (_what, revoke) => {
    expect([reasonOf(await revoke()), waits]).toEqual(['not_found', []]);
  });
});

describe('the mark', () => {
  beforeEach(async () => {
    mustBe(await tokens().revokeOfPartner(REALM, CLIENT));
    mustBe(await tokens().revokeOfGrant(REALM, CLIENT, AUDIENCE));
  });
  const marks = async () => [(await partner()).tokensNotBefore, (await grant())?.tokensNotBefore];

  it('is no part of what is declared: the same declaration changes nothing, another one leaves it', async () => {
    const { version } = await partner();
    const jwks = { keys: (await partner()).credentials.map(({ jwk, kid }) => ({ ...jwk, kid })) };
    const declared = mustBe(await world.partners.declare(REALM, CLIENT, undefined, { jwks }));
    expect([
      declared.value.partner.version,
      mustBe(await world.partners.add(REALM, { id: CLIENT, jwks })).created,
    ]).toEqual([version, false]);
    mustBe(await world.partners.declare(REALM, CLIENT, undefined, { name: 'CRM' }));
    expect(await marks()).toEqual([NOW + 1, NOW + 1]);
  });

  it('stays when the partner is changed, and when the grant is given again with the same scopes or others', async () => {
    const { version } = await partner();
    mustBe(await world.partners.change(REALM, CLIENT, version, { enabled: false, name: 'CRM' }));
    const give = (scopes: string[]) => world.grants.addGrant(REALM, { client: CLIENT, audience: AUDIENCE, scopes });
    expect(mustBe(await give(['read', 'write']))).toMatchObject({ created: false, value: { version: 2 } });
    expect(mustBe(await give(['read']))).toMatchObject({ created: false, value: { version: 3 } });
    expect(await marks()).toEqual([NOW + 1, NOW + 1]);
  });

  it('is not on other partners and grants', async () => {
    expect((await partner(OWNER)).tokensNotBefore).toBeUndefined();
  });
});

describe('a single token', () => {
  it('is remembered for as long as a verifier with a slow clock takes it', async () => {
    mustBe(await tokens().revokeOne(REALM, 'token-1', NOW + 600));
    mustBe(await tokens().revokeOne(REALM, 'token-1', NOW + 600));
    expect([...revocations.revoked]).toEqual([[`${REALM}/token-1`, NOW + 660]]);
  });

  it.each([
    ['token-1', NOW - 59, 'done'],
    ['token-1', NOW - 60, 'invalid'],
    // A day and ten minutes, as authorization servers of the Microsoft profile give, and two clocks that differ.
    ['token-1', NOW + 87_600, 'done'],
    ['token-1', NOW + 87_601, 'invalid'],
    ['x'.repeat(256), NOW + 600, 'done'],
    ['x'.repeat(257), NOW + 600, 'invalid'],
    ['', NOW + 600, 'invalid'],
  ])('by the name %.9s that expires at %d: %s', async (tokenId, expiresAt, outcome) => {
    expect(reasonOf(await tokens().revokeOne(REALM, tokenId, expiresAt))).toBe(outcome);
    expect(revocations.revoked.size).toBe(outcome === 'done' ? 1 : 0);
  });
});
