/** Which of a realm's rings signs. */

import { JWS_ALGORITHMS, type JwsAlgorithm } from './algorithms.ts';
import type { KeyRing } from './key-ring.ts';

/**
 * What signs where nobody has chosen: the first of the realm's algorithms whose ring has begun to sign, or any other that has.
 * A ring that was chosen a moment ago has to be known to all verifiers first. One that has begun and cannot sign just now is not
 * passed over: whoever verifies by its algorithm alone could do nothing with the tokens of another.
 */
export const defaultAlgorithm = (
  { algorithms }: { readonly algorithms: readonly [JwsAlgorithm, ...JwsAlgorithm[]] },
  rings: readonly KeyRing[],
): JwsAlgorithm => {
  const hasBegun = (algorithm: JwsAlgorithm): boolean =>
    rings.some((ring) => ring.algorithm === algorithm && ring.keys.some((key) => key.activatedAt !== undefined));
  return algorithms.find(hasBegun) ?? JWS_ALGORITHMS.find(hasBegun) ?? algorithms[0];
};
