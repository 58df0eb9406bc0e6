import { afterEach, expect, it, vi } from 'vitest';
import { randomSecrets, systemClock, systemPause } from '../../functions/adapters/system.ts';

it('a secret is 256 bits in base64url, each time others', () => {
  const made = Array.from({ length: 100 }, () => randomSecrets.next());
  expect(made.filter((secret) => !/^[\w-]{43}$/.test(secret))).toEqual([]);
  expect(new Set(made).size).toBe(100);
  // Every bit is 0 in some of them and 1 in others; that one is not would take a chance of 1 in 2^91.
  const octets = made.map((secret) => Buffer.from(secret, 'base64url'));
  const [ever, always] = octets.reduce(
    ([or, and], each) => [
      or.map((octet, index) => octet | (each[index] ?? 0)),
      and.map((octet, index) => octet & (each[index] ?? 0)),
    ],
    [new Uint8Array(32), new Uint8Array(32).fill(255)],
  );
  expect([ever, always]).toEqual([new Uint8Array(32).fill(255), new Uint8Array(32)]);
});

afterEach(() => {
  vi.useRealTimers();
});

it('a pause ends with the second that is waited for, not before, and one that is over is none', async () => {
  vi.useFakeTimers({ now: 1_800_000_000_250, toFake: ['Date'] });
  await systemPause.until(systemClock.now());
  vi.useRealTimers();
  const next = systemClock.now() + 1;
  await systemPause.until(next);
  expect([next, next + 1]).toContain(systemClock.now());
});
