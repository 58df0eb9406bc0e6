/** Rows of the table, written shortly: the three authorizers are one function, and mostly of one mind. */

import type { Cell, Cells } from './cases.ts';
import type { ValidatorName } from './validators.ts';

/** @param authorizers their code; the other two: a code, or what they do instead. */
export const row = (
  authorizers: string,
  introspection: string | Cell,
  library: string | Cell,
  exceptions: Partial<Record<ValidatorName, Cell>> = {},
): Cells => ({
  'HTTP API': { refused: authorizers },
  'REST API, TOKEN': { refused: authorizers },
  'REST API, REQUEST': { refused: authorizers },
  introspection: cell(introspection),
  library: cell(library),
  ...exceptions,
});

const cell = (said: string | Cell): Cell => (typeof said === 'string' ? { refused: said } : said);
