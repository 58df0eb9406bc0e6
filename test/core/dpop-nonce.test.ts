import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptedNonces, isAcceptedNonce, nonceDays, nonceKeyExpiry } from '../../functions/core/dpop-nonce.ts';
import { NOW, REALM } from '../support/builders.ts';

const DAY = 86_400;
const MIDNIGHT = NOW - (NOW % DAY);
/** Keys that differ by the day. */
const keysAt = (now: number) => nonceDays(now).map((day) => ({ day, octets: Buffer.alloc(32, day % 256) }));
const at = (now: number, realm = REALM) => acceptedNonces(realm, now, keysAt(now));

describe('nonces', () => {
  it('are the number of the window and a MAC of realm and window, as anybody with the key can tell', () => {
    const index = Buffer.alloc(4);
    index.writeUInt32BE(NOW / 300);
    const mac = createHmac('sha256', Buffer.alloc(32, Math.floor(NOW / DAY) % 256))
      .update(index)
      .update(REALM);
    expect(at(NOW).current).toBe(Buffer.concat([index, mac.digest().subarray(0, 16)]).toString('base64url'));
  });

  it('are made of the characters that RFC 9449 8.1 allows, and are short', () => {
    expect(at(NOW).current).toMatch(/^[A-Za-z0-9_-]{27}$/);
  });

  it('stay for five minutes, and are accepted for five more', () => {
    const { current } = at(NOW);
    expect(at(NOW + 299).current).toBe(current);
    expect(at(NOW + 300).current).not.toBe(current);
    expect(at(NOW + 300).accepted).toEqual([at(NOW + 300).current, current]);
    expect(at(NOW + 599).accepted).toContain(current);
    expect(at(NOW + 600).accepted).not.toContain(current);
    expect(at(NOW - 1).accepted).not.toContain(current);
  });

  it('are accepted across midnight, where the key changes', () => {
    const { current } = at(MIDNIGHT - 1);
    expect(nonceDays(MIDNIGHT - 1)).toEqual([MIDNIGHT / DAY - 1]);
    expect(nonceDays(MIDNIGHT)).toEqual([MIDNIGHT / DAY, MIDNIGHT / DAY - 1]);
    expect(nonceDays(MIDNIGHT + 299)).toHaveLength(2);
    expect(nonceDays(MIDNIGHT + 300)).toEqual([MIDNIGHT / DAY]);
    expect(at(MIDNIGHT).accepted).toContain(current);
    expect(at(MIDNIGHT + 299).accepted).toContain(current);
    expect(at(MIDNIGHT + 300).accepted).not.toContain(current);
  });

  it('are of one realm each', () => {
    expect(at(NOW, 'other').accepted.some((nonce) => at(NOW).accepted.includes(nonce))).toBe(false);
  });

  it('are others under another key', () => {
    const keys = nonceDays(NOW).map((day) => ({ day, octets: Buffer.alloc(32, 1) }));
    expect(acceptedNonces(REALM, NOW, keys).current).not.toBe(at(NOW).current);
  });

  it('do not exist without the keys of their days', () => {
    expect(() => acceptedNonces(REALM, MIDNIGHT, keysAt(MIDNIGHT).slice(0, 1))).toThrow('no nonce key');
    expect(() => acceptedNonces(REALM, NOW, [])).toThrow('no nonce key');
  });

  it('never need a key that has expired', () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 4_000_000_000 }), (now) => {
        for (const day of nonceDays(now)) expect(nonceKeyExpiry(day)).toBeGreaterThan(now);
        expect(at(now).accepted).toHaveLength(2);
      }),
    );
  });
});

describe('a nonce that is presented', () => {
  const { current, accepted } = at(NOW);
  it.each([
    ['the current one', current, true],
    ['the one before', accepted[1], true],
    ['none', undefined, false],
    ['empty', '', false],
    ['cut short', current.slice(0, -1), false],
    ['longer', `${current}A`, false],
    ['in another case', current.toLowerCase(), false],
    ['one of another realm', at(NOW, 'other').current, false],
    ['one of an hour ago', at(NOW - 3_600).current, false],
    ['one of the window to come', at(NOW + 300).current, false],
    ['its window with a MAC of another', at(NOW - 3_600).current.slice(0, 5) + current.slice(5), false],
  ])('is judged: %s', (_what, nonce, isAccepted) => {
    expect(isAcceptedNonce(nonce, accepted)).toBe(isAccepted);
  });

  it('is refused whatever it is, where none is accepted', () => {
    expect(isAcceptedNonce(current, [])).toBe(false);
    expect(isAcceptedNonce('', [])).toBe(false);
  });

  it('is refused when a single character differs', () => {
    fc.assert(
      fc.property(fc.nat(current.length - 1), fc.constantFrom(...'ABCXYZabcxyz019-_'), (index, character) => {
        fc.pre(current[index] !== character);
        expect(isAcceptedNonce(current.slice(0, index) + character + current.slice(index + 1), accepted)).toBe(false);
      }),
    );
  });
});
