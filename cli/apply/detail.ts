/**
 * One line of a difference, and the form in which values are compared.
 */

/** Something comes (+), goes (-) or becomes something else (~). */
export interface Detail {
  readonly sign: '+' | '-' | '~';
  readonly text: string;
}

/** JSON whose members are in one order: the order is nobody's intention. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

/**
 * @param after what is wanted; undefined where nothing is.
 * @param before what is stored.
 */
export function compareTexts(name: string, after: string | undefined, before: string | undefined): readonly Detail[] {
  if (before === after) return [];
  if (before === undefined) return [{ sign: '+', text: `${name}: ${after}` }];
  if (after === undefined) return [{ sign: '-', text: `${name}: ${before}` }];
  return [{ sign: '~', text: `${name}: ${before} -> ${after}` }];
}
