import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditRecord } from '../../functions/core/audit.ts';
import { issueToken } from '../../functions/flows/issue-token.ts';
import { assertion, CLIENT, ISSUER, NOW, REALM, tokenRequest } from '../support/builders.ts';
import { clientPair, portsOf, SETTINGS, tokenOf } from './issue-token-world.ts';

describe('the record of any request', () => {
  it('holds no part of assertion, token, secret or key', async () => {
    const { d: privateHalf = '' } = await crypto.subtle.exportKey('jwk', clientPair.privateKey);
    const claims = fc.record(
      {
        aud: fc.constantFrom(ISSUER, 'x'),
        exp: fc.constantFrom(NOW + 60, NOW - 100, NOW + 9_999),
        sub: fc.constantFrom(CLIENT, 'nobody'),
      },
      { requiredKeys: [] },
    );
    const misplaced = fc.constantFrom(
      'client_id',
      'client_secret',
      'scope',
      'grant_type',
      'client_assertion_type',
      'resource',
      'foo',
    );
    await fc.assert(
      fc.asyncProperty(claims, fc.uuid(), fc.option(misplaced), fc.boolean(), async (changes, jti, place, inHeader) => {
        const jws = assertion(clientPair, { ...changes, jti });
        const secret = jws.slice(-40);
        const request = tokenRequest(jws, place === null ? {} : { [place]: secret });
        const decided = await issueToken(portsOf().ports, SETTINGS)(
          REALM,
          inHeader ? { ...request, authorization: secret } : request,
          'r',
        );
        const record = JSON.stringify(auditRecord('issue-token', 'r', decided));
        const isEchoed = place === 'client_id' || place === 'scope';
        for (const part of [
          ...jws.split('.'),
          ...tokenOf(decided).split('.'),
          privateHalf,
          ...(isEchoed ? [] : [secret]),
        ]) {
          if (part !== '') expect(record).not.toContain(part);
        }
      }),
      { numRuns: 300 },
    );
  });
});
