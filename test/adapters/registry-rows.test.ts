import { describe, expect, it } from 'vitest';
import {
  audienceRow,
  certificateRow,
  grantRow,
  issuerRow,
  parseAudienceRow,
  parseGrantRow,
  parsePartnerCollection,
  parsePartnerRow,
  parseRefreshRow,
  partnerRow,
  refreshRow,
} from '../../functions/adapters/partner-rows.ts';
import { aliasedRealm, aliasRow, parseRealmRow, realmRow } from '../../functions/adapters/realm-rows.ts';
import {
  grantedTallyKey,
  heldTallyKey,
  introspectsKey,
  ownsKey,
  type Row,
  revocationListKey,
} from '../../functions/adapters/registry-keys.ts';
import { parseRingRow, ringRow } from '../../functions/adapters/ring-rows.ts';
import { MalformedRowError } from '../../functions/adapters/row-members.ts';
import type { Partner } from '../../functions/core/partner.ts';
import type { RefreshStatus } from '../../functions/core/partner-source.ts';
import type { Realm } from '../../functions/core/realm.ts';
import {
  AUDIENCE,
  audience,
  credential,
  grant,
  keyPair,
  NOW,
  OWNER,
  partner,
  REALM,
  ring,
  signingKey,
} from '../support/builders.ts';
import { DETAILS, WAYS_IN } from './way-in-values.ts';

const POLICY = { accessTokenSeconds: 600, algorithm: 'ES256', binding: 'dpop', profile: 'jwt' } as const;
/** A partner of which everything is said that can be; no two numbers are equal, so that none can be read for another. */
const PARTNER: Partner = partner({
  ...{ name: 'CRM', contact: 'crm@example.com', tags: { team: 'sales', empty: '' }, trustLevel: 'full' },
  ...{ acceptsSecurityIdentifiers: true, issuer: 'https://crm.example.com', tokenPolicy: POLICY },
  credentials: [
    credential(await keyPair()),
    credential(await keyPair('ES256', 'k2'), {
      ...{ source: 'document', label: 'second', x5t: 'x', x5tS256: 'y', notBefore: 1, expiresAt: 2, addedAt: 3 },
    }),
    credential(await keyPair('ES256', 'k3'), { source: 'self-registered' }),
  ],
  source: { type: 'jwks_uri', url: 'https://crm.example.com/jwks', selfRegistered: true },
  claims: { tenant: 'a', deep: [{ b: null }, 1.5, true] },
  quota: { perMinute: 4, perDay: 5, mode: 'enforce' },
  ...WAYS_IN,
  ...{ version: 6, createdAt: 7, updatedAt: 8, tokensNotBefore: 9 },
});
const REFRESH: RefreshStatus = {
  ...{ realm: REALM, id: 'crm', dueAt: 1, lastAttemptAt: 2, lastSuccessAt: 3, failures: 4, version: 5 },
  failure: { code: 'timeout', detail: 'no answer' },
};
const REALM_VALUE: Realm = {
  ...{
    name: 'emea',
    description: 'Europe',
    aliases: ['europe'],
    enabled: false,
    version: 3,
    createdAt: 1,
    updatedAt: 2,
  },
  policy: {
    ...{ algorithms: ['ES256', 'RS256'], accessTokenSeconds: 600, assertionSeconds: 60, clientSecrets: true },
    ...{ grantTypes: ['client_credentials'], dpopNonces: 'optional', authorizationDetailsTypes: ['payment'] },
    microsoft: { applicationId: 'a', realms: ['b', 'c'], hosts: ['d'], tokenHosts: [], users: 'as-stated' },
  },
};
const BARE_REALM: Realm = {
  name: 'emea',
  aliases: [],
  enabled: true,
  policy: {},
  version: 1,
  createdAt: 1,
  updatedAt: 1,
};
const BARE_REFRESH: RefreshStatus = { realm: REALM, id: 'crm', dueAt: 1, failures: 0, version: 1 };
const RING = ring(
  'ES256',
  [
    signingKey(await keyPair(), { rotateNotBefore: NOW, certificates: ['MIIB'] }),
    { kid: 'new', keyArn: 'arn:new', state: 'created', jwk: { kty: 'EC' }, createdAt: NOW },
  ],
  { creation: { id: 'c1', startedAt: NOW }, sweptAt: NOW - 5 },
);
/** Every time that a key can have; none of them equal, so that none can be read for another. */
const REVOKED = ring('ES256', [
  signingKey(await keyPair(), {
    ...{ state: 'revoked', hold: true, publishedAt: 1, activateNotBefore: 2, maxTokenSeconds: 3, activatedAt: 4 },
    ...{ rotateNotBefore: 5, deactivatedAt: 6, lastSignBefore: 7, retireNotBefore: 8, retiredAt: 9, revokedAt: 10 },
    ...{ listedUntil: 11, disabledAt: 12, deleteNotBefore: 13, deletionAt: 14 },
  }),
]);
const AUDIENCE_VALUE = audience({ tokenPolicy: POLICY, authorizationDetails: DETAILS, introspectors: ['a', 'b'] });
const GRANT_VALUE = grant({ authorizationDetailsTypes: ['payment', 'pk'], tokensNotBefore: 7 });

describe('a value', () => {
  it.each([
    ['partner', PARTNER, partnerRow(PARTNER), parsePartnerRow],
    ['partner of which little is said', partner(), partnerRow(partner()), parsePartnerRow],
    ['refresh status', REFRESH, refreshRow(REFRESH), parseRefreshRow],
    ['refresh status of a partner never looked at', BARE_REFRESH, refreshRow(BARE_REFRESH), parseRefreshRow],
    ['realm', REALM_VALUE, realmRow(REALM_VALUE), parseRealmRow],
    ['realm of which little is said', BARE_REALM, realmRow(BARE_REALM), parseRealmRow],
    ['grant', GRANT_VALUE, grantRow(GRANT_VALUE), parseGrantRow],
    ['grant of scopes only', grant(), grantRow(grant()), parseGrantRow],
    ['audience', AUDIENCE_VALUE, audienceRow(AUDIENCE_VALUE), parseAudienceRow],
    ['audience without policy', audience(), audienceRow(audience()), parseAudienceRow],
    ['ring', RING, ringRow(RING), parseRingRow],
    ['ring with a key that has been through everything', REVOKED, ringRow(REVOKED), parseRingRow],
    ['ring without keys', ring('ES256', []), ringRow(ring('ES256', [])), parseRingRow],
  ] as [string, object, Row, (row: Row) => object][])('is read as it was written: %s', (_what, value, row, parse) => {
    expect(parse(structuredClone(row))).toEqual(value);
  });

  it('has the keys that the data model shows', () => {
    const keysOf = ({ pk, sk, listing, listingSort }: Row) => [pk, sk, listing, listingSort];
    expect(
      [
        partnerRow(PARTNER),
        grantRow(grant()),
        audienceRow(audience()),
        ringRow(RING),
        ownsKey(REALM, OWNER, AUDIENCE),
        introspectsKey(REALM, 'crm', AUDIENCE),
        revocationListKey(REALM),
        realmRow(REALM_VALUE),
        aliasRow('europe', 'emea'),
        issuerRow(REALM, 'https://crm.example.com', 'crm'),
        certificateRow(REALM, 'x5t', 'crm'),
        refreshRow({ ...REFRESH, dueAt: NOW }),
        heldTallyKey(REALM, 'crm'),
        grantedTallyKey(REALM, AUDIENCE),
      ].map(keysOf),
    ).toEqual([
      ['partner#default#crm', '0#partner', 'partners#default', 'crm'],
      ['partner#default#crm', `grant#${AUDIENCE}`, `grants#default#${AUDIENCE}`, 'crm'],
      [`audience#default#${AUDIENCE}`, 'audience', 'audiences#default', AUDIENCE],
      ['ring#default', 'ES256', undefined, undefined],
      ['partner#default#billing', `owns#${AUDIENCE}`, undefined, undefined],
      ['partner#default#crm', `introspects#${AUDIENCE}`, undefined, undefined],
      ['ring#default#revoked-keys', 'list', undefined, undefined],
      ['realm#emea', 'realm', 'realms', 'emea'],
      ['realm#europe', 'realm', undefined, undefined],
      ['issuer#default#https://crm.example.com', 'issuer', undefined, undefined],
      ['certificate#default#x5t', 'certificate', undefined, undefined],
      ['partner#default#crm', 'refresh', 'refresh', `00${NOW}#default#crm`],
      ['partner#default#crm', 'grants', undefined, undefined],
      [`audience#default#${AUDIENCE}`, 'grants', undefined, undefined],
    ]);
  });
});

describe('a row of a realm', () => {
  it('is either the realm or an alias of one', () => {
    expect([realmRow(REALM_VALUE), aliasRow('europe', 'emea')].map(aliasedRealm)).toEqual([undefined, 'emea']);
  });
});

describe('the rows of a partner', () => {
  it('are one value, in whatever order they come', () => {
    const rows = [
      ownsKey(REALM, 'crm', 'urn:a'),
      grantRow(grant()),
      partnerRow(PARTNER),
      ownsKey(REALM, 'crm', 'urn:b#c'),
      introspectsKey(REALM, 'crm', 'urn:d#e'),
      refreshRow(REFRESH),
      { ...heldTallyKey(REALM, 'crm'), count: 1 },
    ];
    expect(parsePartnerCollection(rows)).toEqual({
      partner: PARTNER,
      grants: [grant()],
      audiences: ['urn:a', 'urn:b#c'],
      introspects: ['urn:d#e'],
      refresh: REFRESH,
    });
  });

  it('are none without the partner itself, or without rows', () => {
    const leftovers = [grantRow(grant()), { ...heldTallyKey(REALM, 'crm'), count: 0 }, refreshRow(REFRESH)];
    expect([parsePartnerCollection([]), parsePartnerCollection(leftovers)]).toEqual([undefined, undefined]);
  });

  it('are malformed with a row that has no sort key', () => {
    expect(() => parsePartnerCollection([partnerRow(PARTNER), { pk: 'partner#default#crm' }])).toThrow(
      MalformedRowError,
    );
  });
});

const TEXT = [undefined, null, 1, {}, ['x']];
const NUMBER = [undefined, null, '1', 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, 1n];
const FLAG = [undefined, null, 'true', 1];
const TEXTS = [undefined, null, 'x', [1], ['x', null], { 0: 'x' }];
const LIST = [undefined, null, 'x', {}, [1], [null], [[]]];
const ALGORITHM = [undefined, null, '', 'none', 'rs256', '__proto__', ['RS256']];
const CREATION = [null, 'x', []];
const RECORD = [undefined, null, 'x', 1, []];
const TAGS = [...RECORD, { team: 1 }, { team: null }];
const WORD = [...TEXT, '', 'FULL', '__proto__'];
const JWK = [undefined, null, 'x', [], {}, { kty: 1 }];

/** Every member that must be there, with what it cannot be. */
const MEMBERS: [string, Row, (row: Row) => unknown, Record<string, readonly unknown[]>][] = [
  [
    'partner#default#crm / 0#partner',
    partnerRow(PARTNER),
    parsePartnerRow,
    {
      realm: TEXT,
      id: TEXT,
      ...{ name: TEXT.slice(1), contact: TEXT.slice(1), issuer: TEXT.slice(1), tags: TAGS, enabled: FLAG },
      ...{ trustLevel: WORD, acceptsSecurityIdentifiers: FLAG, credentials: LIST, source: RECORD.slice(1) },
      ...{ tokenPolicy: RECORD, claims: RECORD, quota: RECORD.slice(1) },
      ...{ secrets: LIST.slice(1), tlsSubject: RECORD.slice(1), federation: LIST.slice(1) },
      ...{ trustedIssuer: FLAG.slice(1), onboarding: RECORD.slice(1), registration: RECORD.slice(1) },
      microsoft: RECORD.slice(1),
      ...{ version: NUMBER, createdAt: NUMBER, updatedAt: NUMBER },
    },
  ],
  [
    'partner#default#crm / refresh',
    refreshRow(REFRESH),
    parseRefreshRow,
    {
      ...{ realm: TEXT, id: TEXT, dueAt: NUMBER, lastAttemptAt: NUMBER.slice(1), lastSuccessAt: NUMBER.slice(1) },
      ...{ failure: RECORD.slice(1), failures: NUMBER, version: NUMBER },
    },
  ],
  [
    'realm#emea / realm',
    realmRow(REALM_VALUE),
    parseRealmRow,
    {
      ...{ name: TEXT, description: TEXT.slice(1), aliases: TEXTS, enabled: FLAG, policy: RECORD },
      ...{ version: NUMBER, createdAt: NUMBER, updatedAt: NUMBER },
    },
  ],
  [
    `partner#default#crm / grant#${AUDIENCE}`,
    grantRow(grant()),
    parseGrantRow,
    {
      ...{ realm: TEXT, client: TEXT, audience: TEXT, scopes: TEXTS, version: NUMBER },
      authorizationDetailsTypes: TEXTS.slice(1),
    },
  ],
  [
    `audience#default#${AUDIENCE} / audience`,
    audienceRow(AUDIENCE_VALUE),
    parseAudienceRow,
    {
      realm: TEXT,
      audience: TEXT,
      owner: TEXT,
      ownerEnabled: FLAG,
      scopes: TEXTS,
      tokenPolicy: RECORD,
      authorizationDetails: RECORD.slice(1),
      introspectors: TEXTS.slice(1),
      version: NUMBER,
    },
  ],
  [
    'ring#default / ES256',
    ringRow(RING),
    parseRingRow,
    { realm: TEXT, algorithm: ALGORITHM, version: NUMBER, sweptAt: NUMBER.slice(1), creation: CREATION, keys: LIST },
  ],
];

const tableOf = (members: typeof MEMBERS) =>
  members.flatMap(([name, row, parse, bad]) =>
    Object.entries(bad).flatMap(([member, values]) => values.map((value) => ({ name, row, parse, member, value }))),
  );

describe('a malformed member', () => {
  it.each(tableOf(MEMBERS))(
    'is a fault that names row and member: $name, $member as $value',
    ({ name, row, parse, member, value }) => {
      expect(() => parse({ ...row, [member]: value })).toThrow(
        new MalformedRowError(`row ${name}: ${member} is missing or malformed`),
      );
    },
  );

  const CREDENTIAL = {
    ...{ kid: TEXT, algorithm: ALGORITHM, jwk: JWK, thumbprint: TEXT, addedAt: NUMBER, source: WORD },
    ...{ label: TEXT.slice(1), x5t: TEXT.slice(1), x5tS256: TEXT.slice(1) },
    ...{ notBefore: NUMBER.slice(1), expiresAt: NUMBER.slice(1) },
  };
  const TIMES = [
    ...['publishedAt', 'activateNotBefore', 'maxTokenSeconds', 'activatedAt', 'rotateNotBefore', 'deactivatedAt'],
    ...['lastSignBefore', 'retireNotBefore', 'retiredAt', 'revokedAt', 'listedUntil', 'disabledAt'],
    ...['deleteNotBefore', 'deletionAt'],
  ];
  const SIGNING_KEY = {
    ...{ kid: TEXT, keyArn: TEXT, state: [...TEXT, 'ACTIVE', 'deleted', '__proto__', ''], jwk: JWK, createdAt: NUMBER },
    ...Object.fromEntries(TIMES.map((time) => [time, NUMBER.slice(1)])),
    ...{ hold: [null, false, 'true', 1], certificates: TEXTS.slice(1) },
  };
  const SECRET = {
    ...{ id: TEXT, hash: TEXT, label: TEXT.slice(1), addedAt: NUMBER, expiresAt: NUMBER.slice(1) },
  };
  const IDENTITY = {
    ...{ issuer: TEXT, audience: TEXT.slice(1), claims: RECORD, audited: RECORD.slice(1) },
    ...{ maxSeconds: NUMBER.slice(1), reusable: FLAG },
  };
  const NESTED = [
    ...tableOf([['partner#default#crm / 0#partner', partnerRow(PARTNER), parsePartnerRow, CREDENTIAL]]).map((each) => ({
      ...each,
      list: 'credentials',
    })),
    ...tableOf([['partner#default#crm / 0#partner', partnerRow(PARTNER), parsePartnerRow, SECRET]]).map((each) => ({
      ...each,
      list: 'secrets',
    })),
    ...tableOf([['partner#default#crm / 0#partner', partnerRow(PARTNER), parsePartnerRow, IDENTITY]]).map((each) => ({
      ...each,
      list: 'federation',
    })),
    ...tableOf([['ring#default / ES256', ringRow(RING), parseRingRow, SIGNING_KEY]]).map((each) => ({
      ...each,
      list: 'keys',
    })),
  ];

  it.each(NESTED)(
    'of a key is a fault that names the key as well: $name, $member as $value',
    ({ name, row, parse, member, value, list }) => {
      const keys = structuredClone(row[list]) as Record<string, unknown>[];
      const broken = keys.map((key, index) => (index === 1 ? { ...key, [member]: value } : key));
      expect(() => parse({ ...row, [list]: broken })).toThrow(
        new MalformedRowError(`row ${name} ${list}[1]: ${member} is missing or malformed`),
      );
    },
  );

  it.each([
    ['source', 'type', 'url'],
    ['source', 'url', 7],
    ['tokenPolicy', 'accessTokenSeconds', '600'],
    ['tokenPolicy', 'algorithm', 'none'],
    ['tokenPolicy', 'binding', 'tls'],
    ['tokenPolicy', 'profile', null],
    ['quota', 'perMinute', 1.5],
    ['quota', 'perDay', null],
    ['quota', 'mode', 'deny'],
    ['tlsSubject', 'sanDns', 7],
    ['onboarding', 'hash', undefined],
    ['onboarding', 'expiresAt', '1'],
    ['onboarding', 'methods', 'x'],
    ['registration', 'createdAt', null],
    ['registration', 'method', 'client_secret_basic'],
    ['microsoft', 'issuedBy', 'nobody'],
    ['microsoft', 'actors', [1]],
    ['microsoft', 'userTokens', 'true'],
    ['microsoft', 'delegation', undefined],
  ] as const)('of a partner is named with its place: %s.%s as %j', (outer, inner, value) => {
    const row = partnerRow(PARTNER);
    expect(() => parsePartnerRow({ ...row, [outer]: { ...(row[outer] as Row), [inner]: value } })).toThrow(
      new MalformedRowError(`row partner#default#crm / 0#partner ${outer}: ${inner} is missing or malformed`),
    );
  });

  it.each([{ startedAt: NOW }, { id: 1, startedAt: NOW }])('of a creation is a fault that names it: %j', (creation) => {
    expect(() => parseRingRow({ ...ringRow(RING), creation })).toThrow(
      new MalformedRowError('row ring#default / ES256 creation: id is missing or malformed'),
    );
  });

  it('is not quoted: a row may hold anything', () => {
    expect(() => parsePartnerRow({ ...partnerRow(PARTNER), version: 'secret-7f3a' })).toThrow(/^(?!.*secret-7f3a)/s);
  });
});
