import { describe, expect, it } from 'vitest';
import {
  audienceRow,
  grantRow,
  MalformedRowError,
  ownsKey,
  parseAudienceRow,
  parseGrantRow,
  parsePartnerCollection,
  parsePartnerRow,
  parseRingRow,
  partnerRow,
  type Row,
  revocationListKey,
  ringRow,
} from '../../functions/adapters/registry-rows.ts';
import {
  AUDIENCE,
  audience,
  grant,
  keyPair,
  NOW,
  OWNER,
  partner,
  partnerKey,
  REALM,
  ring,
  signingKey,
} from '../support/builders.ts';

const PARTNER = partner({ name: 'CRM', keys: [partnerKey(await keyPair()), partnerKey(await keyPair('ES256', 'k2'))] });
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
const AUDIENCE_VALUE = audience({ algorithm: 'ES256' });

describe('a value', () => {
  it.each([
    ['partner', PARTNER, partnerRow(PARTNER), parsePartnerRow],
    ['partner without name and keys', partner(), partnerRow(partner()), parsePartnerRow],
    ['grant', grant(), grantRow(grant()), parseGrantRow],
    ['audience', AUDIENCE_VALUE, audienceRow(AUDIENCE_VALUE), parseAudienceRow],
    ['audience without algorithm', audience(), audienceRow(audience()), parseAudienceRow],
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
        revocationListKey(REALM),
      ].map(keysOf),
    ).toEqual([
      ['partner#default#crm', 'partner', 'partners#default', 'crm'],
      ['partner#default#crm', `grant#${AUDIENCE}`, `grants#default#${AUDIENCE}`, 'crm'],
      [`audience#default#${AUDIENCE}`, 'audience', 'audiences#default', AUDIENCE],
      ['ring#default', 'ES256', undefined, undefined],
      ['partner#default#billing', `owns#${AUDIENCE}`, undefined, undefined],
      ['ring#default#revoked-keys', 'list', undefined, undefined],
    ]);
  });
});

describe('the rows of a partner', () => {
  it('are one value, in whatever order they come', () => {
    const rows = [
      ownsKey(REALM, 'crm', 'urn:a'),
      grantRow(grant()),
      partnerRow(PARTNER),
      ownsKey(REALM, 'crm', 'urn:b#c'),
    ];
    expect(parsePartnerCollection(rows)).toEqual({
      partner: PARTNER,
      grants: [grant()],
      audiences: ['urn:a', 'urn:b#c'],
    });
  });

  it('are none without the partner itself, or without rows', () => {
    expect([parsePartnerCollection([]), parsePartnerCollection([grantRow(grant())])]).toEqual([undefined, undefined]);
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
const JWK = [undefined, null, 'x', [], {}, { kty: 1 }];

/** Every member that must be there, with what it cannot be. */
const MEMBERS: [string, Row, (row: Row) => unknown, Record<string, readonly unknown[]>][] = [
  [
    'partner#default#crm / partner',
    partnerRow(PARTNER),
    parsePartnerRow,
    {
      realm: TEXT,
      id: TEXT,
      name: TEXT.slice(1),
      enabled: FLAG,
      keys: LIST,
      version: NUMBER,
      createdAt: NUMBER,
      updatedAt: NUMBER,
    },
  ],
  [
    `partner#default#crm / grant#${AUDIENCE}`,
    grantRow(grant()),
    parseGrantRow,
    { realm: TEXT, client: TEXT, audience: TEXT, scopes: TEXTS, version: NUMBER },
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
      algorithm: ALGORITHM.slice(1),
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

  const PARTNER_KEY = { kid: TEXT, algorithm: ALGORITHM, jwk: JWK, thumbprint: TEXT, addedAt: NUMBER };
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
  const NESTED: typeof MEMBERS = [
    ['partner#default#crm / partner', partnerRow(PARTNER), parsePartnerRow, PARTNER_KEY],
    ['ring#default / ES256', ringRow(RING), parseRingRow, SIGNING_KEY],
  ];

  it.each(tableOf(NESTED))(
    'of a key is a fault that names the key as well: $name, $member as $value',
    ({ name, row, parse, member, value }) => {
      const keys = structuredClone(row.keys) as Record<string, unknown>[];
      const broken = keys.map((key, index) => (index === 1 ? { ...key, [member]: value } : key));
      expect(() => parse({ ...row, keys: broken })).toThrow(
        new MalformedRowError(`row ${name} keys[1]: ${member} is missing or malformed`),
      );
    },
  );

  it.each([{ startedAt: NOW }, { id: 1, startedAt: NOW }])('of a creation is a fault that names it: %j', (creation) => {
    expect(() => parseRingRow({ ...ringRow(RING), creation })).toThrow(
      new MalformedRowError('row ring#default / ES256 creation: id is missing or malformed'),
    );
  });

  it('is not quoted: a row may hold anything', () => {
    expect(() => parsePartnerRow({ ...partnerRow(PARTNER), version: 'secret-7f3a' })).toThrow(/^(?!.*secret-7f3a)/s);
  });
});
