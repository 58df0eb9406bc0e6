/** Which partner goes by an issuer, on the embedded DynamoDB: cached, and never somebody who goes by it no more. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dynamoIssuerReader, dynamoPartnerReader } from '../../functions/adapters/dynamo-readers.ts';
import { Outage } from '../../functions/ports.ts';
import { mustBe } from '../flows/admin-world.ts';
import { CLIENT, OWNER, REALM } from '../support/builders.ts';
import { TABLE } from '../support/embedded-aws.ts';
import { CACHE_SECONDS, openTokenService, type TokenService } from './token-service.ts';

const IDP = 'https://idp.example';

let service: TokenService;
beforeEach(async () => {
  service = await openTokenService();
  await service.populate(REALM);
  await change(OWNER, { issuer: IDP });
});
afterEach(() => service[Symbol.asyncDispose]());

const change = async (id: string, members: object) => {
  const { version } = mustBe(await service.admin.partners.show(REALM, id)).partner;
  return mustBe(await service.admin.partners.change(REALM, id, version, members));
};

/** A process of its own. @returns who goes by the issuer, and what the answer cost. */
const start = (cacheSeconds = CACHE_SECONDS) => {
  const options = { client: service.aws.documents, table: TABLE, cacheSeconds };
  const partners = dynamoPartnerReader(options);
  const issuers = dynamoIssuerReader(options, partners);
  const counted = async <Found>(find: () => Promise<Found>) => {
    const before = service.aws.calls.length;
    const found = await find();
    return { found, calls: service.aws.calls.slice(before) };
  };
  return {
    find: async (issuer = IDP, realm = REALM, maxAgeSeconds?: number) => {
      const freshness = maxAgeSeconds === undefined ? undefined : { maxAgeSeconds };
      const { found, calls } = await counted(() => issuers.findByIssuer(realm, issuer, freshness));
      return [found?.partner.id, ...calls];
    },
    findPartner: (id: string) => counted(() => partners.find(REALM, id)),
  };
};

describe('the partner of an issuer', () => {
  it('costs two reads, and none while they are believed', async () => {
    const { find } = start();
    expect(await find()).toEqual([OWNER, 'GetItem', 'Query']);
    expect(await find()).toEqual([OWNER]);
    service.pass(CACHE_SECONDS - 0.001);
    expect(await find()).toEqual([OWNER]);
    service.pass(0.001);
    expect(await find()).toEqual([OWNER, 'GetItem', 'Query']);
  });

  it('costs one read less where the partner is known by its id already', async () => {
    const { find, findPartner } = start();
    await findPartner(OWNER);
    expect(await find()).toEqual([OWNER, 'GetItem']);
  });

  it('comes with its grants and audiences, as by its id', async () => {
    const options = { client: service.aws.documents, table: TABLE, cacheSeconds: 0 };
    const partners = dynamoPartnerReader(options);
    expect(await dynamoIssuerReader(options, partners).findByIssuer(REALM, IDP)).toEqual(
      await partners.find(REALM, OWNER),
    );
  });

  it('is always read where nothing is cached', async () => {
    const { find } = start(0);
    expect([await find(), await find()]).toEqual([
      [OWNER, 'GetItem', 'Query'],
      [OWNER, 'GetItem', 'Query'],
    ]);
  });

  it('is read again as far as an answer has to be fresher', async () => {
    const { find } = start();
    await find();
    service.pass(5);
    expect([await find(IDP, REALM, 6), await find(IDP, REALM, 5), await find(IDP, REALM, 0)]).toEqual([
      [OWNER],
      [OWNER, 'GetItem', 'Query'],
      [OWNER, 'GetItem', 'Query'],
    ]);
  });

  it.each([
    ['nobody goes by', 'https://nobody.example', REALM],
    ['differs by a slash', `${IDP}/`, REALM],
    ['differs by case', 'https://IDP.example', REALM],
    ['is of another realm', IDP, 'other'],
    ['is empty', '', REALM],
    ['is as long as issuers may be', 'ü'.repeat(512), REALM],
    ['no text can be', 'half \ud83d', REALM],
  ])('is nobody where the issuer %s, and that is not remembered', async (_what, issuer, realm) => {
    const { find } = start();
    expect([await find(issuer, realm), await find(issuer, realm)]).toEqual([
      [undefined, 'GetItem'],
      [undefined, 'GetItem'],
    ]);
  });

  it('that was just added works at once', async () => {
    const { find } = start();
    expect(await find('https://new.example')).toEqual([undefined, 'GetItem']);
    await change(CLIENT, { issuer: 'https://new.example' });
    expect((await find('https://new.example'))[0]).toBe(CLIENT);
  });

  it('is nobody once the issuer has gone to another, and then the other', async () => {
    const { find, findPartner } = start();
    await find();
    await change(OWNER, { issuer: null });
    await change(CLIENT, { issuer: IDP });
    // The name still leads to the old one for a while, who by a fresh look goes by it no more.
    expect((await find(IDP, REALM))[0]).toBe(OWNER);
    service.pass(CACHE_SECONDS / 2);
    await findPartner(OWNER);
    service.pass(CACHE_SECONDS / 2);
    expect((await find())[0]).toBe(CLIENT);
    const other = start();
    expect((await other.find())[0]).toBe(CLIENT);
  });

  it('is not the old one whom a newer look shows without the issuer', async () => {
    const options = { client: service.aws.documents, table: TABLE, cacheSeconds: CACHE_SECONDS };
    const fresh = dynamoPartnerReader({ ...options, cacheSeconds: 0 });
    const issuers = dynamoIssuerReader(options, fresh);
    expect((await issuers.findByIssuer(REALM, IDP))?.partner.id).toBe(OWNER);
    await change(OWNER, { issuer: null });
    expect(await issuers.findByIssuer(REALM, IDP)).toBeUndefined();
  });

  it('is gone when its partner is', async () => {
    mustBe(await service.admin.grants.removeGrant(REALM, CLIENT, 'https://api.example.com/billing'));
    mustBe(await service.admin.partners.remove(REALM, OWNER));
    expect(await start().find()).toEqual([undefined, 'GetItem']);
  });

  it('that DynamoDB does not tell is an outage, and not nobody', async () => {
    service.whileCalling.run = () => {
      throw new Error('socket hang up');
    };
    await expect(start().find()).rejects.toBeInstanceOf(Outage);
  });
});
