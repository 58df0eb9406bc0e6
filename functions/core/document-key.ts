/**
 * Keys as a partner's own document gives them, whatever its format, and what becomes of the entries that give none: one bad key
 * must not take the good ones beside it away, unless it shows that the document cannot be trusted.
 */

import { accept, type Result, refuse } from './errors.ts';
import { excerpt } from './excerpt.ts';
import type { EpochSeconds, PartnerKey } from './partner.ts';
import type { InputProblem } from './public-key.ts';

export interface DocumentKey extends PartnerKey {
  /** Thumbprints of the certificate that the key came in, recomputed by us (RFC 7515 4.1.7, 4.1.8). */
  readonly x5t?: string;
  readonly x5tS256?: string;
  /** Good from this second on. */
  readonly notBefore?: EpochSeconds;
  /** Good until the second before this one. */
  readonly expiresAt?: EpochSeconds;
}

/** What one entry of a document came to. */
export type EntryReading =
  | { readonly outcome: 'taken'; readonly key: DocumentKey }
  /** The document is good without it; an operator should know. */
  | { readonly outcome: 'left_out'; readonly problem: InputProblem }
  /** The whole document is not to be used. */
  | { readonly outcome: 'refused'; readonly problem: InputProblem };

export const taken = (key: DocumentKey): EntryReading => ({ outcome: 'taken', key });
export const leftOut = (problem: InputProblem): EntryReading => ({ outcome: 'left_out', problem });
export const refused = (problem: InputProblem): EntryReading => ({ outcome: 'refused', problem });

export interface DocumentKeys {
  readonly keys: readonly DocumentKey[];
  /** One sentence each, with at most 64 characters of the document in it. */
  readonly warnings: readonly string[];
}

/** Reading a key costs time, and nobody rotates among that many. */
const MAX_ENTRIES_READ = 20;

/**
 * Reads the entries of `/keys` one by one.
 * @param none what is said when there is no entry at all; when there are some, each says why it is of no use.
 */
export const gatherKeys = async (
  entries: readonly unknown[],
  read: (entry: unknown, pointer: string) => Promise<EntryReading>,
  none: InputProblem,
): Promise<Result<DocumentKeys, readonly InputProblem[]>> => {
  const looked = entries.slice(0, MAX_ENTRIES_READ);
  const readings = withoutRepeats(await Promise.all(looked.map((entry, index) => read(entry, `/keys/${index}`))));
  const refusals = readings.flatMap((each) => (each.outcome === 'refused' ? [each.problem] : []));
  if (refusals.length > 0) return refuse(refusals);
  const keys = readings.flatMap((each) => (each.outcome === 'taken' ? [each.key] : []));
  const left = readings.flatMap((each) => (each.outcome === 'left_out' ? [each.problem] : []));
  if (keys.length === 0) return refuse(left.length > 0 ? left : [none]);
  const warnings = left.map(({ pointer, detail }) => `${pointer} is left out: ${detail}`);
  if (entries.length > looked.length) {
    warnings.push(`only the first ${MAX_ENTRIES_READ} of ${entries.length} keys are looked at`);
  }
  return accept({ keys, warnings });
};

/**
 * The first of several keys stays. A `kid` has to name one key, and RFC 8725 3.1 wants one algorithm for each key; under two
 * names it could serve two.
 */
const withoutRepeats = (readings: readonly EntryReading[]): readonly EntryReading[] => {
  const kids = new Set<string>();
  const thumbprints = new Set<string>();
  return readings.map((reading, index) => {
    if (reading.outcome !== 'taken') return reading;
    const { kid, thumbprint } = reading.key;
    const pointer = `/keys/${index}`;
    if (kids.has(kid)) {
      return leftOut({ pointer, detail: `an earlier key has its kid "${excerpt(kid)}"`, code: 'key_duplicate' });
    }
    if (thumbprints.has(thumbprint)) {
      return leftOut({
        pointer,
        detail: 'the same key stands there before, under another name',
        code: 'key_duplicate',
      });
    }
    kids.add(kid);
    thumbprints.add(thumbprint);
    return reading;
  });
};
