import { describe, expect, it } from 'vitest';
import {
  audienceRow,
  grantRow,
  parseAudienceRow,
  parseGrantRow,
  parsePartnerRow,
  partnerRow,
} from '../../functions/adapters/partner-rows.ts';
import { parseRealmRow, realmRow } from '../../functions/adapters/realm-rows.ts';
import type { Row } from '../../functions/adapters/registry-keys.ts';
import { MalformedRowError } from '../../functions/adapters/row-members.ts';
import { untouchedRealm } from '../../functions/core/realm.ts';
import { AUDIENCE, audience, grant, NOW, partner } from '../support/builders.ts';
import { FEDERATION } from './way-in-values.ts';

describe('a row', () => {
  it('of before there were further ways in is read as having none', () => {
    const without = (row: Row, ...members: string[]) =>
      Object.fromEntries(Object.entries(row).filter(([name]) => !members.includes(name)));
    expect([
      parsePartnerRow(without(partnerRow(partner()), 'secrets', 'federation', 'trustedIssuer')),
      parseAudienceRow(without(audienceRow(audience()), 'authorizationDetails', 'introspectors')),
      parseGrantRow(without(grantRow(grant()), 'authorizationDetailsTypes')),
    ]).toEqual([partner(), audience(), grant()]);
  });

  it.each(['sanDns', 'sanUri', 'sanIp', 'sanEmail'] as const)('is read as it was written: a subject by %s', (name) => {
    const value = partner({ tlsSubject: { [name]: 'x' } });
    expect(parsePartnerRow(partnerRow(value))).toEqual(value);
  });
});

describe('a malformed member', () => {
  it.each([
    [{ sub: 'x' }, 'claims: sub'],
    [{ sub: { exact: 1 } }, 'claims sub: exact'],
    [{ sub: { glob: null } }, 'claims sub: glob'],
    [{ sub: {} }, 'claims sub: oneOf'],
  ])('of a predicate is named with its place: %j', (claims, place) => {
    const row = { ...partnerRow(partner()), federation: [{ ...FEDERATION[0], claims }] };
    expect(() => parsePartnerRow(row)).toThrow(
      new MalformedRowError(`row partner#default#crm / 0#partner federation[0] ${place} is missing or malformed`),
    );
  });

  it.each([
    ['applicationId', 1],
    ['realms', 'b'],
    ['hosts', undefined],
    ['tokenHosts', [null]],
    ['users', 'all'],
  ])("of a realm's Microsoft profile is named with its place: %s as %j", (member, value) => {
    const microsoft = {
      applicationId: 'a',
      realms: ['b'],
      hosts: [],
      tokenHosts: [],
      users: 'registered',
      [member]: value,
    };
    const realm = { ...untouchedRealm('emea'), version: 1, createdAt: NOW, updatedAt: NOW };
    expect(() => parseRealmRow({ ...realmRow(realm), policy: { microsoft } })).toThrow(
      new MalformedRowError(`row realm#emea / realm policy microsoft: ${member} is missing or malformed`),
    );
  });

  it.each(['actions', 'datatypes', 'privileges', 'fields'])('of authorization details is named: %s', (list) => {
    const row = { ...audienceRow(audience()), authorizationDetails: { payment: { [list]: [1] } } };
    const place = `row audience#default#${AUDIENCE} / audience authorizationDetails payment`;
    expect(() => parseAudienceRow(row)).toThrow(new MalformedRowError(`${place}: ${list} is missing or malformed`));
  });
});
