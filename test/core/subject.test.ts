import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refuse } from '../../functions/core/errors.ts';
import type { TrustLevel } from '../../functions/core/partner.ts';
import {
  type Actor,
  actingFor,
  actorsFrom,
  actorsOf,
  checkTrust,
  isSubjectIdentifier,
  itself,
  MAX_ACTORS,
  parseActor,
  parseMayAct,
  type Subject,
} from '../../functions/core/subject.ts';
import { CLIENT } from '../support/builders.ts';

const ALICE: Subject = { kind: 'user', sub: 'alice', subId: { format: 'iss_sub', iss: 'i', sub: 'alice' } };

/** A chain of actors of these names, from the outermost inwards. */
const chain = (...[sub, ...within]: readonly string[]): Actor | undefined => {
  const act = within.length === 0 ? undefined : chain(...within);
  return sub === undefined ? undefined : { sub, ...(act === undefined ? {} : { act }) };
};
const withActors = (subject: Subject, ...names: readonly string[]): Subject => {
  const act = chain(...names);
  return { ...subject, ...(act === undefined ? {} : { act }) };
};

describe('whom a client may have tokens about', () => {
  it.each<[TrustLevel, Record<'itself' | 'other' | 'user' | 'namesake', boolean>]>([
    ['application', { itself: true, other: false, user: false, namesake: false }],
    ['user', { itself: false, other: false, user: true, namesake: true }],
    ['full', { itself: true, other: true, user: true, namesake: true }],
  ])('trusted with %s: %j', (trustLevel, expected) => {
    const subjects: Record<keyof typeof expected, Subject> = {
      itself: itself(CLIENT),
      other: itself('other'),
      user: ALICE,
      // A user who is called as the client is, is a user.
      namesake: { ...ALICE, sub: CLIENT },
    };
    for (const [name, subject] of Object.entries(subjects)) {
      const isTrusted = expected[name as keyof typeof expected];
      expect([name, checkTrust({ trustLevel, id: CLIENT }, subject)]).toEqual([
        name,
        isTrusted ? { ok: true, value: undefined } : refuse({ reason: 'trust_level_insufficient', trustLevel }),
      ]);
    }
  });
});

describe('a client that acts for somebody', () => {
  it('is nobody who acts where it speaks for itself', () => {
    expect(actingFor(itself(CLIENT), CLIENT)).toEqual({ ok: true, value: itself(CLIENT) });
  });

  it.each([
    ['a user', ALICE, [CLIENT]],
    ['a user who is called as the client is', { ...ALICE, sub: CLIENT }, [CLIENT]],
    ['another application', itself('other'), [CLIENT]],
    ['who is acted for already', withActors(ALICE, 'frontend'), [CLIENT, 'frontend']],
    ['itself, through others', withActors(itself(CLIENT), 'frontend'), [CLIENT, 'frontend']],
    ['whom it acts for already, so it stays one actor', withActors(ALICE, CLIENT, 'frontend'), [CLIENT, 'frontend']],
    ['whom it has acted for before others did', withActors(ALICE, 'frontend', CLIENT), [CLIENT, 'frontend', CLIENT]],
  ])('for %s is the outermost of the actors', (_what, subject, actors) => {
    expect(actingFor(subject, CLIENT)).toEqual({ ok: true, value: withActors(subject, ...actors) });
  });

  it('is not taken for an actor of that name whom another issuer knows', () => {
    const foreign: Subject = { ...ALICE, act: { sub: CLIENT, iss: 'https://other.example' } };
    expect(actingFor(foreign, CLIENT)).toEqual({
      ok: true,
      value: { ...ALICE, act: { sub: CLIENT, act: foreign.act } },
    });
  });

  it('is refused where the chain would be longer than four', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const outcomes = [2, 3, 4, 5].map((count) => actingFor(withActors(ALICE, ...names.slice(0, count)), CLIENT));
    const tooMany = (depth: number) => refuse({ reason: 'actors_too_many', depth, maxDepth: 4 });
    expect(MAX_ACTORS).toBe(4);
    expect(outcomes.map((each) => (each.ok ? actorsOf(each.value.act).length : each))).toEqual([
      ...[3, 4],
      tooMany(5),
      tooMany(6),
    ]);
  });

  it('may stay in a chain that is full already', () => {
    const full = withActors(ALICE, CLIENT, 'b', 'c', 'd');
    expect(actingFor(full, CLIENT)).toEqual({ ok: true, value: full });
  });

  it.each([
    ['itself', { sub: CLIENT }, 'accepted'],
    ['another', { sub: 'other' }, 'may_act_excludes'],
    ['another that is spelt likewise', { sub: 'CRM' }, 'may_act_excludes'],
    ['somebody of that name whom another issuer knows', { sub: CLIENT, iss: 'i' }, 'may_act_excludes'],
  ])('may where the token says that only %s may (RFC 8693 4.4): %j is %s', (_who, mayAct, outcome) => {
    const acting = actingFor({ ...ALICE, mayAct }, CLIENT);
    expect(acting.ok ? 'accepted' : acting.refusal.reason).toBe(outcome);
    if (acting.ok) expect(acting.value.mayAct).toEqual(mayAct);
  });
});

describe('a chain of actors', () => {
  it('is told from the outermost inwards', () => {
    expect(actorsOf(chain('a', 'b', 'c')).map(({ sub }) => sub)).toEqual(['a', 'b', 'c']);
    expect(actorsOf(undefined)).toEqual([]);
  });

  it('of another issuer names that issuer wherever it names none', () => {
    const act = { sub: 'a', act: { sub: 'b', iss: 'https://third.example', act: { sub: 'c' } } };
    expect(actorsFrom(act, 'https://idp.example')).toEqual({
      ...{ sub: 'a', iss: 'https://idp.example' },
      act: { sub: 'b', iss: 'https://third.example', act: { sub: 'c', iss: 'https://idp.example' } },
    });
  });

  it.each([
    ...[undefined, null, 'a', 1, true, [], ['a'], {}],
    ...[{ sub: '' }, { sub: 1 }, { sub: null }, { sub: ['a'] }, { sub: 'x'.repeat(257) }],
    ...[
      { sub: 'a', iss: '' },
      { sub: 'a', iss: 1 },
      { sub: 'a', iss: null },
      { sub: 'a', iss: 'x'.repeat(513) },
    ],
    ...[
      { sub: 'a', act: null },
      { sub: 'a', act: {} },
      { sub: 'a', act: 'b' },
      { sub: 'a', act: { iss: 'i' } },
    ],
    { iss: 'i' },
    JSON.parse('{"__proto__":{"sub":"a"}}'),
    chain('a', 'b', 'c', 'd', 'e'),
  ])('is none as %j', (value) => {
    expect(parseActor(value)).toBeUndefined();
  });

  it('may go to the bounds', () => {
    const long = { sub: 'x'.repeat(256), iss: 'y'.repeat(512) };
    expect(parseActor(long)).toEqual(long);
    expect(parseActor(chain('a', 'b', 'c', 'd'))).toEqual(chain('a', 'b', 'c', 'd'));
  });

  it('is read without what else was said of an actor', () => {
    expect(parseActor({ sub: 'a', exp: 1, aud: 'x', act: { sub: 'b', name: 'B' } })).toEqual(chain('a', 'b'));
  });

  it('is looked at no deeper than it may be', () => {
    let value: unknown = { sub: 'x' };
    for (let depth = 0; depth < 100_000; depth += 1) value = { sub: 'x', act: value };
    expect(parseActor(value)).toBeUndefined();
  });

  it('is read as it is, or not at all, whatever it is', () => {
    const names = fc.oneof(fc.constantFrom('a', 'b', ''), fc.string({ maxLength: 300 }));
    const actors = fc.letrec((tie) => ({
      actor: fc.oneof(
        { depthSize: 'small' },
        fc.record({ sub: names, iss: names, act: tie('actor') }, { requiredKeys: [] }),
        fc.jsonValue({ maxDepth: 3 }),
      ),
    })).actor;
    fc.assert(
      fc.property(actors, (value) => {
        const read = parseActor(value);
        if (read === undefined) return;
        expect(value).toMatchObject(read);
        const each = actorsOf(read);
        expect(each.length).toBeLessThanOrEqual(MAX_ACTORS);
        expect(each.every(({ sub, iss }) => sub.length > 0 && sub.length <= 256 && (iss ?? 'i').length > 0)).toBe(true);
        expect(parseActor(JSON.parse(JSON.stringify(read)))).toEqual(read);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('who may act', () => {
  it.each([{ sub: 'a' }, { sub: 'a', iss: 'i' }])('is one party: %j', (value) => {
    expect(parseMayAct(value)).toEqual(value);
  });

  it.each([undefined, null, 'a', [], {}, { iss: 'i' }, { sub: '' }, { sub: 'a', act: { sub: 'b' } }])(
    'is nobody as %j',
    (value) => {
      expect(parseMayAct(value)).toBeUndefined();
    },
  );
});

describe('a subject identifier', () => {
  const good = { format: 'iss_sub', iss: 'https://idp.example', sub: 'alice' };

  it.each([good, { ...good, sub: 'x'.repeat(256), iss: 'y'.repeat(512) }])('is %j', (value) => {
    expect(isSubjectIdentifier(value)).toBe(true);
  });

  it.each([
    ...[undefined, null, 'alice', [], {}],
    ...['email', 'opaque', undefined, 'ISS_SUB'].map((format) => ({ ...good, format })),
    ...['', 1, undefined, 'x'.repeat(257)].map((sub) => ({ ...good, sub })),
    ...['', 1, undefined, 'x'.repeat(513)].map((iss) => ({ ...good, iss })),
  ])('is not %j', (value) => {
    expect(isSubjectIdentifier(value)).toBe(false);
  });
});
