import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultAlgorithm } from '../../functions/core/default-algorithm.ts';
import {
  activeKey,
  emptyRing,
  findKey,
  type KeyRing,
  publishedKeys,
  type RotationPolicy,
  type SigningKey,
  withActivationTime,
  withActiveKey,
  withCertificates,
  withCreatedKey,
  withCreationBegun,
  withDeletion,
  withDeletionCancelled,
  withDisabledKey,
  withHold,
  withLongerTokens,
  withoutKey,
  withPublishedKey,
  withRetiredKey,
  withRevokedKey,
  withRotationAt,
  withRotationDue,
} from '../../functions/core/key-ring.ts';
import { listedKeys } from '../../functions/core/revocation-list.ts';
import { planRotation, type RotationStep } from '../../functions/core/rotation-plan.ts';
import { NOW, REALM, ring, rotationPolicy } from '../support/builders.ts';
import { settle, step } from './ring-steps.ts';

const POLICY = rotationPolicy();
const EMPTY = emptyRing(REALM, 'RS256');
const DRAIN = 60 + 60 + 30;
const EXPIRY = DRAIN + 3_600 + 60 + 30;

const made = (kid: string): Pick<SigningKey, 'kid' | 'keyArn' | 'jwk' | 'createdAt'> => ({
  ...{ kid, keyArn: `arn:${kid}`, jwk: { kty: 'RSA' }, createdAt: NOW },
});
const keyIn = (from: KeyRing, kid: string): SigningKey => {
  const key = findKey(from, kid);
  if (key === undefined) throw new Error(`no key ${kid}`);
  return key;
};
/** A ring with one key in a state, as it was put there by hand. */
const withOne = (changes: Partial<SigningKey>): KeyRing =>
  ring('RS256', [{ ...made('a'), state: 'created', ...changes }]);

describe('a new ring', () => {
  it('settles at once, with one key that signs and one that stands by', () => {
    const { ring: settled, kinds } = settle(EMPTY, NOW, POLICY);
    expect(kinds).toEqual([
      ...['create', 'publish', 'schedule-activation', 'activate'],
      ...['create', 'publish', 'schedule-activation', 'sweep'],
    ]);
    expect(settled).toEqual({
      ...{ realm: REALM, algorithm: 'RS256', version: 10, sweptAt: NOW },
      keys: [
        {
          ...{ kid: 'key-1', keyArn: 'arn:1', jwk: { kty: 'RSA' }, createdAt: NOW, state: 'active' },
          ...{ publishedAt: NOW, activateNotBefore: NOW, activatedAt: NOW },
          ...{ maxTokenSeconds: 3_600, rotateNotBefore: NOW + 2_592_000 },
        },
        {
          ...{ kid: 'key-5', keyArn: 'arn:5', jwk: { kty: 'RSA' }, createdAt: NOW, state: 'standby' },
          ...{ publishedAt: NOW, activateNotBefore: NOW + 86_400, maxTokenSeconds: 3_600 },
        },
      ],
    });
  });

  it('signs with none of its keys before it is told to', () => {
    const created = step(EMPTY, NOW, POLICY, 1);
    const published = step(created, NOW, POLICY, 2);
    expect([created, published].map((each) => [publishedKeys(each).length, activeKey(each)])).toEqual([
      [0, undefined],
      [1, undefined],
    ]);
  });

  it('marks a creation before there is a key, and forgets the mark with it', () => {
    const begun = withCreationBegun(EMPTY, { id: 'c1', startedAt: NOW });
    expect(begun).toEqual({ ...EMPTY, version: 1, creation: { id: 'c1', startedAt: NOW } });
    expect(withCreatedKey(begun, made('a'))).toEqual({
      ...EMPTY,
      version: 2,
      keys: [{ ...made('a'), state: 'created' }],
    });
  });
});

describe('a step', () => {
  it('never changes the ring it is given', () => {
    const frozen = Object.freeze({ ...EMPTY, keys: Object.freeze([]) });
    const created = withCreatedKey(frozen, made('a'));
    const snapshot = JSON.stringify(created);
    withPublishedKey(created, 'a', POLICY, NOW);
    expect([frozen.keys, JSON.stringify(created)]).toEqual([[], snapshot]);
  });

  const settled = settle(EMPTY, NOW, POLICY).ring;
  it.each<[string, () => unknown, string]>([
    [
      'publish a key that is not there',
      () => withPublishedKey(EMPTY, 'x', POLICY, NOW),
      'key x is not in the ring, not created',
    ],
    ['publish a key twice', () => withPublishedKey(settled, 'key-5', POLICY, NOW), 'key key-5 is standby, not created'],
    [
      'schedule an unpublished key',
      () => withActivationTime(step(EMPTY, NOW, POLICY, 1), 'key-1', POLICY, true),
      'key key-1 is created, not standby',
    ],
    ['activate a key twice', () => withActiveKey(settled, 'key-1', POLICY, NOW), 'key key-1 is active, not standby'],
    [
      'activate an unpublished key',
      () => withActiveKey(step(EMPTY, NOW, POLICY, 1), 'key-1', POLICY, NOW),
      'key key-1 is created, not standby',
    ],
    [
      'lengthen a key that signs',
      () => withLongerTokens(settled, 'key-1', POLICY, NOW),
      'key-1 is active, not standby',
    ],
    ['retire a key that signs', () => withRetiredKey(settled, 'key-1', POLICY, NOW), 'key-1 is active, not retiring'],
    [
      'disable a key that signs',
      () => withDisabledKey(settled, 'key-1', NOW),
      'key-1 is active, not retired or revoked',
    ],
    ['delete a standby', () => withDeletion(settled, 'key-5', NOW), 'key-5 is standby, not retired or revoked'],
    [
      'cancel a deletion that is none',
      () => withDeletionCancelled(settled, 'key-1'),
      'key-1 is active, not pending-deletion',
    ],
    ['hold a key that is not there', () => withHold(settled, 'x', true), 'key x is not in the ring'],
    ['revoke a key that is not there', () => withRevokedKey(settled, 'x', POLICY, NOW), 'key x is not in the ring'],
    [
      'revoke a key twice',
      () => withRevokedKey(withRevokedKey(settled, 'key-1', POLICY, NOW), 'key-1', POLICY, NOW),
      'key key-1 is revoked, not created',
    ],
    [
      'give a retired key certificates',
      () => withCertificates(withOne({ state: 'retired' }), 'a', ['x'], NOW),
      'a is retired',
    ],
  ])('cannot %s', (_what, act, message) => {
    expect(act).toThrow(message);
  });
});

describe('the time from which a published key may sign', () => {
  const published = withPublishedKey(withCreatedKey(EMPTY, made('a')), 'a', POLICY, NOW);

  it.each([
    ['at once in a realm that has never signed', published, false, 0],
    ['after the lead in a realm that signs, though the ring is new', published, true, 86_400],
    [
      'after the lead beside a key that signs',
      { ...published, keys: [...published.keys, { ...made('b'), state: 'active', activatedAt: 1 }] },
      true,
      86_400,
    ],
    [
      'at once where the ring has lost its only signing key',
      { ...published, keys: [...published.keys, { ...made('b'), state: 'revoked', activatedAt: 1 }] },
      true,
      0,
    ],
  ] as [string, KeyRing, boolean, number][])('is %s', (_what, before, isLive, lead) => {
    expect(keyIn(withActivationTime(before, 'a', POLICY, isLive), 'a').activateNotBefore).toBe(NOW + lead);
  });

  it('is later once tokens live longer: authorizers have to see that first', () => {
    const later = (activateNotBefore: number) =>
      keyIn(
        withLongerTokens(
          withOne({ state: 'standby', activateNotBefore }),
          'a',
          rotationPolicy({ maxTokenSeconds: 7_200 }),
          NOW,
        ),
        'a',
      );
    expect([later(NOW - 5), later(NOW + DRAIN), later(NOW + 9_000)].map((key) => key.activateNotBefore)).toEqual([
      NOW + DRAIN,
      NOW + DRAIN,
      NOW + 9_000,
    ]);
    expect(later(NOW).maxTokenSeconds).toBe(7_200);
  });
});

describe('a key that is replaced', () => {
  const settled = settle(EMPTY, NOW, POLICY).ring;
  const later = NOW + 3_000_000;

  it('retires in the same write: published until its last token has expired', () => {
    const rotated = withActiveKey(settled, 'key-5', POLICY, later);
    expect(rotated.version).toBe(settled.version + 1);
    expect(keyIn(rotated, 'key-1')).toMatchObject({
      ...{ state: 'retiring', deactivatedAt: later, lastSignBefore: later + DRAIN, retireNotBefore: later + EXPIRY },
    });
    expect(keyIn(rotated, 'key-5')).toMatchObject({
      ...{ state: 'active', activatedAt: later, rotateNotBefore: later + 2_592_000 },
    });
  });

  it('is held to the token lifetime that it had, not to that of today', () => {
    const rotated = withActiveKey(settled, 'key-5', rotationPolicy({ maxTokenSeconds: 60 }), later);
    expect(keyIn(rotated, 'key-1').retireNotBefore).toBe(later + EXPIRY);
  });

  it('gives up its certificates with its publication', () => {
    const published = withOne({ state: 'retiring', certificates: ['MIIB'] });
    expect(keyIn(withRetiredKey(published, 'a', POLICY, NOW), 'a')).toEqual({
      ...{ ...made('a'), state: 'retired', retiredAt: NOW, deleteNotBefore: NOW + 604_800 },
    });
  });

  it('is due ahead of the calendar once, by the word of the operator', () => {
    const due = withRotationDue(settled, NOW + 10);
    expect([keyIn(due, 'key-1').rotateNotBefore, due.version]).toEqual([NOW + 10, settled.version + 1]);
    expect(withRotationDue(due, NOW + 11)).toBe(due);
    expect(withRotationDue(EMPTY, NOW)).toBe(EMPTY);
  });

  it('is due when the operator says, before the calendar or after it', () => {
    for (const at of [NOW + 10, NOW + 10 * 2_592_000]) {
      const agreed = withRotationAt(settled, at);
      expect([keyIn(agreed, 'key-1').rotateNotBefore, agreed.version]).toEqual([at, settled.version + 1]);
    }
    expect(withRotationAt(EMPTY, NOW)).toBe(EMPTY);
  });
});

describe('a hold', () => {
  it('is set and taken off, and leaves no trace', () => {
    const before = withOne({ state: 'retiring' });
    const held = withHold(before, 'a', true);
    expect([keyIn(held, 'a').hold, withHold(held, 'a', false)]).toEqual([true, { ...before, version: 7 }]);
  });

  it.each([
    ['retired', {}],
    ['revoked', { revokedAt: NOW - 9 }],
  ] as const)('brings a key whose deletion had begun back to %s', (state, more) => {
    const deleting = withOne({ ...more, state: 'pending-deletion', disabledAt: NOW, deletionAt: NOW + 5, hold: true });
    expect(keyIn(withDeletionCancelled(deleting, 'a'), 'a')).toEqual({
      ...{ ...made('a'), ...more, state, disabledAt: NOW, hold: true },
    });
    expect(withDeletionCancelled(deleting, 'a').version).toBe(deleting.version + 1);
  });

  it('keeps nothing of a key that is gone', () => {
    expect(withoutKey(withOne({}), 'a')).toMatchObject({ version: 6, keys: [] });
  });
});

describe('a revoked key', () => {
  const settled = settle(EMPTY, NOW, POLICY).ring;

  it('hands over to the standby by the same write, and is listed until its last token has expired', () => {
    const revoked = withRevokedKey(settled, 'key-1', POLICY, NOW + 9);
    expect([revoked.version, activeKey(revoked)?.kid, publishedKeys(revoked).map(({ kid }) => kid)]).toEqual([
      settled.version + 1,
      'key-5',
      ['key-5'],
    ]);
    expect(keyIn(revoked, 'key-1')).toMatchObject({
      ...{ state: 'revoked', revokedAt: NOW + 9, lastSignBefore: NOW + 9 + DRAIN, listedUntil: NOW + 9 + EXPIRY },
      deleteNotBefore: NOW + 9 + EXPIRY + 604_800,
    });
    const listed = (now: number) => listedKeys(revoked, now).map(({ kid }) => kid);
    expect([listed(NOW + 9), listed(NOW + 8 + EXPIRY), listed(NOW + 9 + EXPIRY)]).toEqual([['key-1'], ['key-1'], []]);
  });

  it('that does not sign leaves the one that does alone', () => {
    const revoked = withRevokedKey(settled, 'key-5', POLICY, NOW);
    expect([activeKey(revoked), publishedKeys(revoked).length]).toEqual([activeKey(settled), 1]);
  });

  it('keeps the last signature and the deletion that it had, if that is later', () => {
    const retired = withOne({ state: 'retired', lastSignBefore: NOW - 5, deleteNotBefore: NOW + 9_000_000 });
    expect(keyIn(withRevokedKey(retired, 'a', POLICY, NOW), 'a')).toMatchObject({
      ...{ lastSignBefore: NOW - 5, deleteNotBefore: NOW + 9_000_000 },
    });
  });
});

describe('at any times, also of a clock that jumps', () => {
  /** Ticks, each at its own time and with the policy of its day; some lose their write and are seen again. */
  const tick = fc.record({
    at: fc.integer({ min: NOW - 200_000, max: NOW + 400_000 }),
    lead: fc.integer({ min: 0, max: 200_000 }),
    isLost: fc.boolean(),
  });
  const policyOf = (lead: number): RotationPolicy => rotationPolicy({ leadSeconds: lead, periodSeconds: 50_000 });

  const expectInTime = (before: KeyRing, planned: RotationStep | undefined, at: number): void => {
    if (planned === undefined || !('kid' in planned)) return;
    const key = keyIn(before, planned.kid);
    if (planned.kind === 'activate') expect(key.activateNotBefore).toBeLessThanOrEqual(at);
    if (planned.kind === 'retire') expect(key.retireNotBefore).toBeLessThanOrEqual(at);
    if (planned.kind === 'schedule-deletion') expect(key.deleteNotBefore).toBeLessThanOrEqual(at);
  };

  it('at most one key is active, no step is early, and the published set never empties nor grows beyond three', () => {
    fc.assert(
      fc.property(fc.array(tick, { maxLength: 60 }), (ticks) => {
        let current = EMPTY;
        let everPublished = false;
        for (const [index, { at, lead, isLost }] of ticks.entries()) {
          const policy = policyOf(lead);
          const planned = planRotation(at, current, policy);
          const after = step(current, at, policy, index);
          expect(planRotation(at, current, policy)).toEqual(planned);
          if (isLost) continue;
          const writes = planned === undefined ? 0 : planned.kind === 'create' ? 2 : 1;
          expect(after.version).toBe(current.version + writes);
          expectInTime(current, planned, at);
          // Only a successor takes the pen from the key that signs.
          if (activeKey(current) !== undefined && planned?.kind !== 'activate') {
            expect(activeKey(after)).toEqual(activeKey(current));
          }
          expect(activeKey(after) !== undefined || activeKey(current) === undefined).toBe(true);
          current = after;
          everPublished ||= publishedKeys(current).length > 0;
          expect(current.keys.filter((key) => key.state === 'active').length).toBeLessThanOrEqual(1);
          expect(publishedKeys(current).length > 0).toBe(everPublished);
          expect(publishedKeys(current).length).toBeLessThanOrEqual(3);
          expect(new Set(current.keys.map((key) => key.kid)).size).toBe(current.keys.length);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('a ring settles wherever it was left, as soon as its deadlines have passed', () => {
    fc.assert(
      fc.property(fc.array(tick, { maxLength: 30 }), (ticks) => {
        const left = ticks.reduce((each, { at, lead }, index) => step(each, at, policyOf(lead), index + 100), EMPTY);
        const { ring: settled } = settle(left, NOW + 1_000_000, POLICY);
        const states = settled.keys.map((key) => key.state);
        expect(states.filter((state) => ['created', 'active', 'standby'].includes(state)).sort()).toEqual([
          'active',
          'standby',
        ]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('what signs where nobody has chosen', () => {
  const signs = (algorithm: 'RS256' | 'ES256' | 'EdDSA') =>
    ring(algorithm, [{ ...made(algorithm), state: 'active', activatedAt: NOW }]);
  const lost = (algorithm: 'ES256') => ring(algorithm, [{ ...made(algorithm), state: 'revoked', activatedAt: NOW }]);
  const waits = (algorithm: 'RS256' | 'ES256' | 'EdDSA') => ring(algorithm, [{ ...made(algorithm), state: 'standby' }]);
  const algorithms = ['ES256', 'EdDSA'] as const;

  it.each([
    ['the first of the realm', [signs('RS256'), signs('EdDSA'), signs('ES256')], 'ES256'],
    ['the next, while the first only waits', [waits('ES256'), signs('EdDSA'), signs('RS256')], 'EdDSA'],
    ['the first even when it has lost its key, and not another in its place', [lost('ES256'), signs('EdDSA')], 'ES256'],
    ['any that does, while none of its own does', [waits('ES256'), waits('EdDSA'), signs('RS256')], 'RS256'],
    ['the first, which is missed then, where none does', [waits('RS256')], 'ES256'],
  ] as const)('is %s', (_what, rings, algorithm) => {
    expect(defaultAlgorithm({ algorithms }, rings)).toBe(algorithm);
  });
});
