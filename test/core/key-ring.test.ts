import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  activeKey,
  emptyRing,
  type KeyRing,
  planRotation,
  publishedKeys,
  type RotationPolicy,
  withActiveKey,
  withCreatedKey,
  withPublishedKey,
} from '../../functions/core/key-ring.ts';
import { NOW, REALM } from '../support/builders.ts';

const POLICY: RotationPolicy = { leadSeconds: 86_400, maxTokenSeconds: 3_600 };

/** Does what the plan says, with key number `number` where one is to be made. */
const step = (ring: KeyRing, now: number, policy: RotationPolicy, number: number): KeyRing => {
  const planned = planRotation(now, ring);
  if (planned === undefined) return ring;
  switch (planned.kind) {
    case 'create':
      return withCreatedKey(ring, {
        kid: `key-${number}`,
        keyArn: `arn:${number}`,
        jwk: { kty: 'RSA' },
        createdAt: now,
      });
    case 'publish':
      return withPublishedKey(ring, planned.kid, policy, now);
    case 'activate':
      return withActiveKey(ring, planned.kid, now);
  }
};

const steps = (ring: KeyRing, now: number, policy = POLICY): { ring: KeyRing; kinds: string[] } => {
  const kinds: string[] = [];
  let current = ring;
  for (let planned = planRotation(now, current); planned !== undefined; planned = planRotation(now, current)) {
    kinds.push(planned.kind);
    if (kinds.length > 20) throw new Error('the plan has no end');
    current = step(current, now, policy, kinds.length);
  }
  return { ring: current, kinds };
};

const EMPTY = emptyRing(REALM, 'RS256', POLICY);

describe('a new ring', () => {
  it('settles in five steps, at once, with one key that signs and one that stands by', () => {
    const { ring, kinds } = steps(EMPTY, NOW);
    expect(kinds).toEqual(['create', 'publish', 'activate', 'create', 'publish']);
    expect(ring).toEqual({
      realm: REALM,
      algorithm: 'RS256',
      version: 5,
      maxTokenSeconds: 3_600,
      keys: [
        {
          ...{ kid: 'key-1', keyArn: 'arn:1', jwk: { kty: 'RSA' }, createdAt: NOW, state: 'active' },
          ...{ publishedAt: NOW, activateNotBefore: NOW, activatedAt: NOW },
        },
        {
          ...{ kid: 'key-4', keyArn: 'arn:4', jwk: { kty: 'RSA' }, createdAt: NOW, state: 'standby' },
          ...{ publishedAt: NOW, activateNotBefore: NOW + 86_400 },
        },
      ],
    });
  });

  it('has nothing to plan once settled, now or in a hundred years', () => {
    const { ring } = steps(EMPTY, NOW);
    expect([NOW - 1_000_000, NOW, NOW + 3_155_760_000].map((now) => planRotation(now, ring))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('signs with none of its keys before it is told to', () => {
    const created = step(EMPTY, NOW, POLICY, 1);
    const published = step(created, NOW, POLICY, 2);
    expect([created, published].map((ring) => [publishedKeys(ring).length, activeKey(ring)])).toEqual([
      [0, undefined],
      [1, undefined],
    ]);
  });
});

describe('a step', () => {
  it('never changes the ring it is given', () => {
    const frozen = Object.freeze({ ...EMPTY, keys: Object.freeze([]) });
    const created = withCreatedKey(frozen, { kid: 'a', keyArn: 'arn', jwk: { kty: 'RSA' }, createdAt: NOW });
    const snapshot = JSON.stringify(created);
    withPublishedKey(created, 'a', POLICY, NOW);
    expect([frozen.keys, JSON.stringify(created)]).toEqual([[], snapshot]);
  });

  it.each([
    [
      'publish a key that is not there',
      () => withPublishedKey(EMPTY, 'x', POLICY, NOW),
      'key x is not in the ring, not created',
    ],
    [
      'publish a key twice',
      () => withPublishedKey(steps(EMPTY, NOW).ring, 'key-4', POLICY, NOW),
      'key key-4 is standby, not created',
    ],
    [
      'activate a key twice',
      () => withActiveKey(steps(EMPTY, NOW).ring, 'key-1', NOW),
      'key key-1 is active, not standby',
    ],
    [
      'activate an unpublished key',
      () => withActiveKey(step(EMPTY, NOW, POLICY, 1), 'key-1', NOW),
      'key key-1 is created, not standby',
    ],
  ])('cannot %s', (_what, act, message) => {
    expect(act).toThrow(message);
  });

  it('stores the deadline, so that a shorter lead later shortens nothing', () => {
    const waiting: KeyRing = { ...steps(EMPTY, NOW).ring, keys: steps(EMPTY, NOW).ring.keys.slice(1) };
    expect([NOW, NOW + 86_399, NOW + 86_400].map((now) => planRotation(now, waiting)?.kind)).toEqual([
      undefined,
      undefined,
      'activate',
    ]);
  });

  it('gives only the first key of a ring leave to sign at once', () => {
    const lost: KeyRing = { ...steps(EMPTY, NOW).ring, version: 9 };
    const another = withCreatedKey(lost, { kid: 'b', keyArn: 'arn', jwk: { kty: 'RSA' }, createdAt: NOW });
    const published = withPublishedKey(another, 'b', POLICY, NOW + 10);
    expect(published.keys.at(-1)?.activateNotBefore).toBe(NOW + 10 + 86_400);
  });
});

describe('at any times, also of a clock that jumps', () => {
  /** Ticks, each at its own time and with the policy of its day; some lose their write and are seen again. */
  const tick = fc.record({
    at: fc.integer({ min: NOW - 200_000, max: NOW + 400_000 }),
    lead: fc.integer({ min: 0, max: 200_000 }),
    isLost: fc.boolean(),
  });

  it('at most one key is active, none before its time, and the published set never empties', () => {
    fc.assert(
      fc.property(fc.array(tick, { maxLength: 40 }), (ticks) => {
        let ring = EMPTY;
        let everPublished = false;
        for (const [index, { at, lead, isLost }] of ticks.entries()) {
          const policy = { leadSeconds: lead, maxTokenSeconds: 3_600 };
          const planned = planRotation(at, ring);
          const after = step(ring, at, policy, index);
          expect(planRotation(at, ring)).toEqual(planned);
          if (isLost) continue;
          expect(after.version).toBe(planned === undefined ? ring.version : ring.version + 1);
          if (planned?.kind === 'activate') {
            const key = ring.keys.find((each) => each.kid === planned.kid);
            expect(key?.activateNotBefore).toBeLessThanOrEqual(at);
          }
          // What was signed with once is never taken back by another step.
          if (activeKey(ring) !== undefined) expect(activeKey(after)).toEqual(activeKey(ring));
          ring = after;
          everPublished ||= publishedKeys(ring).length > 0;
          expect(ring.keys.filter((key) => key.state === 'active').length).toBeLessThanOrEqual(1);
          expect(publishedKeys(ring).length > 0).toBe(everPublished);
          expect(ring.keys.length).toBeLessThanOrEqual(2);
          expect(new Set(ring.keys.map((key) => key.kid)).size).toBe(ring.keys.length);
          expect(ring.maxTokenSeconds).toBe(3_600);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('a ring settles wherever it was left, as soon as its deadlines have passed', () => {
    fc.assert(
      fc.property(fc.array(tick, { maxLength: 10 }), (ticks) => {
        const left = ticks.reduce(
          (ring, { at, lead }, index) => step(ring, at, { ...POLICY, leadSeconds: lead }, index + 100),
          EMPTY,
        );
        const { ring } = steps(left, NOW + 1_000_000);
        expect(ring.keys.map((key) => key.state).sort()).toEqual(['active', 'standby']);
      }),
      { numRuns: 300 },
    );
  });
});
