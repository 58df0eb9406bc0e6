/**
 * Globs over the text of a claim: `*` is any run of characters without `/` and `:`, `**` any run at all, every other character
 * itself. All ways of reading the glob are followed at once, so that no text makes the answer slow, and no RegExp is made of input.
 */

/** Longest text that a glob matches: that of a SPIFFE ID (SPIFFE-ID 2.3). */
const MAX_TEXT_LENGTH = 2_048;

/** `part`: within what `/` and `:` separate. */
type Step = { readonly literal: string } | { readonly any: 'part' | 'all' };

/** Literal characters and wildcards, in order. */
const stepsOf = (glob: string): readonly Step[] =>
  glob.match(/\*\*|./gs)?.map((token): Step => {
    if (token === '**') return { any: 'all' };
    return token === '*' ? { any: 'part' } : { literal: token };
  }) ?? [];

/** Time grows with the length of the text times that of the glob, whatever they are. */
export const matchesGlob = (glob: string, text: string): boolean => {
  if (text.length > MAX_TEXT_LENGTH) return false;
  const steps = stepsOf(glob);
  let reached = skipWildcards(steps, new Set([0]));
  for (let at = 0; at < text.length && reached.size > 0; at += 1) {
    reached = skipWildcards(steps, advance(steps, reached, text.charAt(at)));
  }
  return reached.has(steps.length);
};

/** The steps that can come next once `character` was read at one of these. */
const advance = (steps: readonly Step[], reached: ReadonlySet<number>, character: string): Set<number> => {
  const next = new Set<number>();
  for (const index of reached) {
    const step = steps[index];
    if (step === undefined) continue;
    if ('literal' in step) {
      if (step.literal === character) next.add(index + 1);
    } else if (step.any === 'all' || (character !== '/' && character !== ':')) next.add(index);
  }
  return next;
};

/** A run may be empty, so what stands behind a wildcard can come next as well. A set is walked through with what is added meanwhile. */
const skipWildcards = (steps: readonly Step[], reached: Set<number>): Set<number> => {
  for (const index of reached) {
    const step = steps[index];
    if (step !== undefined && 'any' in step) reached.add(index + 1);
  }
  return reached;
};
