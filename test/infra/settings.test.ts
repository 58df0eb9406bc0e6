import { describe, expect, it } from 'vitest';
import { NUMBER_SETTINGS } from '../../functions/config.ts';
import { SettingError } from '../../infra/setting-error.ts';
import { API_SETTINGS, parseContext, resolveSettings } from '../../infra/settings.ts';

const errorOf = (action: () => unknown): SettingError => {
  try {
    action();
  } catch (error) {
    if (error instanceof SettingError) return error;
    throw error;
  }
  throw new Error('no SettingError was thrown');
};

const NUMBERS = Object.entries({ ...NUMBER_SETTINGS, ...API_SETTINGS });

describe('whole-number settings', () => {
  it.each(NUMBERS)('%s takes its bounds, as text and as numbers', (name, { min, max }) => {
    expect(parseContext({ [name]: String(min) })).toEqual({ [name]: min });
    expect(parseContext({ [name]: max })).toEqual({ [name]: max });
  });

  it.each(NUMBERS)('%s refuses what is outside its bounds, and says them', (name, { min, max, help }) => {
    for (const value of [min - 1, max + 1]) {
      expect(errorOf(() => parseContext({ [name]: String(value) })).message).toBe(
        `Setting ${name}=${value}: must be a whole number from ${min} to ${max} (${help})`,
      );
    }
  });

  it.each([
    '',
    ' 600',
    '600s',
    '6e2',
    '0x258',
    '600.0',
    '-600',
    '+600',
    'NaN',
    '1,000',
    '99999999999',
    600.5,
    true,
    null,
    [600],
    {},
  ])('refuses %j', (value) => {
    expect(errorOf(() => parseContext({ accessTokenSeconds: value })).message).toContain('Setting accessTokenSeconds=');
  });

  it.each(NUMBERS)('%s has a default within its bounds', (_name, { default: value, min, max }) => {
    expect(value).toBeGreaterThanOrEqual(min);
    expect(value).toBeLessThanOrEqual(max);
  });
});

describe('issuer', () => {
  it.each([
    'https://tokens.example.com',
    'https://tokens.example.com:8443',
    'https://example.com/realms/main',
    'http://localhost:8080',
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
  ])('takes %s', (issuer) => {
    expect(parseContext({ issuer })).toEqual({ issuer });
    expect(() => resolveSettings({ issuer })).not.toThrow();
  });

  it.each([
    ['a trailing slash', 'https://tokens.example.com/'],
    ['a trailing slash behind a path', 'https://example.com/realms/'],
    ['http beyond the loopback', 'http://tokens.example.com'],
    ['http on a name that only begins like the loopback', 'http://localhost.example.com'],
    ['a query', 'https://tokens.example.com?a=b'],
    ['an empty query', 'https://tokens.example.com?'],
    ['a fragment', 'https://tokens.example.com#a'],
    ['an empty fragment', 'https://tokens.example.com#'],
    ['credentials', 'https://user:word@tokens.example.com'],
    ['capitals in the host', 'https://Tokens.example.com'],
    ['the default port', 'https://tokens.example.com:443'],
    ['a path with dots', 'https://tokens.example.com/a/../b'],
    ['another scheme', 'ftp://tokens.example.com'],
    ['no URL', 'tokens.example.com'],
    ['nothing', ''],
    ['a number', 5],
  ])('refuses %s', (_what, issuer) => {
    expect(errorOf(() => parseContext({ issuer })).message).toContain(`Setting issuer=${issuer}: must be an https URL`);
  });

  it('is checked as a prop of the construct as well', () => {
    expect(errorOf(() => resolveSettings({ issuer: 'https://tokens.example.com/' })).message).toContain(
      'Setting issuer=',
    );
  });
});

describe('algorithms', () => {
  it.each([
    ['RS256', ['RS256']],
    ['ES256,RS256', ['ES256', 'RS256']],
    ['PS256, ES384 ,ES512', ['PS256', 'ES384', 'ES512']],
    ['EdDSA,ML-DSA-44,ML-DSA-65,ML-DSA-87', ['EdDSA', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87']],
  ])('reads %s in its order', (text, algorithms) => {
    expect(parseContext({ algorithms: text })).toEqual({ algorithms });
  });

  it.each(['', 'HS256', 'none', 'rs256', 'RS256,', 'RS256,RS256', 'RS256;ES256', 7, ['RS256', 7]])(
    'refuses %j',
    (algorithms) => {
      expect(errorOf(() => parseContext({ algorithms })).message).toMatch(/^Setting algorithms=.*RS256, PS256, ES256/);
    },
  );

  it('refuses a deployment without any', () => {
    expect(errorOf(() => resolveSettings({ algorithms: [] })).message).toContain('Setting algorithms=[]');
  });
});

describe('the times of keys', () => {
  const keyTimes = {
    verifierCacheSeconds: 600,
    jwksMaxAgeSeconds: 300,
    keyLeadSeconds: 1020,
    keyPeriodSeconds: 86_400,
  };

  it('lets a key lead by what verifiers and propagation may take, to the second', () => {
    expect(resolveSettings(keyTimes).functions).toMatchObject(keyTimes);
    expect(errorOf(() => resolveSettings({ ...keyTimes, keyLeadSeconds: 1019 })).message).toBe(
      'Setting keyLeadSeconds=1019: must be at least 1020 (the larger of jwksMaxAgeSeconds=300 and verifierCacheSeconds=600, plus 420)',
    );
  });

  it('counts the max-age of the JWKS where that is the larger', () => {
    const given = { ...keyTimes, jwksMaxAgeSeconds: 3600 };

    expect(errorOf(() => resolveSettings(given)).message).toContain('must be at least 4020');
  });

  it('lets a key sign for at least twice its lead', () => {
    const day = 86_400;

    expect(resolveSettings({ keyLeadSeconds: day, keyPeriodSeconds: 2 * day }).functions.keyPeriodSeconds).toBe(
      2 * day,
    );
    expect(errorOf(() => resolveSettings({ keyLeadSeconds: day, keyPeriodSeconds: 2 * day - 1 })).message).toBe(
      'Setting keyPeriodSeconds=172799: must be at least 172800 (twice keyLeadSeconds=86400)',
    );
  });
});

describe('the context as a whole', () => {
  it('gives the defaults for what it does not name', () => {
    const defaults = Object.fromEntries(
      Object.entries(NUMBER_SETTINGS).map(([name, setting]) => [name, setting.default]),
    );

    expect(resolveSettings(parseContext({}))).toEqual({
      functions: { ...defaults, algorithms: ['RS256', 'ES256'] },
      privateHosts: [],
      throttleRequestsPerSecond: 500,
      throttleBurstRequests: 1000,
    });
  });

  it('refuses a name that is no setting, so that a typing error is seen', () => {
    expect(errorOf(() => parseContext({ accesTokenSeconds: '600' })).message).toMatch(
      /^Setting accesTokenSeconds=600: there is no such setting; there are .*accessTokenSeconds/,
    );
  });

  it('leaves alone what belongs to the CDK', () => {
    const context = {
      '@aws-cdk/core:checkSecretUsage': true,
      'aws:cdk:bundling-stacks': ['**'],
      'cli-telemetry': false,
    };

    expect(parseContext(context)).toEqual({});
  });

  it.each(['Countersign', 'tokens-eu', `A${'b'.repeat(127)}`])('takes the stack name %s', (stackName) => {
    expect(parseContext({ stackName })).toEqual({ stackName });
  });

  it.each(['', '1st', 'with space', 'under_score', '-a', `A${'b'.repeat(128)}`, 5])(
    'refuses the stack name %j',
    (stackName) => {
      expect(errorOf(() => parseContext({ stackName })).message).toContain('Setting stackName=');
    },
  );
});
