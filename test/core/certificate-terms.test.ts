import { describe, expect, it } from 'vitest';
import { CERTIFICATE_MAX_DAYS, certificateTerms } from '../../functions/core/certificate-terms.ts';
import { rotationPolicy } from '../support/builders.ts';

const DAY = 86_400;
const APPLICATION = '9d3cba71-5f0e-4b8c-9a1f-2f6de15b7c34';
const profile = (realm: string) => ({ applicationId: APPLICATION, realms: [realm, 'other.example'] as const });

describe('the certificates that the rotation makes', () => {
  it.each([
    ['contoso.example', `${APPLICATION}@contoso.example`],
    [`${'a'.repeat(19)}.example`, `${APPLICATION}@${'a'.repeat(19)}.example`],
    [`${'a'.repeat(20)}.example`, APPLICATION],
  ])('of the realm %s are for %s, which fits into a common name', (realm, commonName) => {
    expect(certificateTerms(profile(realm), rotationPolicy()).commonName).toBe(commonName);
    expect(commonName.length).toBeLessThanOrEqual(64);
  });

  it.each([
    ['a year at least', 60 * DAY, DAY, 365],
    ['the time of standing by and of signing, and until the last warning but one would come', 180 * DAY, DAY, 483],
    ['no longer than five years', 5_000 * DAY, DAY, CERTIFICATE_MAX_DAYS],
  ])('last %s', (_what, periodSeconds, leadSeconds, days) => {
    const policy = rotationPolicy({ periodSeconds, leadSeconds, maxTokenSeconds: 3_600 });
    expect(certificateTerms(profile('contoso.example'), policy).days).toBe(days);
  });

  it('outlast the longest period and lead that there are settings for', () => {
    const policy = rotationPolicy({ periodSeconds: 730 * DAY, leadSeconds: 30 * DAY, maxTokenSeconds: DAY });
    const { days } = certificateTerms(profile('contoso.example'), policy);
    expect(days).toBeGreaterThan(2 * (730 + 30) + 1);
    expect(days).toBeLessThan(CERTIFICATE_MAX_DAYS);
  });
});
