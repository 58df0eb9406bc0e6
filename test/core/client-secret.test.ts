import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClientSecret, findSecret, hashSecret } from '../../functions/core/client-secret.ts';
import { refuse } from '../../functions/core/errors.ts';
import { NOW } from '../support/builders.ts';

const secret = (id: string, text: string, changes: Partial<ClientSecret> = {}): ClientSecret => ({
  ...{ id, hash: hashSecret(text), addedAt: NOW - 100 },
  ...changes,
});

describe('the hash of a secret', () => {
  it('is its SHA-256, base64url', () => {
    expect(hashSecret('csec_x')).toBe(createHash('sha256').update('csec_x').digest('base64url'));
    expect(hashSecret('')).toBe('47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU');
  });
});

describe('a secret', () => {
  const both = [secret('old', 'csec_a'), secret('new', 'csec_b')];

  it.each(['old', 'new'])('is found among several: the %s one', (id) => {
    const found = findSecret(both, id === 'old' ? 'csec_a' : 'csec_b', NOW);
    expect(found).toEqual({ ok: true, value: both.find((each) => each.id === id) });
  });

  it.each(['', 'csec_', 'csec_c', 'CSEC_A', ' csec_a', 'csec_a ', 'csec_a\n', 'csec_a\0', hashSecret('csec_a')])(
    'is not found by %j',
    (presented) => {
      expect(findSecret(both, presented, NOW)).toEqual(refuse({ reason: 'secret_unknown' }));
    },
  );

  it('is not found where there is none', () => {
    expect(findSecret([], 'csec_a', NOW)).toEqual(refuse({ reason: 'secret_unknown' }));
  });

  it.each([
    [NOW + 1, 'accepted'],
    [NOW, 'secret_expired'],
    [NOW - 1, 'secret_expired'],
    [0, 'secret_expired'],
  ])('that expires at %i is good until the second before: %s', (expiresAt, outcome) => {
    const found = findSecret([secret('s', 'csec_a', { expiresAt })], 'csec_a', NOW);
    expect(found.ok ? 'accepted' : found.refusal).toEqual(
      outcome === 'accepted' ? outcome : { reason: 'secret_expired', id: 's', expiresAt },
    );
  });

  it('that is expired takes nothing from another', () => {
    const secrets = [secret('old', 'csec_a', { expiresAt: NOW - 1 }), secret('new', 'csec_b')];
    expect(findSecret(secrets, 'csec_b', NOW)).toMatchObject({ value: { id: 'new' } });
  });

  it('is found by its own text only, whatever is presented', () => {
    const texts = fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 60 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(texts, fc.string({ unit: 'binary', maxLength: 60 }), (known, presented) => {
        const well = known.filter((text) => text.isWellFormed());
        fc.pre(presented.isWellFormed());
        const secrets = well.map((text, index) => secret(`s${index}`, text));
        for (const text of [...well, presented]) {
          const found = findSecret(secrets, text, NOW);
          expect(found.ok ? found.value.id : '').toBe(well.includes(text) ? `s${well.indexOf(text)}` : '');
        }
      }),
    );
  });
});
