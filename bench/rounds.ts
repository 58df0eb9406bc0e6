/**
 * Compares subjects on the same work: warms them up, then lets them take turns in rounds, every second round in reverse order,
 * so that what the machine does meanwhile hits all of them alike. Ratios are formed within a round, and only then summarized.
 */

/** What one subject did in one turn. */
export interface Sample {
  readonly operations: number;
  /** CPU time or elapsed time, as the measurement says; of the measured process alone. */
  readonly microseconds: number;
}

export interface Subject {
  readonly name: string;
  /** Operations in one turn. */
  readonly operations: number;
  /** @throws Error when an operation did not do its work. */
  readonly run: (operations: number) => Promise<Sample>;
}

/** Microseconds per operation of one subject, one value for each round. */
export type Series = readonly number[];

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Plan {
  readonly rounds: number;
  /** Turns of each subject before the first round, not counted: by then V8 has compiled what is hot. */
  readonly warmUps: number;
}

/** @returns the series of each subject, by its name. */
export async function compareInRounds(subjects: readonly Subject[], plan: Plan): Promise<ReadonlyMap<string, Series>> {
  for (const subject of subjects) {
    for (let turn = 0; turn < plan.warmUps; turn += 1) await subject.run(subject.operations);
  }
  const series = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      const { operations, microseconds } = await subject.run(subject.operations);
      series.get(subject.name)?.push(microseconds / operations);
    }
  }
  return series;
}

/** @throws Error when there is no such subject. */
export function seriesOf(all: ReadonlyMap<string, Series>, name: string): Series {
  const series = all.get(name);
  if (series === undefined) throw new Error(`there is no subject ${name}`);
  return series;
}

/** @throws Error when there is no value. */
export function summarize(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  const upper = sorted[Math.ceil((sorted.length - 1) / 2)];
  const [min] = sorted;
  const max = sorted.at(-1);
  if (lower === undefined || upper === undefined || min === undefined || max === undefined) {
    throw new Error('nothing was measured');
  }
  return { median: (lower + upper) / 2, min, max };
}

/** Round by round, `series` combined with `other`. */
export const combine = (series: Series, other: Series, how: (a: number, b: number) => number): Series =>
  series.map((value, round) => how(value, other[round] ?? Number.NaN));

/** How many times `reference` the subject takes, round by round. */
export const ratio = (series: Series, reference: Series): Spread =>
  summarize(combine(series, reference, (a, b) => a / b));
