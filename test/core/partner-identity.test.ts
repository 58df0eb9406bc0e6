import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Partner } from '../../functions/core/partner.ts';
import {
  definePartner,
  definitionOf,
  type PartnerDefinition,
  replacePartner,
} from '../../functions/core/partner-definition.ts';
import manifest from '../fixtures/microsoft-s2s/manifest.json' with { type: 'json' };
import { credential, keyPair, NOW, partner, REALM } from '../support/builders.ts';

const [pair, other, third] = [await keyPair(), await keyPair('ES256', 'k2'), await keyPair('ES256', 'k3')];
const jwk = { ...pair.publicJwk, kid: 'k1' };
const define = (definition: PartnerDefinition, now = NOW) => definePartner(REALM, 'crm', definition, ['RS256'], now);
const defined = async (definition: PartnerDefinition, now = NOW): Promise<Partner> => {
  const result = await define(definition, now);
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value;
};

describe('a document that is pasted', () => {
  const OAUTH = { issuer: 'https://idp.example', jwks_uri: 'https://idp.example/jwks', scopes_supported: ['x'] };
  const exchange: unknown = JSON.parse(
    readFileSync(new URL('../fixtures/microsoft-s2s/metadata-exchange.json', import.meta.url), 'utf8'),
  );
  const refusedBy = async (definition: PartnerDefinition) => {
    const result = await define(definition, manifest.clock);
    return result.ok ? 'accepted' : result.refusal.map(({ pointer, code }) => [pointer, code]);
  };

  it('as a key set gives keys, which count as registered: nothing could change them later', async () => {
    expect(await defined({ metadata: { keys: [jwk] } })).toEqual(await defined({ jwks: { keys: [jwk] } }));
  });

  it('as OAuth metadata says who the partner is, and where its keys are from then on', async () => {
    expect(await defined({ metadata: OAUTH })).toEqual({
      ...(await defined({})),
      issuer: OAUTH.issuer,
      source: { type: 'jwks_uri', url: OAUTH.jwks_uri },
    });
  });

  it('of Exchange gives its name in two parts and its certificate', async () => {
    const { issuer, credentials, source } = await defined({ metadata: exchange }, manifest.clock);
    expect([issuer, source]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}@/), undefined]);
    expect(credentials).toMatchObject([
      { kid: manifest.x5t.exchange, x5t: manifest.x5t.exchange, source: 'registered' },
    ]);
  });

  it('may say again what the operator says, and nothing else', async () => {
    expect((await defined({ metadata: OAUTH, issuer: OAUTH.issuer })).issuer).toBe(OAUTH.issuer);
    expect([
      await refusedBy({ metadata: OAUTH, issuer: `${OAUTH.issuer}/` }),
      await refusedBy({ metadata: exchange, issuer: 'https://exchange.example' }),
      await refusedBy({ metadata: { keys: [jwk] }, issuer: 'https://whoever.example' }),
    ]).toEqual([[['/issuer', undefined]], [['/issuer', undefined]], 'accepted']);
  });

  it.each<[PartnerDefinition]>([
    [{ metadata: OAUTH, jwksUri: 'https://a.example/jwks' }],
    [{ metadata: OAUTH, metadataUrl: 'https://a.example/m' }],
    [{ metadata: { keys: [jwk] }, jwksUri: 'https://a.example/jwks' }],
    [{ jwksUri: 'https://a.example/jwks', metadataUrl: 'https://a.example/m' }],
  ])('is the only one: %j', async (definition) => {
    expect(await define(definition)).toEqual({
      ok: false,
      refusal: [{ pointer: '', detail: 'metadata, jwksUri and metadataUrl exclude one another' }],
    });
  });

  it('may stand beside a null, which names no document', async () => {
    expect(await refusedBy({ metadata: { keys: [jwk] }, jwksUri: null, metadataUrl: null })).toBe('accepted');
  });

  it.each<[unknown, readonly (readonly [string, string])[]]>([
    [{}, [['/metadata', 'document_malformed']]],
    [[], [['/metadata', 'document_malformed']]],
    [{ keys: [] }, [['/metadata/keys', 'document_no_keys']]],
    [{ keys: [{ ...jwk, d: 'x' }] }, [['/metadata', 'key_exposed']]],
    [{ ...OAUTH, issuer: 'http://idp.example' }, [['/metadata/issuer', 'document_malformed']]],
  ])('%j is refused by its place, with a code', async (metadata, problems) => {
    expect(await refusedBy({ metadata })).toEqual(problems);
  });
});

describe('what was said of a partner', () => {
  const full = partner({
    ...{ name: 'CRM', tags: { b: '1', a: '2' }, claims: { z: { y: 1, x: [2, { w: 3, v: 4 }] } } },
    ...{ tokenPolicy: { accessTokenSeconds: 60, binding: 'dpop' }, quota: { perDay: 1, mode: 'observe' } },
    credentials: [credential(pair, { label: 'x' }), credential(other)],
  });
  const said = definitionOf(full);

  /** The same with the members of every object in the order that the numbers say. */
  const shuffled = (value: unknown, order: readonly number[]): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((each) => shuffled(each, order));
    const entries = Object.entries(value).map(([name, member], index) => ({ name, member, at: order[index] ?? 0 }));
    return Object.fromEntries(
      entries.sort((a, b) => a.at - b.at).map(({ name, member }) => [name, shuffled(member, order)]),
    );
  };

  it('is one text, in whatever order it was said', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(99), { minLength: 20, maxLength: 20 }), (order) => {
        expect(definitionOf(shuffled(full, order) as Partner)).toBe(said);
      }),
    );
    expect(definitionOf({ ...full, credentials: full.credentials.toReversed() })).toBe(said);
  });

  it('does not hold what the registry adds', () => {
    const added = { version: 9, createdAt: 1, updatedAt: 2 };
    const credentials = [...full.credentials.map((each) => ({ ...each, addedAt: 3 }))];
    const document = credential(third, { source: 'document' });
    expect(definitionOf({ ...full, ...added, credentials: [document, ...credentials] })).toBe(said);
  });

  it.each<[string, Partial<Partner>]>([
    ['id', { id: 'x' }],
    ['realm', { realm: 'x' }],
    ['name', { name: 'x' }],
    ['contact', { contact: 'x' }],
    ['tags', { tags: { a: '2' } }],
    ['enabled', { enabled: false }],
    ['trust level', { trustLevel: 'full' }],
    ['security identifiers', { acceptsSecurityIdentifiers: true }],
    ['issuer', { issuer: 'https://x' }],
    ['source', { source: { type: 'jwks_uri', url: 'https://x' } }],
    ['token policy', { tokenPolicy: {} }],
    ['order of a list in its claims', { claims: { z: { y: 1, x: [{ w: 3, v: 4 }, 2] } } }],
    ['quota', { quota: { perDay: 1, mode: 'enforce' } }],
    ['number of credentials', { credentials: full.credentials.slice(1) }],
    ['label of a credential', { credentials: [credential(pair), credential(other)] }],
    ['end of a credential', { credentials: [credential(pair, { label: 'x', expiresAt: NOW }), credential(other)] }],
    ['key of a credential', { credentials: [credential(pair, { label: 'x', thumbprint: 'x' }), credential(other)] }],
  ])('is another with another %s', (_what, changes) => {
    expect(definitionOf({ ...full, ...changes })).not.toBe(said);
  });
});

describe('a partner that is replaced', () => {
  const source = { type: 'metadata', url: 'https://idp.example/m' } as const;
  const stored = partner({
    ...{ name: 'Old', version: 4, createdAt: NOW - 900, updatedAt: NOW - 800, source, issuer: 'https://idp.example' },
    credentials: [
      credential(pair, { addedAt: NOW - 700 }),
      credential(other, { addedAt: NOW - 600, source: 'document' }),
    ],
  });
  const replace = (wanted: Partial<Partner>) => replacePartner(stored, partner({ createdAt: NOW, ...wanted }), NOW);

  it('is as wanted, with its own age and one version more', () => {
    expect(replace({ name: 'New' })).toEqual(
      partner({ name: 'New', version: 5, createdAt: NOW - 900, updatedAt: NOW, credentials: [] }),
    );
  });

  it('keeps the time that a key came, whatever else is said of it', () => {
    const again = credential(pair, { kid: 'renamed', label: 'x', addedAt: NOW });
    expect(replace({ credentials: [again, credential(third, { addedAt: NOW })] }).credentials).toEqual([
      { ...again, addedAt: NOW - 700 },
      credential(third, { addedAt: NOW }),
    ]);
  });

  it('keeps keys and issuer of its document as long as the same one is followed', () => {
    const document = credential(other, { addedAt: NOW - 600, source: 'document' });
    expect(replace({ source })).toMatchObject({ credentials: [document], issuer: 'https://idp.example', source });
    for (const changed of [
      { ...source, url: 'https://idp.example/n' },
      { ...source, type: 'jwks_uri' },
    ] as const) {
      const { credentials, issuer } = replace({ source: changed });
      expect([credentials, issuer]).toEqual([[], undefined]);
    }
    expect(replace({ source, issuer: 'https://new.example' }).issuer).toBe('https://new.example');
  });

  it('has what is registered in place of a key of the document', () => {
    const registered = credential(other, { addedAt: NOW });
    expect(replace({ source, credentials: [registered] }).credentials).toEqual([{ ...registered, addedAt: NOW - 600 }]);
    const named = credential(third, { kid: other.kid, addedAt: NOW });
    expect(replace({ source, credentials: [named] }).credentials).toEqual([named]);
  });

  it('by what it is stays as it is, but for its version', () => {
    const { source: _source, ...rest } = stored;
    for (const before of [stored, { ...rest, credentials: stored.credentials.slice(0, 1) }]) {
      const wanted = { ...before, credentials: before.credentials.filter((each) => each.source === 'registered') };
      expect(replacePartner(before, wanted, NOW)).toEqual({ ...before, version: 5, updatedAt: NOW });
      expect(definitionOf(replacePartner(before, wanted, NOW))).toBe(definitionOf(before));
    }
  });
});
