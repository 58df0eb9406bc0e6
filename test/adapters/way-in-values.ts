/** Everything that can be said of a partner's further ways in, and of authorization details; no two numbers are equal. */

import type { Partner } from '../../functions/core/partner.ts';

const METHOD = 'self_signed_tls_client_auth';
/** Claims may have the names of keys of the table. */
export const FEDERATION: Partner['federation'] = [
  { issuer: 'https://a.example', claims: { sub: { exact: 'a' }, pk: { glob: 'b/*' } }, reusable: false },
  {
    ...{ issuer: 'spiffe://b.example', audience: 'sts', maxSeconds: 9, reusable: true },
    claims: { sub: { oneOf: ['c', 'd'] } },
    audited: { sk: { exact: 'e' }, '/f/g': { glob: '**' } },
  },
];
export const WAYS_IN: Partial<Partner> = {
  ...{ tlsSubject: { subjectDn: 'CN=crm' }, federation: FEDERATION, trustedIssuer: true },
  secrets: [
    { id: 'x', hash: 'h', addedAt: 10 },
    { id: 'y', hash: 'i', label: 'blue', addedAt: 11, expiresAt: 12 },
  ],
  onboarding: { hash: 'j', createdAt: 13, expiresAt: 14, methods: ['private_key_jwt', METHOD] },
  microsoft: { issuedBy: 'authorization-server', actors: ['l', 'm'], userTokens: true, delegation: false },
  registration: { hash: 'k', createdAt: 15, methods: [METHOD], method: METHOD },
};

/** Types may have the names of keys of the table, too. */
export const DETAILS = {
  payment: { actions: ['a'], datatypes: ['b'], privileges: ['c'], fields: ['d'] },
  pk: { actions: [] },
  sk: {},
};
