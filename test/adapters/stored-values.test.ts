/** What is accepted of an operator can be stored, and is read back as it was: the registry refuses nothing that the core has let in. */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClaimValue, claimProblems } from '../../functions/core/custom-claims.ts';
import { changePartner, newPartner, type PartnerChange } from '../../functions/core/partner-definition.ts';
import { NOW, REALM } from '../support/builders.ts';
import { openDynamo, partnerIn, type Registries } from './registries.ts';

let registries: Registries;
let stored = 0;
beforeAll(async () => {
  registries = await openDynamo();
});
afterAll(() => registries[Symbol.asyncDispose]());

/** Stores a partner with these members, if they are acceptable, and reads it. */
const expectKept = async (members: PartnerChange): Promise<boolean> => {
  stored += 1;
  const changed = changePartner(newPartner(REALM, `p${stored}`, NOW), members, ['RS256'], NOW);
  if (!changed.ok) return false;
  const partner = { ...changed.value, version: 1 };
  expect(await registries.registry.createPartner(partner, undefined)).toBe('saved');
  // JSON tells 0 and -0 apart no more than a token does.
  expect((await partnerIn(registries, REALM, partner.id)).partner).toEqual(JSON.parse(JSON.stringify(partner)));
  return true;
};

const name = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_]{1,8}$/),
  fc.constantFrom('constructor', 'toString', 'length', 'S'),
);
const claims = fc.dictionary(name, fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }) as fc.Arbitrary<ClaimValue>, {
  maxKeys: 4,
});

describe('claims that are acceptable', () => {
  it('are stored and read as they were, whatever JSON they are', async () => {
    let kept = 0;
    await fc.assert(
      fc.asyncProperty(claims, async (each) => {
        if (await expectKept({ claims: each })) kept += 1;
      }),
      { numRuns: 400 },
    );
    expect(kept).toBeGreaterThan(100);
  });

  it.each([
    ['a whole number beyond 2^53', 2 ** 53 + 2],
    ['the largest number', Number.MAX_VALUE],
    ['the smallest number', Number.MIN_VALUE],
    ['a number of DynamoDB’s bounds', 9.99e125],
    ['a small number of DynamoDB’s bounds', 1e-130],
    ['a number of many digits', 0.1 + 0.2],
    ['minus zero', -0],
    ['an empty text', ''],
    ['a lone surrogate', '\ud800'],
    ['an empty list and object', [[], {}]],
    ['a member without name', { '': 1 }],
    ['a long member name', { ['x'.repeat(900)]: 1 }],
    ['a member called __proto__', JSON.parse('{"__proto__": {"admin": true}}') as ClaimValue],
    ['null', null],
  ])('or are refused: %s', async (_what, value) => {
    const isAccepted = claimProblems({ x: value }).length === 0;
    expect(await expectKept({ claims: { x: value } })).toBe(isAccepted);
  });
});

describe('other members that are acceptable', () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 140 }), fc.string({ maxLength: 20 }));

  it('are stored and read as they were', async () => {
    let kept = 0;
    const tags = fc.dictionary(name, text, { maxKeys: 3 });
    await fc.assert(
      fc.asyncProperty(fc.record({ name: text, contact: text, tags }, { requiredKeys: [] }), async (members) => {
        if (await expectKept(members)) kept += 1;
      }),
      { numRuns: 200 },
    );
    expect(kept).toBeGreaterThan(50);
  });

  it('are stored and read as they were, claims of other issuers too, whatever they are called', async () => {
    let kept = 0;
    const claim = fc.oneof(name, fc.constantFrom('pk', 'sk', '/a~1b', '/constructor/x', 'https://a.example/c', 'é'));
    const value = fc.string({ unit: 'binary', minLength: 1, maxLength: 6 });
    const predicate = fc.oneof(
      fc.record({ exact: value }),
      fc.record({ glob: value }),
      fc.record({ oneOf: fc.array(value, { minLength: 1, maxLength: 3 }) }),
    );
    const claims = fc
      .dictionary(claim, predicate, { maxKeys: 3 })
      .map((more) => ({ ...more, sub: { exact: 'workload' } }));
    await fc.assert(
      fc.asyncProperty(fc.record({ claims, audited: claims }), async (said) => {
        if (await expectKept({ federation: [{ issuer: 'https://ci.example', ...said }] })) kept += 1;
      }),
      { numRuns: 200 },
    );
    expect(kept).toBeGreaterThan(50);
  });
});
