/**
 * Each case of the table against each of the five validators: a cell is a test of its own. What becomes bad is shown to all of them
 * while it is good, and what comes bad has a good twin among the first tests, so that nothing is refused for a reason of another kind.
 */

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CASES, type Case, type Cell, type Cells, ROWS } from './cases.ts';
import { NOTHING_PROVED, withDpop } from './cases-bound.ts';
import {
  libraryAlone,
  type Outcome,
  type Presented,
  VALIDATORS,
  type Validate,
  type ValidatorName,
  validatorsOf,
} from './validators.ts';
import { certificateToken, forge, newToken, PLACE_NAMES, startWorld, type World } from './world.ts';

let world: World;
let validators: Readonly<Record<ValidatorName, Validate>>;
let alone: Validate;
beforeAll(async () => {
  world = await startWorld();
  validators = validatorsOf(world);
  alone = libraryAlone(world);
}, 120_000);
afterAll(() => world[Symbol.asyncDispose]());

const names = VALIDATORS.map((validator) => ({ validator }));

describe('the table', () => {
  it('has a cell for every case and validator', () => {
    for (const { name, cells } of CASES) expect(Object.keys(cells).sort(), name).toEqual([...VALIDATORS].sort());
    expect(validators && Object.keys(validators).sort()).toEqual([...VALIDATORS].sort());
  });

  it('has every case once', () => {
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
  });

  it('says in words why a validator does not refuse, and that is introspection alone', () => {
    const lenient = CASES.flatMap(({ cells }) =>
      VALIDATORS.flatMap((validator) => {
        const cell = cells[validator];
        return 'tells' in cell ? [{ validator, because: cell.because }] : [];
      }),
    );
    expect(new Set(lenient.map(({ validator }) => validator))).toEqual(new Set(['introspection']));
    for (const { because } of lenient) expect(because).not.toBe('');
  });
});

/** What the library knows by asking the token service only. */
const LEARNED = ['inactive', '503: introspection', 'key_revoked'];

const expectedAlone = ({ library }: Cells): Outcome =>
  'refused' in library && !LEARNED.includes(library.refused)
    ? { accepted: false, reason: library.refused }
    : { accepted: true };

const withoutDelay = ({ later: _later, ...presented }: Presented): Presented => presented;

describe('docs/verifying-tokens.md', () => {
  const PAGE = new URL('../../docs/verifying-tokens.md', import.meta.url);
  const listed = async () => {
    const section = /<!-- validators -->(.*)<!-- \/validators -->/s.exec(await readFile(PAGE, 'utf8'))?.[1] ?? '';
    const [, , ...lines] = section.trim().split('\n');
    return new Map(
      lines.map((line) => {
        const [, row = '', ...cells] = line.split('|').map((cell) => cell.trim());
        return [row, cells] as const;
      }),
    );
  };

  it('has the rows of the table', async () => {
    expect([...(await listed()).keys()]).toEqual(Object.keys(ROWS));
  });

  it.each(Object.entries(ROWS))('says who refuses a token that is %s', async (row, cases) => {
    const expected = VALIDATORS.map((validator) => cases.every(({ cells }) => 'refused' in cells[validator]));
    expected.push(cases.every(({ cells }) => !expectedAlone(cells).accepted));
    const told = (await listed()).get(row)?.slice(0, expected.length) ?? [];
    expect(told.map((cell) => /^(?:\*\*)?refused/.test(cell))).toEqual(expected);
  });
});

describe.each(PLACE_NAMES.map((place) => ({ place })))('a good token at $place', ({ place }) => {
  it.each(names)('is accepted by $validator', async ({ validator }) => {
    const token = await newToken(world, world.places[place]);
    expect(await validators[validator](world.places[place], { token })).toMatchObject({ accepted: true });
  });
});

describe.each<{ kind: string; issue: () => Promise<Presented>; unseen?: Cell }>([
  { kind: 'token of the forger of these tests, unchanged', issue: async () => ({ token: await forge(world) }) },
  {
    kind: 'token of the other ring',
    issue: async () => ({ token: await forge(world, {}, {}, world.es256) }),
  },
  { kind: 'token with a good DPoP proof', issue: () => withDpop(world), unseen: NOTHING_PROVED },
  {
    kind: 'token with its certificate',
    issue: async () => ({ token: await certificateToken(world), certificate: world.certificate }),
    unseen: NOTHING_PROVED,
  },
])('a $kind', ({ issue, unseen }) => {
  it.each(names)('is accepted by $validator, if it can be', async ({ validator }) => {
    const outcome = await validators[validator](world.places.home, await issue());
    if (validator === 'REST API, TOKEN' && unseen !== undefined) return expectCell(unseen, outcome, { token: '' });
    expect(outcome).toMatchObject({ accepted: true });
  });
});

const expectCell = (cell: Cell, outcome: Outcome, presented: Presented): void => {
  if ('refused' in cell) expect(outcome).toEqual({ accepted: false, reason: cell.refused });
  else expect(outcome).toMatchObject({ accepted: true, told: cell.tells(world, presented) });
};

describe.each(CASES)('a token $name', ({ at = 'home', issue, end, again, cells }: Case) => {
  let presented: Presented;
  const place = () => world.places[at];
  const before = new Map<ValidatorName, Outcome>();

  beforeAll(async () => {
    presented = await issue(world, place());
    if (end === undefined) return;
    const now = withoutDelay(presented);
    expect(await alone(place(), now)).toEqual({ accepted: true });
    for (const validator of VALIDATORS) before.set(validator, await validators[validator](place(), now));
    await end(world, place(), presented);
  });

  it.each(names)('is nothing to $validator', async ({ validator }) => {
    if (end !== undefined) expect(before.get(validator)).toMatchObject({ accepted: true });
    if (again) {
      const first = await validators[validator](place(), presented);
      if (validator !== 'REST API, TOKEN') expect(first).toMatchObject({ accepted: true });
    }
    expectCell(cells[validator], await validators[validator](place(), presented), presented);
  });

  it('is to a library that asks nobody what it can tell by itself', async () => {
    if (again) expect(await alone(place(), presented)).toEqual({ accepted: true });
    expect(await alone(place(), withoutDelay(presented))).toEqual(expectedAlone(cells));
  });
});
