/** Whose tokens are about applications, by the words of those who issue them. */

import { describe, expect, it } from 'vitest';
import { isAboutApplication } from '../../functions/core/application-token.ts';
import { parseForeignJwt } from '../../functions/core/federated-assertion.ts';
import { keyPair, NOW, signJws } from '../support/builders.ts';

const pair = await keyPair('ES256', 'idp');

const isApplication = (claims: object): boolean => {
  const token = { iss: 'https://idp.example.com', aud: 'https://sts.example.com', exp: NOW + 60, ...claims };
  const parsed = parseForeignJwt(signJws(pair, { alg: 'ES256', kid: pair.kid }, token), 'grant');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.refusal));
  return isAboutApplication(parsed.value);
};

describe('a token about an application', () => {
  it.each([
    ['RFC 9068, and another realm of this product', { sub: 'crm', client_id: 'crm' }],
    ['OpenID Connect', { sub: 'crm', azp: 'crm' }],
    ['Okta', { sub: '0oa1', cid: '0oa1' }],
    ['Keycloak', { sub: 'f3a1', azp: 'batch', client_id: 'batch' }],
    ['Keycloak, by the user that it gives its clients', { sub: 'f3a1', preferred_username: 'service-account-batch' }],
    ['Auth0', { sub: 'batch@clients', azp: 'batch', gty: 'client-credentials' }],
    ['Microsoft Entra', { sub: 'f3a1', idtyp: 'app' }],
    ['Microsoft Entra without idtyp', { sub: 'f3a1', oid: 'f3a1', roles: ['read'] }],
    ['Kubernetes', { sub: 'system:serviceaccount:default:job', 'kubernetes.io': {} }],
    ['SPIFFE', { sub: 'spiffe://example.com/job' }],
    ['AWS', { sub: 'arn:aws:iam::111122223333:role/job' }],
    ['GitHub', { sub: 'repo:acme/app:ref:refs/heads/main' }],
    ['GitLab', { sub: 'project_path:acme/app:ref_type:branch:ref:main' }],
  ])('is one by the words of %s', (_issuer, claims) => {
    expect(isApplication(claims)).toBe(true);
  });

  it.each([
    ['a user of another realm of this product', { sub: 'alice', client_id: 'crm', act: { sub: 'crm' } }],
    ['a user of Keycloak', { sub: 'f3a1', azp: 'portal', preferred_username: 'alice' }],
    ['a user of Auth0', { sub: 'auth0|123', azp: 'portal', gty: 'password' }],
    ['a user of Microsoft Entra', { sub: 'pairwise', oid: 'f3a1', scp: 'read', idtyp: 'user' }],
    ['a user of Okta', { sub: 'alice@example.com', cid: '0oa1', uid: '00u1' }],
  ])('is none when it is about %s', (_whom, claims) => {
    expect(isApplication(claims)).toBe(false);
  });
});
