/** Documents that nobody has thought of: nothing throws, and nothing comes of a changed document that was not in the true one. */

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PartnerDocument, parseDocumentText, readPartnerDocument } from '../../functions/core/partner-document.ts';
import manifest from '../fixtures/microsoft-s2s/manifest.json' with { type: 'json' };
import { keyPair } from '../support/builders.ts';

const NOW = manifest.clock;
const textOf = (file: string): string =>
  readFileSync(new URL(`../fixtures/microsoft-s2s/${file}`, import.meta.url), 'utf8');
const EXCHANGE = textOf('metadata-exchange-rollover.json');
const SHAREPOINT = textOf('metadata-sharepoint.json');
const KEY_SET = JSON.stringify({
  keys: await Promise.all(
    (['RS256', 'ES256', 'EdDSA'] as const).map(async (alg) => ({ ...(await keyPair(alg)).publicJwk, alg, kid: alg })),
  ),
});
const documentOf = async (value: unknown): Promise<PartnerDocument | undefined> => {
  const result = await readPartnerDocument(value, NOW);
  if (result.ok) return result.value;
  expect(result.refusal.length).toBeGreaterThan(0);
  expect(result.refusal.every(({ code, detail }) => code !== undefined && detail !== '')).toBe(true);
  return undefined;
};
const truths = await Promise.all([EXCHANGE, SHAREPOINT, KEY_SET].map((text) => documentOf(parseDocumentText(text))));
const KNOWN_KEYS = new Set(truths.flatMap((each) => each?.keys.map(({ thumbprint }) => thumbprint) ?? []));
const KNOWN_X5T = new Set(Object.values(manifest.x5t));
const KNOWN_ISSUERS = new Set(truths.map((each) => each?.issuer));

/** Every place in a JSON value, as the way to it. */
const waysOf = (value: unknown, way: readonly string[] = []): readonly (readonly string[])[] =>
  typeof value === 'object' && value !== null
    ? [way, ...Object.entries(value).flatMap(([name, member]) => waysOf(member, [...way, name]))]
    : [way];

const replaced = (value: unknown, [name, ...way]: readonly string[], by: unknown): unknown => {
  if (name === undefined) return by;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[name] = replaced(copy[name], way, by);
  return copy;
};

describe('any value at all', () => {
  it('is answered with a value', async () => {
    await fc.assert(
      fc.asyncProperty(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), async (value) => {
        expect(await documentOf(value)).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });

  it('is answered with a value when it has the members that documents have', async () => {
    const member = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom('signing', 'RSA', 'EC', 'OAuth2', '1.0', '*', 'https://a.example', `${'0'.repeat(8)}@x`),
    );
    const entry = fc.dictionary(
      fc.constantFrom('kty', 'n', 'e', 'x', 'crv', 'kid', 'x5c', 'usage', 'keyvalue', 'keyValue', 'keyinfo', 'd'),
      member,
    );
    const document = fc.dictionary(
      fc.constantFrom('issuer', 'jwks_uri', 'realm', 'serviceName', 'endpoints', 'version', 'name'),
      member,
    );
    await fc.assert(
      fc.asyncProperty(document, fc.option(fc.array(fc.oneof(entry, member), { maxLength: 4 })), async (base, keys) => {
        const read = await documentOf(keys === null ? base : { ...base, keys });
        expect(read?.keys ?? []).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a document in which something is changed', () => {
  const change = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom(undefined, '*', '', 'signing', [], {}, new X509Certificate(textOf('attacker-test-cert.pem')).raw),
  );

  it.each([
    ['Exchange', EXCHANGE],
    ['SharePoint', SHAREPOINT],
    ['a key set', KEY_SET],
  ])('gives keys and an issuer of the true one, or none: %s', async (_, text) => {
    const value = parseDocumentText(text);
    // Another exponent or modulus makes another key, and now and then a good one: nothing in a bare key set could tell.
    const ways = waysOf(value).filter((way) => way.length > 0 && !['n', 'e'].includes(String(way.at(-1))));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ways), change, async (way, by) => {
        const read = await documentOf(replaced(value, way, by));
        for (const { thumbprint, x5t } of read?.keys ?? []) {
          expect(KNOWN_KEYS).toContain(thumbprint);
          if (x5t !== undefined) expect(KNOWN_X5T).toContain(x5t);
        }
        expect(KNOWN_ISSUERS).toContain(read?.issuer);
      }),
      { numRuns: 500 },
    );
  });

  it('in one octet of its text gives the same, or is refused', async () => {
    const bytes = Buffer.from(EXCHANGE);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), async (at, octet) => {
        const changed = Buffer.from(bytes);
        changed[at] = octet;
        const read = await documentOf(parseDocumentText(changed.toString()));
        // A letter of a thumbprint, certificate or member name refuses it; one of the display name does not matter.
        for (const { x5t } of read?.keys ?? []) expect(KNOWN_X5T).toContain(x5t);
        expect(read?.issuer ?? truths[0]?.issuer).toBe(truths[0]?.issuer);
      }),
      { numRuns: 1_000 },
    );
  });
});
