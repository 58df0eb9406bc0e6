import { describe, expect, it } from 'vitest';
import type { Diagnosis, Partner, Realm, Ring } from '../../../cli/admin-records.ts';
import { checkKeys, checkSecrets, describeSource } from '../../../cli/doctor/credentials.ts';
import {
  checkCallsToThem,
  checkCallsToUs,
  checkName,
  checkPartner,
  checkRealm,
  checkUsers,
} from '../../../cli/doctor/names.ts';
import { checkClock, checkOurCertificates, checkOurDocument } from '../../../cli/doctor/ours.ts';
import type { Step } from '../../../cli/doctor/step.ts';
import { checkTheirClock, fromPartner, toPartner } from '../../../cli/doctor/tokens.ts';

const NOW = Date.parse('2027-01-31T06:00:00Z');
const inDays = (days: number): string => new Date(NOW + days * 86_400_000).toISOString();
const ISSUER = '00000002-0000-0ff1-ce00-000000000000@contoso.com';
const MICROSOFT = { issuedBy: 'itself', actors: [], userTokens: false, delegation: false };
const REALM: NonNullable<Realm['policy']['microsoft']> = {
  ...{ applicationId: '5d2f0f3e-7a51-4c1e-9f4e-2b8b7e1c9a10', realms: ['contoso.com'] },
  ...{ hosts: ['hr.contoso.com'], tokenHosts: [], users: 'registered' },
};

const credential = (changes: Partial<Partner['credentials'][number]> = {}): Partner['credentials'][number] => ({
  ...{ kid: 'k1', alg: 'RS256', kty: 'RSA', thumbprint: 't', x5t: 'x', source: 'document' },
  ...{ addedAt: inDays(-30), expiresAt: inDays(400) },
  ...changes,
});

const partner = (changes: Partial<Partner> = {}): Partner => ({
  ...{ id: 'exchange', tags: {}, enabled: true, trustLevel: 'full', version: 1, createdAt: '', updatedAt: '' },
  ...{ acceptsSecurityIdentifiers: false, compatibility: 'strict', issuer: ISSUER, credentials: [credential()] },
  ...{ tokenPolicy: {}, claims: {}, secrets: [], federation: [], trustedIssuer: false, registered: false },
  ...{ microsoft: MICROSOFT, audiences: [], introspects: [] },
  grants: [{ audience: 'https://hr.contoso.com', scopes: ['read'], authorizationDetailsTypes: [] }],
  ...changes,
});

const server = (changes: Partial<Partner> = {}): Partner => {
  const { microsoft: _, ...rest } = partner(changes);
  return rest;
};

const realm = (changes: Partial<Realm> = {}): Realm => ({
  ...{ name: 'default', issuer: 'https://tokens.example.com', aliases: [], enabled: true, version: 1 },
  policy: { microsoft: REALM },
  ...changes,
});

const short = ({ outcome, finding }: Step): readonly [string, string] => [outcome, finding];

describe('keys of the partner', () => {
  it.each<[string, Partner, Step['outcome'], string]>([
    ['one that lasts', partner(), 'ok', 'k1 for 400 more days'],
    ['none', partner({ credentials: [] }), 'failed', 'there is none'],
    ['no certificate', partner({ credentials: [{ ...credential(), x5t: undefined }] }), 'failed', 'there is none'],
    [
      'one that has expired',
      partner({ credentials: [credential({ expiresAt: inDays(-2) })] }),
      'failed',
      'none is valid',
    ],
    ['one to come only', partner({ credentials: [credential({ notBefore: inDays(2) })] }), 'failed', 'none is valid'],
    ['one that ends', partner({ credentials: [credential({ expiresAt: inDays(30) })] }), 'warning', 'ends in 30 days'],
    [
      'one that ends, and the next one',
      partner({
        credentials: [credential({ expiresAt: inDays(30) }), credential({ kid: 'k2', notBefore: inDays(20) })],
      }),
      'ok',
      'k2 is valid from',
    ],
    ['one without end', partner({ credentials: [credential({ expiresAt: undefined })] }), 'ok', 'has no end'],
    [
      'those of an authorization server',
      partner({ microsoft: { ...MICROSOFT, issuedBy: 'authorization-server' } }),
      'skipped',
      '',
    ],
    ['of no Microsoft product: a key', server({ credentials: [credential({ x5t: undefined })] }), 'ok', 'k1'],
    [
      'a certificate name',
      server({ credentials: [], tlsSubject: { sanDns: 'a.example' } }),
      'ok',
      'a TLS client certificate',
    ],
    ['of no Microsoft product: nothing', server({ credentials: [] }), 'failed', 'there is none'],
  ])('%s', (_case, who, outcome, finding) => {
    expect(short(checkKeys(who, NOW))).toEqual([outcome, expect.stringContaining(finding)]);
  });

  it.each<[number | undefined, Step['outcome']]>([
    [undefined, 'ok'],
    [30, 'ok'],
    [3, 'warning'],
    [-1, 'failed'],
  ])('a secret that ends in %s days: %s', (days, outcome) => {
    const secret = { id: 's1', addedAt: '', ...(days === undefined ? {} : { expiresAt: inDays(days) }) };
    expect(checkSecrets(server({ secrets: [secret] }), NOW)?.outcome).toBe(outcome);
  });

  it('no secrets: no step', () => {
    expect(checkSecrets(server(), NOW)).toBeUndefined();
  });

  it('a document that failed is told with its code', () => {
    const source = { type: 'metadata' as const, url: 'https://mail.contoso.com/autodiscover/metadata/json/1' };
    expect(describeSource(source).outcome).toBe('ok');
    const bad = describeSource({ ...source, failure: { code: 'metadata_no_keys', detail: 'no key' } });
    expect(short(bad)).toEqual(['failed', expect.stringContaining('[metadata_no_keys]')]);
  });
});

describe('names', () => {
  it.each<[string, Step, Step['outcome']]>([
    ['a partner', checkPartner(partner()), 'ok'],
    ['one that is disabled', checkPartner(partner({ enabled: false })), 'failed'],
    ['a realm', checkRealm(realm(), partner()), 'ok'],
    ['one that is disabled', checkRealm(realm({ enabled: false }), partner()), 'failed'],
    ['one without the profile', checkRealm(realm({ policy: {} }), partner()), 'failed'],
    ['one without the profile, for others', checkRealm(realm({ policy: {} }), server()), 'ok'],
    ['a principal', checkName(partner(), REALM), 'ok'],
    ['a URL', checkName(partner({ issuer: 'https://mail.contoso.com' }), REALM), 'failed'],
    ['no issuer', checkName(partner({ issuer: undefined }), REALM), 'failed'],
    ['the name of the realm', checkName(partner({ issuer: `${REALM.applicationId}@contoso.com` }), REALM), 'failed'],
    ['grants', checkCallsToUs(partner(), REALM), 'ok'],
    ['no grants', checkCallsToUs(partner({ grants: [] }), REALM), 'warning'],
    ['a host that is missing', checkCallsToUs(partner(), { ...REALM, hosts: [] }), 'warning'],
    ['a host in capitals', checkCallsToUs(partner(), { ...REALM, hosts: ['HR.contoso.com'] }), 'ok'],
    ['no user tokens', checkUsers(partner(), REALM, 0), 'skipped'],
    ['user tokens', checkUsers(partner({ microsoft: { ...MICROSOFT, userTokens: true } }), REALM, 1), 'ok'],
    ['nobody registered', checkUsers(partner({ microsoft: { ...MICROSOFT, userTokens: true } }), REALM, 0), 'failed'],
    [
      'users as stated',
      checkUsers(partner({ microsoft: { ...MICROSOFT, userTokens: true } }), { ...REALM, users: 'as-stated' }, 0),
      'ok',
    ],
    [
      'user tokens of one that may speak for itself',
      checkUsers(partner({ trustLevel: 'application', microsoft: { ...MICROSOFT, userTokens: true } }), REALM, 1),
      'failed',
    ],
    ['no audience', checkCallsToThem(partner(), []), 'skipped'],
    ['an audience', checkCallsToThem(partner(), [owned()]), 'ok'],
    ['an audience of today', checkCallsToThem(partner(), [owned('jwt')]), 'warning'],
    ['an audience of today, of another', checkCallsToThem(server(), [owned('jwt')]), 'ok'],
    ['an audience without grants', checkCallsToThem(partner(), [{ ...owned(), grants: [] }]), 'warning'],
  ])('%s', (_case, step, outcome) => {
    expect(step).toMatchObject({ outcome, ...(outcome === 'ok' ? {} : { remedy: expect.stringMatching(/\w{4}/) }) });
  });
});

const owned = (profile = 'microsoft-s2s') => {
  const audience = 'https://mail.contoso.com';
  return {
    audience: {
      ...{ audience, owner: 'exchange', scopes: ['ews'], authorizationDetails: {}, tokenPolicy: { profile } },
      ...{ introspectors: [], version: 1 },
    },
    grants: [{ client: 'crm', audience, scopes: ['ews'], authorizationDetailsTypes: [], version: 1 }],
  };
};

const ring = (active: number | undefined, standby: number | undefined): Ring => ({
  ...{ algorithm: 'RS256', version: 1 },
  keys: [['active', active] as const, ['standby', standby] as const].map(([state, days]) => ({
    ...{ kid: state, state, hold: false, keyArn: '', createdAt: '', ageSeconds: 0 },
    ...(days === undefined ? {} : { certificate: { subject: 'CN=x', notAfter: inDays(days) } }),
  })),
});

describe('what they need of us', () => {
  it.each<[string, Step, Step['outcome']]>([
    ['both certificates', checkOurCertificates([ring(300, 400)], NOW), 'ok'],
    ['no next one', checkOurCertificates([ring(300, undefined)], NOW), 'warning'],
    ['a next one that ends', checkOurCertificates([ring(300, 10)], NOW), 'warning'],
    ['one that ends', checkOurCertificates([ring(10, 400)], NOW), 'warning'],
    ['one that has expired', checkOurCertificates([ring(-1, 400)], NOW), 'failed'],
    ['none', checkOurCertificates([ring(undefined, 400)], NOW), 'failed'],
    ['no ring', checkOurCertificates([], NOW), 'failed'],
    ['the time', checkClock(new Date(NOW).toUTCString(), NOW), 'ok'],
    ['a minute', checkClock(new Date(NOW - 60_000).toUTCString(), NOW), 'warning'],
    ['an hour', checkClock(new Date(NOW + 3_600_000).toUTCString(), NOW), 'failed'],
    ['no time', checkClock(null, NOW), 'warning'],
    ['no document', checkOurDocument(answer(404, {}), REALM), 'failed'],
    [
      'the document of another',
      checkOurDocument(answer(200, { issuer: ISSUER, keys: [key('AAAA')] }), REALM),
      'failed',
    ],
    [
      'a document whose certificate is none',
      checkOurDocument(answer(200, { issuer: `${REALM.applicationId}@contoso.com`, keys: [key('AAAA')] }), REALM),
      'failed',
    ],
  ])('%s', (_case, step, outcome) => {
    expect(step.outcome).toBe(outcome);
  });
});

const key = (value: string) => ({ keyvalue: { type: 'x509Certificate', value } });
const answer = (status: number, json: unknown) => ({ status, json, headers: new Headers(), text: '' });

describe('a token each way', () => {
  const good: Diagnosis = {
    ...{ direction: 'from-partner', accepted: true, partner: 'exchange', actor: ISSUER, subject: 'exchange' },
    ...{ audience: `${REALM.applicationId}/HR.contoso.com@contoso.com`, expiresAt: inDays(1) },
  };
  const bad: Diagnosis = {
    ...{ direction: 'from-partner', accepted: false, fault: 'key_not_found', step: 8 },
    ...{ finding: 'no such certificate', remedy: 'refresh' },
  };

  it.each<[string, Step, Step['outcome']]>([
    ['good', fromPartner(partner(), good), 'ok'],
    ['good, for the token endpoint', fromPartner(partner(), { ...good, forTokenEndpoint: true, audience: 'x' }), 'ok'],
    ['good, and granted nothing', fromPartner(partner({ grants: [] }), good), 'failed'],
    ['good, and from another', fromPartner(partner(), { ...good, partner: 'skype' }), 'failed'],
    ['bad', fromPartner(partner(), bad), 'failed'],
    ['ours', fromPartner(partner(), { ...good, direction: 'to-partner' }), 'failed'],
    ['for them', toPartner({ ...good, direction: 'to-partner' }), 'ok'],
    ['for them, and of another kind', toPartner(bad), 'failed'],
    ['for them, and bad', toPartner({ ...bad, direction: 'to-partner' }), 'failed'],
    ['made now', checkTheirClock({ nbf: String(NOW / 1000) }, NOW), 'ok'],
    ['without a time', checkTheirClock({}, NOW), 'ok'],
    ['made in a minute', checkTheirClock({ nbf: NOW / 1000 + 60 }, NOW), 'warning'],
    ['made in an hour', checkTheirClock({ nbf: NOW / 1000 + 3_600 }, NOW), 'failed'],
  ])('%s', (_case, step, outcome) => {
    expect(step.outcome).toBe(outcome);
  });
});
