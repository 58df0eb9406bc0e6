import { describe, expect, it } from 'vitest';
import type { RawTokenRequest } from '../../functions/core/request-form.ts';
import { parseTokenForm } from '../../functions/core/token-form.ts';

const SECRET = { client_id: 'crm', client_secret: 'csec_x' };

const parse = (form: Readonly<Record<string, string>>, more: Partial<RawTokenRequest> = {}) => {
  const result = parseTokenForm({ parameters: Object.entries(form), queryParameters: [], ...more });
  return result.ok ? result.value : result.refusal.reason;
};

describe('a request about a token', () => {
  it('is the token and one proof of the client, whatever the hint says', () => {
    const client = { method: 'client_secret_post', clientId: 'crm', secret: 'csec_x' };
    for (const hint of ['', 'access_token', 'refresh_token', 'x'])
      expect(parse({ ...SECRET, token: 'a.b.c', token_type_hint: hint })).toEqual({ client, token: 'a.b.c' });
  });

  it.each([
    [{ ...SECRET }, 'parameter_missing'],
    [{ ...SECRET, token: '' }, 'parameter_missing'],
    [{ ...SECRET, token: 'x'.repeat(8_193) }, 'parameter_too_long'],
    [{ ...SECRET, token: 'x', token_type_hint: 'x'.repeat(129) }, 'parameter_too_long'],
    [{ token: 'x' }, 'client_auth_missing'],
    [{ token: 'x', client_id: 'crm' }, 'client_auth_missing'],
    [
      { token: 'x', grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: 'a.b.c' },
      'client_auth_missing',
    ],
    [{ ...SECRET, token: 'x', client_assertion: 'a.b.c' }, 'client_auth_several'],
  ])('is refused: case %#', (form: Readonly<Record<string, string>>, reason) => {
    expect(parse(form)).toBe(reason);
  });

  it('has no token in the URL', () => {
    expect(parse({ ...SECRET, token: 'x' }, { queryParameters: ['token'] })).toBe('parameter_in_query');
  });
});
