/**
 * Who besides its owner may introspect the tokens of an audience (RFC 7662 4): a gateway in front of it, a service that looks at tokens
 * for it. That they are there is seen to where audiences are stored.
 */

import { accept, type Result, refuse } from './errors.ts';
import { isPartnerId } from './partner.ts';
import type { InputProblem } from './public-key.ts';

/** The row of an audience stays small, and all of its introspectors change in one transaction. */
export const MAX_INTROSPECTORS = 10;

const pointer = '/introspectors';

/**
 * @param owner id of the audience's owner, who may introspect anyway.
 * @returns the ids sorted, each once.
 */
export const parseIntrospectors = (
  ids: readonly string[],
  owner: string,
): Result<readonly string[], readonly InputProblem[]> => {
  const distinct = [...new Set(ids)].sort();
  if (distinct.length > MAX_INTROSPECTORS) {
    return refuse([{ pointer, detail: `at most ${MAX_INTROSPECTORS} partners` }]);
  }
  const problems = ids.flatMap((id, index) => {
    const detail = problemOf(id, owner);
    return detail === undefined ? [] : [{ pointer: `${pointer}/${index}`, detail }];
  });
  return problems.length > 0 ? refuse(problems) : accept(distinct);
};

const problemOf = (id: string, owner: string): string | undefined => {
  if (!isPartnerId(id)) return 'not the id of a partner';
  return id === owner ? 'the owner may introspect anyway' : undefined;
};
