import { describe, expect, it } from 'vitest';
import type { PartnerWithGrants } from '../../functions/core/partner.ts';
import { mayIntrospect, owns } from '../../functions/flows/resource-rights.ts';
import { Outage } from '../../functions/ports.ts';
import { AUDIENCE, partner, REALM } from '../support/builders.ts';

const GATEWAY = 'gateway';
const known = (changes: Partial<PartnerWithGrants> = {}): PartnerWithGrants => ({
  ...{ partner: partner({ id: GATEWAY }), grants: [], audiences: [] },
  ...changes,
});
const OTHERS = 'https://api.example.com/other';

/** The cache says `caller`; the table says `now`. */
const asking = (caller: PartnerWithGrants, now: PartnerWithGrants | undefined) => {
  const reads: unknown[] = [];
  const partners = {
    find: async (...asked: unknown[]) => {
      reads.push(asked);
      return now;
    },
    findByIssuer: async () => undefined,
  };
  return {
    reads,
    introspects: () => mayIntrospect({ partners }, REALM, caller, AUDIENCE),
    owns: () => owns({ partners }, REALM, caller, AUDIENCE),
  };
};

const FRESH = [[REALM, GATEWAY, { maxAgeSeconds: 0 }]];

describe('the right to introspect', () => {
  it('is the owner’s without a read', async () => {
    const { introspects, reads } = asking(known({ audiences: [AUDIENCE] }), undefined);
    expect([await introspects(), reads]).toEqual([true, []]);
  });

  it.each<[string, PartnerWithGrants | undefined, boolean]>([
    ['is named', known({ introspects: [OTHERS, AUDIENCE] }), true],
    ['became the owner just now', known({ audiences: [AUDIENCE] }), true],
    ['is named by another resource', known({ introspects: [OTHERS, `${AUDIENCE}/`] }), false],
    ['is named by none', known(), false],
    ['is disabled', known({ partner: partner({ id: GATEWAY, enabled: false }), introspects: [AUDIENCE] }), false],
    ['is gone', undefined, false],
  ])('of a partner that %s is as one fresh read says', async (_, now, expected) => {
    for (const caller of [known(), known({ introspects: [AUDIENCE] })]) {
      const { introspects, reads } = asking(caller, now);
      expect([await introspects(), reads]).toEqual([expected, FRESH]);
    }
  });

  it('is no right of an owner', async () => {
    const { owns: isOwner, reads } = asking(known(), known({ introspects: [AUDIENCE] }));
    expect([await isOwner(), reads]).toEqual([false, FRESH]);
  });

  it('is not decided where the table cannot be read', async () => {
    const down = { find: () => Promise.reject(new Outage('dynamodb:Query', new Error('down'))) };
    const ports = { partners: { ...down, findByIssuer: async () => undefined } };
    await expect(mayIntrospect(ports, REALM, known({ introspects: [AUDIENCE] }), AUDIENCE)).rejects.toThrow(Outage);
  });
});
