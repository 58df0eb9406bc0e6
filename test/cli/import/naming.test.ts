import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PARTNER_ID } from '../../../cli/declaration.ts';
import { assignAudiences, assignIds, isAudienceUri, lineOf } from '../../../cli/import/naming.ts';

describe('assignIds', () => {
  it.each([
    ['https://api.example.com/billing/', 'api.example.com-billing'],
    ['urn:example:stock', 'example-stock'],
    ['Nightly export (old)', 'Nightly-export-old'],
    ['_hidden', 'hidden'],
    ['日本', 'partner'],
  ])('derives an id from %j', (name, id) => {
    expect(assignIds([name], new Set()).get(name)).toBe(id);
  });

  it('keeps names that are ids, and never gives one to anything else', () => {
    const ids = assignIds(['a b', 'a-b', 'a/b'], new Set(['a-b-2']));
    expect(Object.fromEntries(ids)).toEqual({ 'a-b': 'a-b', 'a b': 'a-b-3', 'a/b': 'a-b-4' });
  });

  it('gives distinct names distinct ids that can be registered', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 200 })), (names) => {
        const ids = [...assignIds(names, new Set()).values()];
        expect(new Set(ids).size).toBe(names.length);
        for (const id of ids) expect(id).toMatch(PARTNER_ID);
      }),
    );
  });
});

describe('assignAudiences', () => {
  it('keeps a URI, and makes one of any other name', () => {
    const names = [
      'https://api.example.com/v1',
      'urn:example:stock',
      'billing',
      'team/stock keeping',
      'https://a.example/#x',
    ];
    expect(Object.fromEntries(assignAudiences(names))).toEqual({
      'https://api.example.com/v1': 'https://api.example.com/v1',
      'urn:example:stock': 'urn:example:stock',
      billing: 'api://billing',
      'team/stock keeping': 'api://team/stock%20keeping',
      'https://a.example/#x': 'api://https%3A//a.example/%23x',
    });
  });

  it('gives distinct names distinct URIs, so that no grant lands on another resource', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(fc.string({ unit: 'binary', maxLength: 600 }), fc.constant('\ud800'), fc.webUrl())),
        (names) => {
          const uris = [...assignAudiences(['billing', 'api://billing', ...names]).values()];
          expect(new Set(uris).size).toBe(new Set(['billing', 'api://billing', ...names]).size);
          for (const uri of uris) expect(isAudienceUri(uri), uri).toBe(true);
        },
      ),
    );
  });
});

describe('lineOf', () => {
  it('makes one bounded line of anything, and nothing of nothing', () => {
    expect(lineOf('  Two\nlines\t ')).toBe('Two lines');
    expect(lineOf('\u0007')).toBeUndefined();
    expect(lineOf(null)).toBeUndefined();
    expect(lineOf('x'.repeat(200))).toBe(`${'x'.repeat(125)}...`);
    expect(lineOf('😀'.repeat(100))?.isWellFormed()).toBe(true);
  });
});
