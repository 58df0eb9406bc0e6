/** What holds for every importer, whatever it is given. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { declaration } from '../../../cli/declaration.ts';
import { Failure } from '../../../cli/failure.ts';
import { importAuth0 } from '../../../cli/import/auth0.ts';
import { importCognito } from '../../../cli/import/cognito.ts';
import { importHydra } from '../../../cli/import/hydra.ts';
import type { ImportedPartners } from '../../../cli/import/imported.ts';
import { importKeycloak } from '../../../cli/import/keycloak.ts';
import { fixture } from './fixture.ts';

const IMPORTERS = [
  ['Cognito', importCognito, 'cognito-pool.json'],
  ['Auth0', importAuth0, 'auth0-tenant.json'],
  ['Keycloak', importKeycloak, 'keycloak-realm.json'],
  ['Hydra', importHydra, 'hydra-clients.json'],
] as const;

/** `undefined`: refused, in the way that a wrong file is. */
const tryImport = (
  importer: (document: unknown) => ImportedPartners,
  document: unknown,
): ImportedPartners | undefined => {
  try {
    return importer(document);
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    expect(error).toMatchObject({ exitCode: 2, message: expect.not.stringContaining('\n') });
    return undefined;
  }
};

const expectSound = ({ partners, notes }: ImportedPartners): void => {
  expect(declaration.safeParse({ partners }).error).toBeUndefined();
  expect(new Set(partners.map(({ id }) => id)).size).toBe(partners.length);
  const audiences = partners.flatMap((partner) => partner.audiences ?? []);
  const scopes = new Map(audiences.map((each) => [each.audience, each.scopes]));
  expect(scopes.size).toBe(audiences.length);
  for (const { audience, scopes: granted } of partners.flatMap(({ grants }) => grants ?? [])) {
    expect(scopes.get(audience)).toEqual(expect.arrayContaining([...granted]));
  }
  for (const { partner, text } of notes) {
    expect(text).not.toMatch(/\n/);
    if (partner !== undefined) expect(partners.map(({ id }) => id)).toContain(partner);
  }
};

/** Every place in a document, as the keys that lead to it. */
const placesOf = (value: unknown, path: readonly string[] = []): readonly (readonly string[])[] =>
  typeof value === 'object' && value !== null
    ? [path, ...Object.entries(value).flatMap(([name, inner]) => placesOf(inner, [...path, name]))]
    : [path];

const replaced = (value: unknown, [name, ...rest]: readonly string[], by: unknown): unknown => {
  if (name === undefined) return by;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[name] = replaced(copy[name], rest, by);
  return copy;
};

const awkward = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    '',
    ' ',
    '\n',
    '\ud800',
    'a/b',
    '{"kty":"RSA"}',
    'x'.repeat(2000),
  ),
  fc.constantFrom(-1, 0, 1e308, Number.MAX_SAFE_INTEGER, 0.5),
);

describe.each(IMPORTERS)('import from %s', (_name, importer, file) => {
  const document = fixture(file);
  const places = placesOf(document);

  it('gives what apply takes, with grants on declared scopes of declared audiences', () => {
    expectSound(importer(document));
    expect(importer(document).partners.length).toBeGreaterThan(3);
  });

  it('leaves its input as it was and gives the same again', () => {
    const before = structuredClone(document);
    expect(importer(document)).toEqual(importer(document));
    expect(document).toEqual(before);
  });

  it('repeats no secret of the export', () => {
    expect(JSON.stringify(importer(document))).not.toMatch(/made-up/);
  });

  it('gives something sound or refuses, whatever stands in one place of the export', () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), awkward, (place, value) => {
        const imported = tryImport(importer, replaced(document, place, value));
        if (imported !== undefined) expectSound(imported);
      }),
      { numRuns: 1000 },
    );
  });

  it('does not depend on the order of lists', () => {
    const shuffled = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shuffled).reverse();
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shuffled(inner)]));
    };
    const withoutKeys = ({ partners }: ImportedPartners) =>
      partners.map(({ credentials: _credentials, contact: _contact, ...rest }) => rest);
    expect(withoutKeys(importer(shuffled(document)))).toEqual(withoutKeys(importer(document)));
  });

  it('takes no other document for an export', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const imported = tryImport(importer, value);
        if (imported !== undefined) expect(imported.partners).toEqual([]);
      }),
    );
  });
});
