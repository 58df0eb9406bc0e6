/**
 * A certificate roll of both sides, told as four moments: before it is announced, when the next certificates are published, just after they
 * have taken over, and when the old ones are gone. Whoever verifies depends on the roll of whoever signs only, so that each direction of each
 * conversation is the roll of one side.
 */

import { decodeProtectedHeader } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Called, SimulatedServer } from '../servers/simulated-server.ts';
import type { SimulatedSts } from '../servers/simulated-sts.ts';
import { readJwt } from '../servers/tokens.ts';
import { type Clock, rollOf } from './clock.ts';
import type { Enterprise } from './enterprise.ts';

export interface Conversation {
  readonly name: string;
  /** Gets its token in its own way and calls with it. */
  readonly call: () => Promise<Called>;
  /** Calls with a token that it has. */
  readonly show: (token: string) => Promise<Called>;
  /** For whom the recipient takes the caller. */
  readonly seen: object;
  /** Whose log tells why a token was refused; absent: the recipient says it itself. */
  readonly judge?: () => Enterprise;
}

export interface Parties {
  readonly clock: Clock;
  readonly enterprises: readonly Enterprise[];
  readonly servers: readonly SimulatedServer[];
  readonly services: readonly SimulatedSts[];
}

const hasWorked = (called: Called, seen: object): void => {
  expect([called.status, called.text, called.diagnostics]).toEqual([200, expect.any(String), undefined]);
  expect(JSON.parse(called.text)).toMatchObject(seen);
};

/** By what the key that has signed is named, wherever in the token that stands. */
const signerOf = (token: string): unknown => {
  const read = readJwt(token);
  const inner = read?.claims.actortoken;
  const { x5t, kid } = decodeProtectedHeader(typeof inner === 'string' ? inner : token);
  return x5t ?? kid;
};

/** Declares the tests. @param parties that exist by then. */
export const tellRoll = (parties: () => Parties, conversations: readonly Conversation[]): void => {
  const held = new Map<string, string>();
  let times: ReturnType<typeof rollOf>;

  const works = () =>
    it.each(conversations)('$name', async ({ call, seen }) => {
      hasWorked(await call(), seen);
    });

  describe('before any roll', () => {
    beforeAll(() => {
      times = rollOf(parties().clock.now());
    });
    works();
  });

  describe('when the next certificates are published', () => {
    beforeAll(async () => {
      const { clock, enterprises, servers, services } = parties();
      const at = new Date(times.effectiveAt * 1_000).toISOString().replace('.000', '');
      for (const each of enterprises) await each.admin('key', 'rotate', '--algorithm', 'RS256', '--at', at);
      for (const server of servers) {
        const next = await server.stage(times.effectiveAt);
        for (const service of services) service.renew(server.principal, next);
      }
      await Promise.all(services.map((each) => each.stage(times.effectiveAt)));
      clock.moveTo(times.before);
      await catchUp(parties());
    }, 120_000);

    it.each(conversations)('$name', async ({ name, call, seen }) => {
      const called = await call();
      hasWorked(called, seen);
      held.set(name, called.token);
    });
  });

  describe('when the next certificates have just taken over', () => {
    beforeAll(async () => {
      const { clock, enterprises } = parties();
      clock.moveTo(times.during);
      // Nobody has read anybody's document anew.
      await startAgain(enterprises);
    }, 120_000);

    it.each(conversations)('$name', async ({ name, call, seen }) => {
      const called = await call();
      hasWorked(called, seen);
      expect(signerOf(called.token)).not.toBe(signerOf(held.get(name) ?? ''));
    });

    it.each(conversations)('$name, with a token that was signed before', async ({ name, show, seen }) => {
      hasWorked(await show(held.get(name) ?? ''), seen);
    });
  });

  describe('when the old certificates are gone', () => {
    beforeAll(async () => {
      const { clock, servers, services } = parties();
      clock.moveTo(times.after);
      for (const { certificates } of [...servers, ...services]) certificates.clearPrevious();
      await catchUp(parties());
    }, 120_000);
    works();

    it.each(conversations)('$name, but not with the old certificate', async ({ name, show, judge }) => {
      const token = held.get(name) ?? '';
      const shown = async () => {
        const called = await show(token);
        expect(called.status).toBe(401);
        return called;
      };
      if (judge === undefined) expect(unknownKey(await shown())).toBe(true);
      else expect(await judge().refusalOf(shown)).toMatchObject({ fault: 'key_not_found' });
    });
  });
};

/** Whatever else is wrong with the token by now: this is looked at first. */
const unknownKey = ({ diagnostics = '', text }: Called): boolean =>
  diagnostics.startsWith('2000000;reason="the certificate is not known"') || text.includes('key_unknown');

/** Everybody reads everybody's documents. */
const catchUp = async ({ enterprises, servers }: Parties): Promise<void> => {
  await startAgain(enterprises);
  for (const { trust } of servers) await trust.refresh();
};

/** First all of them, since they follow one another. */
const startAgain = async (enterprises: readonly Enterprise[]): Promise<void> => {
  await Promise.all(enterprises.map((each) => each.restart()));
  for (const each of enterprises) await each.settle();
};
