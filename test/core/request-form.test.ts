import { describe, expect, it } from 'vitest';
import { refuse } from '../../functions/core/errors.ts';
import { parseForm, type RawTokenRequest, registeredWord } from '../../functions/core/request-form.ts';
import { parseTokenRequest } from '../../functions/core/token-request.ts';
import { tokenParameters, tokenRequest } from '../support/builders.ts';

const reasonOf = (raw: RawTokenRequest): string => {
  const result = parseTokenRequest(raw);
  return result.ok ? 'accepted' : result.refusal.reason;
};
const withMore = (...more: [string, string][]): RawTokenRequest => ({
  parameters: [...tokenParameters('a.b.c'), ...more],
  queryParameters: [],
});

describe('the bounds of a request', () => {
  it.each([
    'grant_type',
    'client_id',
    'client_assertion_type',
    'client_assertion',
    'scope',
    'audience',
    'resource',
    'client_secret',
    'assertion',
    'subject_token',
    'subject_token_type',
    'actor_token',
    'actor_token_type',
    'requested_token_type',
    'authorization_details',
  ])('refuse %s twice, unless it is resource', (name) => {
    const raw: RawTokenRequest = {
      parameters: [
        [name, 'https://a.example'],
        [name, 'https://a.example'],
      ],
      queryParameters: [],
    };
    expect(reasonOf(raw)).toBe(name === 'resource' ? 'parameter_missing' : 'parameter_duplicated');
  });

  it('refuse an unknown parameter twice without repeating its name', () => {
    expect(parseTokenRequest(withMore(['eyJhbGciOi', 'x'], ['eyJhbGciOi', 'x']))).toEqual(
      refuse({ reason: 'parameter_duplicated', parameter: 'unknown' }),
    );
  });

  it.each([
    ['assertion', 8_192],
    ['subject_token', 8_192],
    ['subject_token_type', 128],
    ['actor_token', 8_192],
    ['actor_token_type', 128],
    ['requested_token_type', 128],
    ['authorization_details', 4_096],
    ['grant_type', 128],
    ['client_id', 256],
    ['client_secret', 256],
    ['client_assertion_type', 128],
    ['client_assertion', 8_192],
    ['resource', 512],
    ['audience', 512],
    ['scope', 4_096],
  ])('let %s have %i characters and no more', (name, length) => {
    const of = (size: number): string => reasonOf({ parameters: [[name, 'x'.repeat(size)]], queryParameters: [] });
    expect([of(length) === 'parameter_too_long', of(length + 1)]).toEqual([false, 'parameter_too_long']);
  });

  it('let a request have 32 parameters and no more', () => {
    const filler = (count: number): [string, string][] =>
      Array.from({ length: count }, (_, index) => [`p${index}`, 'x']);
    expect([reasonOf(withMore(...filler(29))), parseTokenRequest(withMore(...filler(30)))]).toEqual([
      'accepted',
      refuse({ reason: 'parameters_too_many', count: 33 }),
    ]);
  });

  it.each(['client_assertion', 'client_secret', 'grant_type', 'scope', 'resource', 'assertion', 'subject_token'])(
    'refuse %s in the URL, where it ends up in logs (RFC 6749 2.3.1)',
    (parameter) => {
      expect(parseTokenRequest({ ...tokenRequest('a.b.c'), queryParameters: ['x', parameter] })).toEqual(
        refuse({ reason: 'parameter_in_query', parameter }),
      );
    },
  );

  it('let other words stand in the URL', () => {
    expect(reasonOf({ ...tokenRequest('a.b.c'), queryParameters: ['utm', '__proto__', 'toString'] })).toBe('accepted');
  });
});

describe('a form', () => {
  it('holds what was said, in order, and no parameter without a value', () => {
    const form = parseForm({
      parameters: [
        ['resource', 'b'],
        ['scope', ''],
        ['resource', 'a'],
        ['__proto__', 'x'],
      ],
      queryParameters: [],
    });
    expect(form.ok && [...form.value]).toEqual([
      ['resource', ['b', 'a']],
      ['__proto__', ['x']],
    ]);
  });
});

describe('a word of the caller', () => {
  it.each(['password', 'client_credentials', 'urn:ietf:params:oauth:grant-type:device_code', 'x'.repeat(32)])(
    'is repeated where it looks like one of the standards: %s',
    (word) => {
      expect(registeredWord(word)).toBe(word);
    },
  );

  it.each([
    '',
    'Password',
    'S3cret',
    'pass word',
    'x'.repeat(33),
    `urn:ietf:params:oauth:${'x'.repeat(49)}`,
    'urn:x',
    'a\n',
  ])('is not where it may be a secret: %j', (word) => {
    expect(registeredWord(word)).toBe('other');
  });
});
