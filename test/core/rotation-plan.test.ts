import { describe, expect, it } from 'vitest';
import type { KeyRing, KeyState, RotationPolicy, SigningKey } from '../../functions/core/key-ring.ts';
import {
  planRevocation,
  planRotateAt,
  planRotateNow,
  planRotation,
  standbyReadyAt,
} from '../../functions/core/rotation-plan.ts';
import { NOW, ring, rotationPolicy } from '../support/builders.ts';

const POLICY = rotationPolicy();

const key = (state: KeyState, changes: Partial<SigningKey> = {}): SigningKey => ({
  ...{ kid: state, keyArn: `arn:${state}`, state, jwk: { kty: 'EC' }, createdAt: NOW - 90_000 },
  ...changes,
});
const ACTIVE = key('active', { activatedAt: NOW - 90_000, rotateNotBefore: NOW + 9_000 });
const DUE = { ...ACTIVE, rotateNotBefore: NOW };
const READY = key('standby', { publishedAt: NOW - 90_000, activateNotBefore: NOW - 3_600, maxTokenSeconds: 3_600 });
const YOUNG = key('standby', { publishedAt: NOW - 10, activateNotBefore: NOW + 86_390, maxTokenSeconds: 3_600 });
const DRAINING = key('retiring', { retireNotBefore: NOW + 77 });

/** Swept just now, so that a ring with nothing to do has nothing to do. */
const ringOf = (keys: readonly SigningKey[], changes: Partial<KeyRing> = {}): KeyRing =>
  ring('ES256', keys, { sweptAt: NOW, ...changes });
const plan = (keys: readonly SigningKey[], changes: Partial<KeyRing> = {}, policy: Partial<RotationPolicy> = {}) => {
  const step = planRotation(NOW, ringOf(keys, changes), rotationPolicy(policy));
  if (step === undefined) return 'nothing';
  return 'kid' in step ? `${step.kind} ${step.kid}` : step.kind;
};

describe('the step that is due', () => {
  it.each<[string, string, readonly SigningKey[]]>([
    ['nothing', 'a settled ring', [ACTIVE, YOUNG]],
    ['nothing', 'a standby that is ready before the rotation is due', [ACTIVE, READY]],
    ['nothing', 'a rotation that is due before the standby is ready', [DUE, YOUNG]],
    ['activate standby', 'both', [DUE, READY]],
    ['activate standby', 'a ready standby and no active key', [READY]],
    ['nothing', 'a fourth published key', [DUE, READY, DRAINING]],
    ['activate standby', 'a third that is on hold', [DUE, READY, { ...DRAINING, hold: true }]],
    ['create', 'no key', []],
    ['create', 'no standby', [ACTIVE]],
    ['publish created', 'a key that nobody knows', [ACTIVE, key('created')]],
    ['schedule-activation standby', 'a standby without a time', [ACTIVE, key('standby', { publishedAt: NOW })]],
    ['lengthen standby', 'a standby that may sign for less', [ACTIVE, { ...YOUNG, maxTokenSeconds: 3_599 }]],
    ['nothing', 'a standby that may sign for more', [ACTIVE, { ...YOUNG, maxTokenSeconds: 3_601 }]],
    ['nothing', 'a key that drains', [ACTIVE, YOUNG, DRAINING]],
    ['retire retiring', 'a key that has drained', [ACTIVE, YOUNG, { ...DRAINING, retireNotBefore: NOW }]],
    ['nothing', 'the same on hold', [ACTIVE, YOUNG, { ...DRAINING, retireNotBefore: NOW, hold: true }]],
    ['disable retired', 'a retired key', [ACTIVE, YOUNG, key('retired')]],
    ['nothing', 'the same on hold', [ACTIVE, YOUNG, key('retired', { hold: true })]],
    ['disable revoked', 'a revoked key on hold', [ACTIVE, YOUNG, key('revoked', { hold: true })]],
    [
      'schedule-deletion retired',
      'a disabled key whose grace is over',
      [ACTIVE, YOUNG, key('retired', { disabledAt: 1, deleteNotBefore: NOW })],
    ],
    ['nothing', 'one in its grace', [ACTIVE, YOUNG, key('retired', { disabledAt: 1, deleteNotBefore: NOW + 1 })]],
    ['nothing', 'one on hold', [ACTIVE, YOUNG, key('revoked', { disabledAt: 1, deleteNotBefore: NOW, hold: true })]],
    ['nothing', 'a key that KMS will delete', [ACTIVE, YOUNG, key('pending-deletion', { deletionAt: NOW + 1 })]],
    ['forget pending-deletion', 'one that it has', [ACTIVE, YOUNG, key('pending-deletion', { deletionAt: NOW })]],
    [
      'cancel-deletion pending-deletion',
      'one on hold, whatever the time',
      [ACTIVE, YOUNG, key('pending-deletion', { deletionAt: NOW, hold: true })],
    ],
  ])('is %s for %s', (expected, _what, keys) => {
    expect(plan(keys)).toBe(expected);
  });

  it('is what keeps the ring safe, before what keeps it going, before the clearing away', () => {
    const all = [
      key('revoked'),
      key('pending-deletion', { hold: true }),
      key('created'),
      { ...READY, maxTokenSeconds: 1 },
      DUE,
      { ...DRAINING, hold: true as const },
      key('retired', { disabledAt: 1, deleteNotBefore: 1 }),
    ];
    const left = (...gone: KeyState[]) => all.filter(({ state }) => !gone.includes(state));
    expect([
      plan(all),
      plan(left('revoked')),
      plan(left('revoked', 'pending-deletion')),
      plan(left('revoked', 'pending-deletion', 'created')),
      plan(left('revoked', 'pending-deletion', 'created', 'active', 'standby')),
    ]).toEqual([
      'disable revoked',
      'cancel-deletion pending-deletion',
      'publish created',
      'activate standby',
      'create',
    ]);
  });

  it.each([
    [NOW - 299, 'nothing'],
    [NOW - 300, 'resume-creation'],
  ])('leaves a creation of %i to its run, and takes it over when that must be dead: %s', (startedAt, expected) => {
    expect(plan([ACTIVE], { creation: { id: 'c', startedAt } })).toBe(expected);
  });

  it.each([
    ['nothing', { sweptAt: NOW - 86_399 }],
    ['sweep', { sweptAt: NOW - 86_400 }],
  ])('is %s with %j', (expected, changes) => {
    expect(plan([ACTIVE, YOUNG], changes)).toBe(expected);
  });

  it('is a sweep for a ring that never had one, but not for one that was never written', () => {
    const never = { ...ring('ES256', [ACTIVE, YOUNG]) };
    expect(planRotation(NOW, never, POLICY)).toEqual({ kind: 'sweep' });
    expect(planRotation(NOW, { ...never, version: 0 }, POLICY)).toBeUndefined();
  });
});

describe('where keys are known by their certificates', () => {
  const certificates = { commonName: 'a server', days: 365 };
  const CERTIFIED = { certificates: ['MIIB'] };
  const [active, ready, young] = [ACTIVE, READY, YOUNG].map((each) => ({ ...each, ...CERTIFIED }));
  const planned = (keys: readonly (SigningKey | undefined)[], algorithm: 'RS256' | 'ES256' = 'RS256') => {
    const there = keys.flatMap((each) => each ?? []);
    const step = planRotation(NOW, { ...ringOf(there), algorithm }, rotationPolicy({ certificates }));
    return step === undefined ? 'nothing' : 'kid' in step ? `${step.kind} ${step.kid}` : step.kind;
  };

  it.each<[string, string, readonly (SigningKey | undefined)[]]>([
    ['certify created', 'a new key, before it is published', [active, key('created')]],
    ['publish created', 'one that has a certificate', [active, key('created', CERTIFIED)]],
    ['certify standby', 'a standby, before the key that signs', [ACTIVE, READY]],
    ['certify standby', 'a standby that would take over', [{ ...DUE, ...CERTIFIED }, READY]],
    ['certify active', 'the key that signs, beside a standby that has one', [ACTIVE, young]],
    ['certify active', 'the key that signs, before there is a standby', [ACTIVE]],
    ['nothing', 'a ring in which both have one', [active, ready]],
    ['nothing', 'a key that signs no more', [active, ready, DRAINING]],
    ['disable revoked', 'a revoked key, before anything else', [key('revoked'), ACTIVE, READY]],
  ])('the step is %s for %s', (expected, _what, keys) => {
    expect(planned(keys)).toBe(expected);
  });

  it('keys of other algorithms need none, nor do those of other realms', () => {
    expect([planned([ACTIVE, YOUNG], 'ES256'), plan([ACTIVE, YOUNG])]).toEqual(['nothing', 'nothing']);
  });

  it('a certificate that came after the publication has its own lead, but with a first key', () => {
    const late = { ...READY, ...CERTIFIED, certifiedAt: NOW - 60 };
    expect(standbyReadyAt(late, POLICY)).toBe(NOW - 60 + 86_400);
    expect(standbyReadyAt({ ...late, activateNotBefore: NOW - 90_000 }, POLICY)).toBe(NOW - 90_000);
  });

  it('no command lets a key take over that has none, but break-glass', () => {
    const policy = rotationPolicy({ certificates });
    const rs256 = { ...ringOf([active, READY].flatMap((each) => each ?? [])), algorithm: 'RS256' as const };
    const refused = { ok: false, refusal: { reason: 'standby_uncertified' } };
    expect([
      planRotateNow(NOW, rs256, policy),
      planRotateAt(NOW, rs256, policy, NOW + 1),
      planRevocation(NOW, rs256, policy, 'active', false),
    ]).toEqual([refused, refused, refused]);
    expect(planRevocation(NOW, rs256, policy, 'active', true)).toMatchObject({ ok: true });
  });
});

describe('a rotation that is ordered for a time', () => {
  const at = (time: number, ...keys: readonly SigningKey[]) => planRotateAt(NOW, ringOf(keys), POLICY, time);
  const LATEST = NOW + POLICY.periodSeconds;

  it.each([
    ['now, if the standby is ready', [ACTIVE, READY], NOW],
    ['before the calendar', [ACTIVE, READY], NOW + 1],
    ['after it', [ACTIVE, READY], LATEST],
    ['as soon as the standby is ready', [ACTIVE, YOUNG], NOW + 86_390],
    ['as soon as the key before is drained', [ACTIVE, READY, DRAINING], NOW + 77],
    ['without regard to a key on hold', [ACTIVE, READY, { ...DRAINING, hold: true as const }], NOW],
  ])('may be %s', (_when, keys, time) => {
    expect(at(time, ...keys)).toEqual({ ok: true, value: 'standby' });
  });

  it.each([
    ['too_early', NOW, 'in the past', [ACTIVE, READY], NOW - 1],
    ['too_early', NOW + 86_390, 'before every verifier knows the standby', [ACTIVE, YOUNG], NOW + 86_389],
    ['too_early', NOW + 77, 'while a third key drains', [ACTIVE, READY, DRAINING], NOW + 76],
    ['too_late', LATEST, 'more than a period from now', [ACTIVE, READY], LATEST + 1],
    ['no_standby', undefined, 'without a key that could take over', [ACTIVE], NOW],
    ['no_active_key', undefined, 'without one that signs', [READY], NOW],
  ])('is refused as %s until %s %s', (reason, until, _when, keys, time) => {
    expect(at(time, ...keys)).toEqual({ ok: false, refusal: { reason, ...(until === undefined ? {} : { until }) } });
  });
});

describe('a change of settings', () => {
  it.each<[string, Partial<SigningKey>, number, number]>([
    ['puts the activation off when the lead grows', READY, 100_000, NOW + 10_000],
    ['does not bring it forward when the lead shrinks', YOUNG, 60, NOW + 86_390],
    [
      'is nothing to a first key, which nobody could have cached',
      { ...READY, activateNotBefore: NOW - 90_000 },
      1e6,
      NOW - 90_000,
    ],
  ])('%s', (_what, changes, leadSeconds, expected) => {
    expect(standbyReadyAt({ ...READY, ...changes }, rotationPolicy({ leadSeconds }))).toBe(expected);
  });

  it('is waited for by a key whose time is not decided yet', () => {
    expect(standbyReadyAt(key('standby', { publishedAt: NOW }), POLICY)).toBe(NOW + 86_400);
  });
});

const refused = (refusal: object) => ({ ok: false, refusal });

describe('a rotation by the word of the operator', () => {
  it.each<[string, readonly SigningKey[], object]>([
    ['is carried out with a ready standby', [ACTIVE, READY], { ok: true, value: 'standby' }],
    [
      'is carried out though one is on hold',
      [ACTIVE, READY, { ...DRAINING, hold: true }],
      { ok: true, value: 'standby' },
    ],
    ['is refused without one', [ACTIVE, key('created')], refused({ reason: 'no_standby' })],
    ['is refused while it is young', [ACTIVE, YOUNG], refused({ reason: 'standby_too_young', until: NOW + 86_390 })],
    [
      'is refused while another drains',
      [ACTIVE, READY, DRAINING],
      refused({ reason: 'still_draining', until: NOW + 77 }),
    ],
  ])('%s', (_what, keys, expected) => {
    expect(planRotateNow(NOW, ringOf(keys), POLICY)).toEqual(expected);
  });
});

describe('a revocation', () => {
  const young = refused({ reason: 'standby_too_young', until: NOW + 86_390 });
  const deleting = key('pending-deletion', { deletionAt: NOW + 9 });

  it.each<[string, readonly SigningKey[], string, boolean, object]>([
    ['of an unknown key is refused', [ACTIVE, READY], 'x', true, refused({ reason: 'key_unknown' })],
    ['of the active key goes with a ready standby', [ACTIVE, READY], 'active', false, { ok: true, value: ACTIVE }],
    ['of the active key waits for a young standby', [ACTIVE, YOUNG], 'active', false, young],
    ['of the active key waits for a standby', [ACTIVE], 'active', false, refused({ reason: 'no_standby' })],
    ['breaks the glass over a young standby', [ACTIVE, YOUNG], 'active', true, { ok: true, value: ACTIVE }],
    ['breaks the glass without a standby', [ACTIVE], 'active', true, { ok: true, value: ACTIVE }],
    ['of the standby needs nothing', [ACTIVE, YOUNG], 'standby', false, { ok: true, value: YOUNG }],
    ['of a draining key needs nothing', [ACTIVE, YOUNG, DRAINING], 'retiring', false, { ok: true, value: DRAINING }],
    [
      'of a key that is being deleted is refused, glass or not',
      [ACTIVE, deleting],
      'pending-deletion',
      true,
      refused({ reason: 'already_pending_deletion' }),
    ],
    [
      'that was made before is fine, also while the key is being deleted',
      [ACTIVE, { ...deleting, revokedAt: 1 }],
      'pending-deletion',
      false,
      { ok: true, value: { ...deleting, revokedAt: 1 } },
    ],
  ])('%s', (_what, keys, kid, breakGlass, expected) => {
    expect(planRevocation(NOW, ringOf(keys), POLICY, kid, breakGlass)).toEqual(expected);
  });
});
