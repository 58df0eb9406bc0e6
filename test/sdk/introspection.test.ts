import { beforeEach, describe, expect, it } from 'vitest';
import type { IntrospectionOptions } from '../../sdk/introspection.ts';
import type { Verifier } from '../../sdk/verifier.ts';
import { NOW } from '../support/builders.ts';
import {
  INTROSPECTION_ENDPOINT,
  json,
  outcomeOf,
  signingKey,
  tokenOf,
  type VerifierWorld,
  verifierWorld,
} from './verifier-world.ts';

let world: VerifierWorld;
let token: string;
beforeEach(async () => {
  world = await verifierWorld();
  token = tokenOf(await signingKey());
});

const answer = (value: unknown, status = 200) => world.answers.set(INTROSPECTION_ENDPOINT, () => json(value, status));
const asking = (options: Partial<IntrospectionOptions> = {}): Verifier =>
  world.verifier({ introspection: { authenticate: (form) => form.set('client_assertion', 'proof'), ...options } });
const show = (verifier: Verifier) => outcomeOf(verifier.verify(token));
const asked = () => world.fetched.filter((url) => url === INTROSPECTION_ENDPOINT).length;

describe('introspection', () => {
  it('sends the token and what proves the resource server', async () => {
    answer({ active: true });
    const authenticate: IntrospectionOptions['authenticate'] = (form, headers, endpoint) => {
      form.set('client_assertion', `for ${endpoint}`);
      headers.set('x-more', 'yes');
    };
    expect(await show(asking({ authenticate }))).toBe('accepted');
    const { method, headers, body } = world.inits.at(-1) ?? {};
    expect(method).toBe('POST');
    expect(Object.fromEntries(new URLSearchParams(String(body)))).toEqual({
      token,
      token_type_hint: 'access_token',
      client_assertion: `for ${INTROSPECTION_ENDPOINT}`,
    });
    expect(new Headers(headers).get('x-more')).toBe('yes');
  });

  it.each([
    ['false', { active: false }, 'invalid_token: inactive'],
    ['in words', { active: 'true' }, 'invalid_token: inactive'],
    ['not there', {}, 'invalid_token: inactive'],
  ])('refuses a token when `active` is %s', async (_case, value, outcome) => {
    answer(value);
    expect(await show(asking())).toBe(outcome);
  });

  it.each([
    ['is away', 503],
    ['does not accept our proof', 401],
    ['has a fault', 500],
  ])('refuses nobody when the service %s', async (_case, status) => {
    answer({ active: false }, status);
    expect(await show(asking())).toBe('unavailable: introspection cannot be had');
  });

  it('is not asked about a token that is no good anyway', async () => {
    const verifier = asking();
    expect(await outcomeOf(verifier.verify(tokenOf(await signingKey(), { exp: NOW - 90 })))).toContain('expired');
    expect(asked()).toBe(0);
  });

  it('is asked each time, unless a time is given', async () => {
    answer({ active: true });
    const verifier = asking();
    await show(verifier);
    answer({ active: false });
    expect(await show(verifier)).toBe('invalid_token: inactive');
  });

  it('lets a revoked token in for that time and not longer', async () => {
    answer({ active: true });
    const verifier = asking({ cacheSeconds: 10 });
    await show(verifier);
    answer({ active: false });
    world.now += 9;
    expect([await show(verifier), asked()]).toEqual(['accepted', 1]);
    world.now += 1;
    expect([await show(verifier), asked()]).toEqual(['invalid_token: inactive', 2]);
    answer({ active: true });
    expect([await show(verifier), asked()]).toEqual(['accepted', 3]);
  });
});
