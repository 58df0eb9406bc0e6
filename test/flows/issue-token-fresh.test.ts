/** What an operator has just added works at once, or within seconds for who has proved nothing yet, by every way in. */

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CLIENT_CREDENTIALS, JWT_BEARER } from '../../functions/core/grant-type.ts';
import { untouchedRealm } from '../../functions/core/realm.ts';
import { issueToken } from '../../functions/flows/issue-token.ts';
import type { Freshness, PartnerReader } from '../../functions/ports.ts';
import { AUDIENCE, assertion, CLIENT, credential, keyPair, REALM } from '../support/builders.ts';
import { catalogue, clientPair, portsOf, reasonOf, SETTINGS } from './issue-token-world.ts';
import {
  CLIENT_ISSUER,
  idpToken,
  METHODS,
  partnersIn,
  readerOf,
  requestOf,
  type Shown,
  type WaysInState,
} from './ways-in-world.ts';

const otherKey = credential(await keyPair('ES256', 'old'));

/** A registry in which all is well now, behind caches that have not noticed. */
const cached = (stale: WaysInState) => {
  const [before, now] = [readerOf(partnersIn(stale)), readerOf(partnersIn())];
  const asked = new Set<string>();
  const at = ({ maxAgeSeconds }: Freshness = {}): PartnerReader & ReturnType<typeof readerOf> => {
    asked.add(`${maxAgeSeconds ?? 'cached'}`);
    return maxAgeSeconds === undefined ? before : now;
  };
  const policy = (freshness: Freshness | undefined) =>
    freshness?.maxAgeSeconds === undefined ? (stale.realm?.policy ?? { clientSecrets: true }) : { clientSecrets: true };
  const { ports } = portsOf({
    partners: {
      find: (realm, id, freshness) => at(freshness).find(realm, id, freshness),
      findByIssuer: (realm, issuer, freshness) => at(freshness).findByIssuer(realm, issuer, freshness),
    },
    catalogue: {
      read: async (_realm, _audience, freshness) =>
        catalogue({ realm: { ...untouchedRealm(REALM), policy: policy(freshness) } }),
    },
  });
  return { ports, asked };
};

const ask = async (shown: Shown, stale: WaysInState) => {
  const { ports, asked } = cached(stale);
  const form = { grant_type: CLIENT_CREDENTIALS, resource: AUDIENCE, ...shown.form };
  const decided = await issueToken(ports, SETTINGS)(REALM, requestOf(shown, form), 'request-1');
  return [reasonOf(decided), ...asked];
};
const alone = (jws: string, more: Readonly<Record<string, string>> = {}): Shown => ({
  form: { grant_type: JWT_BEARER, assertion: jws, ...more },
});

const checks = vi.spyOn(SubtleCrypto.prototype, 'verify');
beforeEach(() => {
  checks.mockClear();
});

describe('what is new', () => {
  it.each<[string, Shown, WaysInState, string]>([
    ['a secret', METHODS.client_secret_basic(), { client: { secrets: [] } }, '5'],
    ['that the realm has secrets', METHODS.client_secret_basic(), { realm: { policy: {} } }, '0'],
    [
      'the name in a certificate',
      METHODS.tls_client_auth(false),
      { client: { tlsSubject: { subjectDn: 'CN=x' } } },
      '5',
    ],
    ['a certificate', METHODS.self_signed_tls_client_auth(), { client: { credentials: [] } }, '5'],
    ['a federated identity', METHODS.federated(), { client: { federation: [] } }, '5'],
    [
      'what a federated identity has to say',
      METHODS.federated(),
      {
        client: { federation: [{ issuer: 'https://idp.example', claims: { sub: { exact: 'x' } }, reusable: false }] },
      },
      '5',
    ],
    ['an issuer', METHODS.federated(), { idp: 'gone' }, '5'],
    ['the trust in an issuer', METHODS.federated(), { idp: { trustedIssuer: false } }, '5'],
    ['an issuer that is enabled', METHODS.federated(), { idp: { enabled: false } }, '5'],
    ['a client that is enabled', METHODS.tls_client_auth(false), { client: { enabled: false } }, '0'],
    ['a grant that the realm answers', METHODS.private_key_jwt(), { realm: { policy: { grantTypes: [] } } }, '0'],
    ['a key', METHODS.private_key_jwt(), { client: { credentials: [otherKey] } }, '5'],
    ['a key, for an assertion alone', alone(assertion(clientPair)), { client: { credentials: [otherKey] } }, '5'],
    [
      'a key, for an assertion alone about a user',
      alone(assertion(clientPair, { sub: 'alice' }), { client_id: CLIENT }),
      { client: { credentials: [otherKey] } },
      '5',
    ],
    [
      'a key, for an assertion alone under its issuer',
      alone(assertion(clientPair, { iss: CLIENT_ISSUER })),
      { client: { credentials: [otherKey] } },
      '5',
    ],
    [
      'the trust in an issuer, for its word of a user',
      { ...METHODS.client_secret_basic(), form: { grant_type: JWT_BEARER, assertion: idpToken({ sub: 'alice' }) } },
      { idp: { trustedIssuer: false } },
      '0',
    ],
  ])('is found by another look: %s', async (_what, shown, stale, age) => {
    expect(await ask(shown, stale)).toEqual(['granted', 'cached', age]);
  });

  it('costs no second signature check where it is a key', async () => {
    await ask(alone(assertion(clientPair)), { client: { credentials: [otherKey] } });
    // One for the proof of the client, one for the subject that the same assertion names.
    expect(checks).toHaveBeenCalledTimes(2);
  });
});

describe('a second look', () => {
  it.each<[string, Shown, string]>([
    ['an assertion', alone(assertion(clientPair, { aud: 'x' })), 'grant_assertion_refused'],
    [
      'a token of another issuer',
      { form: { ...METHODS.federated().form, client_assertion: idpToken({ exp: 1 }) } },
      'assertion_expired',
    ],
    ['what is no certificate', { form: { client_id: CLIENT }, clientCertificate: 'x' }, 'certificate_malformed'],
  ])('is not taken at %s that is not good, whatever the registry says', async (_what, shown, reason) => {
    expect(await ask(shown, {})).toEqual([reason, 'cached']);
  });
});
