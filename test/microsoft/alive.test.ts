/**
 * That every check of the profile is alive: each is switched off, and then at least one of the known cases comes to something else. So a
 * check that no case would miss cannot stay unnoticed, nor a case that tests nothing.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearerTokens, fixtureText } from './fixtures.ts';
import { contextOf, one, type Recipients, registerAll, type Validator, verdict } from './memory.ts';
import { loadMutant } from './mutants.ts';
import { MUTATIONS } from './mutations.ts';
import { EDGES, FURTHER, NUMBERED } from './negatives.ts';

const CASES = [
  ...bearerTokens.map(({ file, ...token }) => ({ ...token, token: fixtureText(file) })),
  ...NUMBERED,
  ...FURTHER,
  ...EDGES,
];

let directory: string;
let registered: Recipients;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
  registered = await registerAll();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Cases that come to something else than they have to, and to what. */
const changedBy = async (validator: Validator): Promise<ReadonlyMap<string, string>> => {
  const changes = new Map<string, string>();
  for (const { name, recipient, expect: expected, token } of CASES) {
    const came = await verdict(token, contextOf(one(registered, recipient)), validator).catch(() => 'crash');
    if (came !== expected) changes.set(name, came);
  }
  return changes;
};

describe('with all checks', () => {
  it('every case comes to what it has to', async () => {
    expect(await changedBy(await loadMutant(join(directory, 'original'), undefined))).toEqual(new Map());
  });
});

describe('a case notices when', () => {
  it.each(MUTATIONS.map((mutation, index) => ({ ...mutation, index })))(
    '$what',
    async ({ index, lets, ...mutation }) => {
      const changes = await changedBy(await loadMutant(join(directory, String(index)), mutation));
      expect(changes.size).toBeGreaterThan(0);
      // Where nothing else would catch it, the check alone stands between this case and a token.
      if (lets !== undefined) expect(changes.get(lets)).toBe('accept');
    },
  );
});
