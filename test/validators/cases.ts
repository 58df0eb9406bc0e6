/**
 * The table: what no validator may accept, and what each of them makes of it. A cell says by which code a token is refused (of the log
 * for our functions, of the error for the library), or what a validator that cannot see the fault does instead, and why.
 */

import { BOUND } from './cases-bound.ts';
import { ENDED } from './cases-ended.ts';
import { FOREIGN } from './cases-foreign.ts';
import { WRONG } from './cases-tampered.ts';
import type { Presented, ValidatorName } from './validators.ts';
import type { Place, PlaceName, World } from './world.ts';

/** What one validator makes of one case. */
export type Cell =
  | { readonly refused: string; readonly because?: string }
  /** It answers that the token is active, and tells what its caller has to look at. */
  | { readonly tells: (world: World, presented: Presented) => object; readonly because: string };

export type Cells = Readonly<Record<ValidatorName, Cell>>;

export interface Case {
  readonly name: string;
  /** @default home */
  readonly at?: PlaceName;
  readonly issue: (world: World, place: Place) => Promise<Presented>;
  /** What makes it bad; before that every validator accepts it. Absent: it is bad as it comes. */
  readonly end?: (world: World, place: Place, presented: Presented) => Promise<unknown>;
  /** It is shown twice, and the second time counts. */
  readonly again?: true;
  readonly cells: Cells;
}

/** The rows of the table in docs/verifying-tokens.md, and the cases of each. */
export const ROWS: Readonly<Record<string, readonly Case[]>> = { ...ENDED, ...FOREIGN, ...BOUND, ...WRONG };

export const CASES: readonly Case[] = Object.values(ROWS).flat();
