import fc from 'fast-check';
import { describe, it } from 'vitest';
import { knownByCertificate } from './invariants/certificates.ts';
import { idempotent, monotone, oneActiveKey, signsWhileActive } from './invariants/cycle.ts';
import { failsClosed, NAME_OF_15 } from './invariants/issuers.ts';
import {
  holdIsObeyed,
  kidIsTheThumbprint,
  nothingLeaks,
  oneAlgorithmPerRing,
  publishedSetIsBounded,
} from './invariants/keys.ts';
import { bytesAreStable, revokedIsGone, slowestRegionFirst } from './invariants/publishing.ts';
import { boundedByTheKey, promisesAreKept, verifiable } from './invariants/verifiers.ts';
import { announce, assertHolds, RUNS, SEED } from './property.ts';

const INVARIANTS = [
  ...[oneActiveKey, signsWhileActive, verifiable, boundedByTheKey, promisesAreKept, holdIsObeyed],
  ...[publishedSetIsBounded, kidIsTheThumbprint, monotone, idempotent, nothingLeaks, revokedIsGone],
  ...[oneAlgorithmPerRing, bytesAreStable, slowestRegionFirst, knownByCertificate],
];

/** Of 100,000 runs one property takes minutes. */
const TIMEOUT_MS = 3_600_000;

describe('in every schedule of runs, commands, crashes, clocks and settings', () => {
  it.each(INVARIANTS)('$name', assertHolds, TIMEOUT_MS);
});

describe('whatever the table does', () => {
  it(
    NAME_OF_15,
    async () => {
      announce(NAME_OF_15);
      await fc.assert(failsClosed(), { numRuns: RUNS, seed: SEED });
    },
    TIMEOUT_MS,
  );
});
