import { describe, expect, it } from 'vitest';
import { parseRingRow, ringRow } from '../../functions/adapters/ring-rows.ts';
import { MalformedRowError } from '../../functions/adapters/row-members.ts';
import type { KeyRing } from '../../functions/core/key-ring.ts';
import { keyPair, REALM, signingKey } from '../support/builders.ts';

const [bare, certified] = [await keyPair('ES256', 'bare'), await keyPair('ES256', 'certified')];
const RING: KeyRing = {
  realm: REALM,
  algorithm: 'ES256',
  version: 3,
  keys: [signingKey(bare, { state: 'standby' }), signingKey(certified, { certificates: ['AAAA', 'BBBB'] })],
};

describe('the certificates of a key', () => {
  it('are read as they were written, and a key without any has no such member', () => {
    const read = parseRingRow(structuredClone(ringRow(RING)));
    expect(read).toEqual(RING);
    expect(read.keys.map((key) => 'certificates' in key)).toEqual([false, true]);
  });

  it.each([null, 'AAAA', 1, {}, [1], [null], [['AAAA']]])('are a fault as %j', (certificates) => {
    const [first, second] = RING.keys;
    const row = ringRow({ ...RING, keys: [] });
    expect(() => parseRingRow({ ...row, keys: [first, { ...second, certificates }] })).toThrow(
      new MalformedRowError('row ring#default / ES256 keys[1]: certificates is missing or malformed'),
    );
  });
});
