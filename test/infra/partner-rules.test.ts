import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePrincipal } from '../../functions/core/microsoft-principal.ts';
import * as partner from '../../functions/core/partner.ts';
import * as realm from '../../functions/core/realm.ts';
import * as scope from '../../functions/core/scope.ts';
import * as rules from '../../infra/partner-rules.ts';

/** Texts near the border of what is allowed, which arbitrary ones hardly ever are. */
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...'aZ09._~-/:#"\\ é'), maxLength: 6 }),
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
  fc.nat({ max: 600 }).map((length) => 'a'.repeat(length)),
  fc.nat({ max: 600 }).map((length) => `urn:${'a'.repeat(length)}`),
  fc
    .tuple(fc.uuid(), fc.string({ unit: fc.constantFrom(...'aZ09.-@* '), maxLength: 6 }))
    .map((parts) => parts.join('@')),
  fc.nat({ max: 300 }).map((length) => `00000002-0000-0ff1-ce00-000000000000@a${'b'.repeat(length)}`),
);

const PAIRS = [
  ['partner ids', rules.isPartnerId, partner.isPartnerId],
  ['audiences', rules.isAudienceUri, partner.isAudienceUri],
  ['scopes', rules.isScopeToken, scope.isScopeToken],
  ['realms', rules.isRealmName, realm.isRealmName],
  ['principals', rules.isPrincipal, (text: string) => parsePrincipal(text) !== undefined],
] as const;

describe('the rules of the app about partners', () => {
  it.each(PAIRS)('are those of the functions for %s', (_, ours, theirs) => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(ours(text)).toBe(theirs(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(PAIRS)('let some %s through, and not others', (_, ours) => {
    const good = ['crm', 'urn:crm', 'https://crm.example.com/a', '00000002-0000-0ff1-ce00-000000000000@crm'];
    expect([...good, 'invoices:read'].some(ours)).toBe(true);
    expect(['', 'a b', 'é', 'a\n', 'x'.repeat(600)].some(ours)).toBe(false);
  });
});
