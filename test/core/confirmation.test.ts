import { describe, expect, it } from 'vitest';
import { confirm, type Possessions } from '../../functions/core/confirmation.ts';
import { refuse } from '../../functions/core/errors.ts';
import type { Confirmation } from '../../functions/core/token.ts';
import { BINDING_RULES, type BindingRule, tokenTerms } from '../../functions/core/token-policy.ts';

const HELD: readonly Possessions[] = [{}, { jkt: 'key' }, { x5tS256: 'cert' }, { jkt: 'key', x5tS256: 'cert' }];
const RULES: readonly (BindingRule | undefined)[] = [undefined, ...BINDING_RULES];
const ORIGINS: readonly (Confirmation | undefined)[] = [
  undefined,
  ...[{ jkt: 'key' }, { jkt: 'other' }, { 'x5t#S256': 'cert' }, { 'x5t#S256': 'other' }],
  ...[
    { jkt: 'key', 'x5t#S256': 'cert' },
    { jkt: 'other', 'x5t#S256': 'cert' },
    { jkt: 'key', 'x5t#S256': 'other' },
  ],
];

const termsOf = (audience?: BindingRule, partner?: BindingRule) =>
  tokenTerms(
    { seconds: 60, algorithm: 'RS256' },
    audience === undefined ? {} : { binding: audience },
    partner === undefined ? {} : { binding: partner },
  );

/** The rules in other words than the code has them. */
const isRefused = (
  asked: readonly (BindingRule | undefined)[],
  held: Possessions,
  origin: Confirmation = {},
): boolean =>
  (asked.includes('dpop') && held.jkt === undefined) ||
  (asked.includes('mtls') && held.x5tS256 === undefined) ||
  ('jkt' in origin && origin.jkt !== held.jkt) ||
  ('x5t#S256' in origin && origin['x5t#S256'] !== held.x5tS256);

const COMBINATIONS = RULES.flatMap((audience) =>
  RULES.flatMap((partner) => HELD.flatMap((held) => ORIGINS.map((origin) => ({ audience, partner, held, origin })))),
);

describe('what a token is bound to', () => {
  it.each(COMBINATIONS)(
    'is what is held, as far as it is asked for ($audience, $partner; held $held; from $origin)',
    ({ audience, partner, held, origin }) => {
      const asked = [audience, partner];
      const terms = termsOf(audience, partner);
      const result = confirm(terms, held, origin);
      if (isRefused(asked, held, origin)) {
        expect(result).toEqual(refuse({ reason: 'binding_required', bindings: terms.bindings }));
        return;
      }
      const wantsCertificate = asked.some((rule) => rule?.startsWith('mtls')) || origin?.['x5t#S256'] !== undefined;
      const bound = {
        ...(held.jkt === undefined ? {} : { jkt: held.jkt }),
        ...(held.x5tS256 !== undefined && wantsCertificate ? { 'x5t#S256': held.x5tS256 } : {}),
      };
      expect(result).toEqual({ ok: true, value: Object.keys(bound).length === 0 ? undefined : bound });
    },
  );

  it('is nothing for a certificate that nobody asks for: it may be there for authentication alone', () => {
    expect(confirm(termsOf(), { x5tS256: 'cert' })).toEqual({ ok: true, value: undefined });
  });

  it('is the key of any proof, asked for or not (RFC 9449 5)', () => {
    expect(confirm(termsOf(), { jkt: 'key' })).toEqual({ ok: true, value: { jkt: 'key' } });
  });

  it('is both where both are asked for', () => {
    expect(confirm(termsOf('dpop', 'mtls'), { jkt: 'key', x5tS256: 'cert' })).toEqual({
      ok: true,
      value: { jkt: 'key', 'x5t#S256': 'cert' },
    });
  });

  it('is not shaken off by an exchange, nor taken to another key', () => {
    const origin = { jkt: 'key' };
    expect([confirm(termsOf(), {}, origin), confirm(termsOf(), { jkt: 'other' }, origin)]).toEqual([
      refuse({ reason: 'binding_required', bindings: [] }),
      refuse({ reason: 'binding_required', bindings: [] }),
    ]);
  });

  it('is kept to all that the exchange is made from at once', () => {
    const bound = (...origins: Parameters<typeof confirm>[2][]) => confirm(termsOf(), { jkt: 'key' }, ...origins).ok;
    expect(bound(undefined, { jkt: 'key' }, {})).toBe(true);
    expect([bound({ jkt: 'other' }, { jkt: 'key' }), bound(undefined, { 'x5t#S256': 'cert' })]).toEqual([false, false]);
  });

  it('is what every token is bound to that was handed in, or there is none', () => {
    const [key, cert] = [{ jkt: 'key' }, { 'x5t#S256': 'cert' }];
    const both = { jkt: 'key', x5tS256: 'cert' };
    const of = (held: Possessions, ...origins: readonly (Confirmation | undefined)[]) => {
      const confirmed = confirm(termsOf(), held, ...origins);
      return confirmed.ok ? confirmed.value : confirmed.refusal.reason;
    };
    expect([
      of(both, key, cert),
      of(both, cert, undefined),
      of(both, undefined, cert),
      of({ jkt: 'key' }, key, cert),
      of({ x5tS256: 'cert' }, key, cert),
      of({ jkt: 'key' }, key, { jkt: 'other' }),
      of({ jkt: 'key' }, undefined, undefined),
    ]).toEqual([
      ...[
        { ...key, ...cert },
        { ...key, ...cert },
        { ...key, ...cert },
      ],
      ...['binding_required', 'binding_required', 'binding_required', key],
    ]);
  });
});
