import { describe, expect, it } from 'vitest';
import { auditRecord } from '../../functions/core/audit.ts';
import { accept, refuse } from '../../functions/core/errors.ts';

describe('the audit record', () => {
  const facts = { realm: 'default', client: 'crm' };

  it('of a grant holds the facts and nothing of what was granted', () => {
    expect(auditRecord('issue-token', 'request-1', { result: accept({ access_token: 'secret' }), facts })).toEqual({
      action: 'issue-token',
      decision: 'granted',
      requestId: 'request-1',
      facts,
    });
  });

  it('of a refusal holds the reason with its evidence', () => {
    const refusal = { reason: 'token_missing' } as const;
    expect(auditRecord('check-token', 'request-1', { result: refuse(refusal), facts })).toEqual({
      action: 'check-token',
      decision: 'refused',
      refusal,
      requestId: 'request-1',
      facts,
    });
  });
});
