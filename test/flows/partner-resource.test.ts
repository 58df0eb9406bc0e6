import { beforeEach, describe, expect, it } from 'vitest';
import type { DetailTypesInput } from '../../functions/core/authorization-details.ts';
import { declareResources, type PartnerResource } from '../../functions/flows/partner-resource.ts';
import { Outage } from '../../functions/ports.ts';
import { AUDIENCE, CLIENT, grant, NOW, OWNER, REALM } from '../support/builders.ts';
import {
  type AdminWorld,
  adminWorld,
  inputOf,
  jwkOf,
  letRealm,
  managersOver,
  mustBe,
  populate,
  reasonOf,
  stored,
} from './admin-world.ts';

let world: AdminWorld;
let declare: ReturnType<typeof declareResources>;
beforeEach(() => {
  world = adminWorld();
  declare = declareResources(world.partners, world.grants);
});

const resource = (changes: Partial<PartnerResource> = {}): PartnerResource => ({
  ...{ realm: REALM, id: OWNER, definition: { name: 'Billing' } },
  audiences: [{ audience: AUDIENCE, scopes: ['read', 'write'] }],
  ...changes,
});
const audiences = async () =>
  (await stored(world, OWNER)).audiences.map((name) => {
    const { scopes, tokenPolicy } = world.registry.audiences.get(`${REALM}/${name}`) ?? {};
    return [name, scopes, tokenPolicy];
  });
const everything = () => structuredClone([...world.registry.partners, ...world.registry.audiences]);

describe('a partner that is created', () => {
  it('is there with its audiences, and again if the request comes twice', async () => {
    expect(reasonOf(await declare.createPartner(resource()))).toBe('done');
    expect((await stored(world, OWNER)).partner.name).toBe('Billing');
    expect(await audiences()).toEqual([[AUDIENCE, ['read', 'write'], {}]]);
    const before = everything();
    expect(reasonOf(await declare.createPartner(resource()))).toBe('done');
    expect(everything()).toEqual(before);
  });

  it('is completed by the second request where the first got no further than the partner', async () => {
    const down = () => Promise.reject(new Outage('dynamodb:TransactWriteItems', new Error('down')));
    const broken = managersOver(world, { createAudience: down });
    await expect(declareResources(broken.partners, broken.grants).createPartner(resource())).rejects.toThrow(Outage);
    expect(reasonOf(await declare.createPartner(resource()))).toBe('done');
    expect(await audiences()).toHaveLength(1);
  });

  it('does not take the place of one that somebody else has made, and changes nothing', async () => {
    mustBe(await world.partners.add(REALM, { id: OWNER, name: 'Theirs' }));
    const before = everything();
    expect(reasonOf(await declare.createPartner(resource()))).toBe('conflict');
    expect(everything()).toEqual(before);
  });

  it('does not get an audience that another owns, and then is not made', async () => {
    await populate(world);
    const before = everything();
    const crm = resource({ id: 'new', audiences: [{ audience: 'urn:free', scopes: ['a'] }, ...resource().audiences] });
    expect(await declare.createPartner(crm)).toMatchObject({
      refusal: { reason: 'conflict', detail: `audience ${AUDIENCE} belongs to ${OWNER}` },
    });
    expect(everything()).toEqual(before);
  });

  it('is refused with what is wrong with it', async () => {
    expect(reasonOf(await declare.createPartner(resource({ definition: { name: '' } })))).toBe('invalid');
    const bad = resource({ audiences: [{ audience: 'no uri', scopes: ['a'] }] });
    expect(reasonOf(await declare.createPartner(bad))).toBe('invalid');
  });
});

describe('a partner that is updated', () => {
  beforeEach(async () => {
    expect(reasonOf(await declare.createPartner(resource()))).toBe('done');
  });

  it('becomes what is said, whatever it has become elsewhere', async () => {
    mustBe(await world.partners.change(REALM, OWNER, 2, { name: 'Elsewhere', contact: 'x@example.com' }));
    const definition = { name: 'Billing 2', jwks: { keys: [await jwkOf()] } };
    expect(reasonOf(await declare.updatePartner(resource({ definition })))).toBe('done');
    const { partner } = await stored(world, OWNER);
    expect([partner.name, partner.contact, partner.credentials.length]).toEqual(['Billing 2', undefined, 1]);
  });

  it('is made where somebody has removed it', async () => {
    mustBe(await world.partners.remove(REALM, OWNER));
    expect(reasonOf(await declare.updatePartner(resource()))).toBe('done');
    expect(await audiences()).toHaveLength(1);
  });

  it('has its audiences added, changed and removed with it', async () => {
    const tokenPolicy = { accessTokenSeconds: 60 };
    const wanted = [
      { audience: 'urn:new', scopes: ['a'] },
      { audience: AUDIENCE, scopes: ['write', 'more'], tokenPolicy },
    ];
    expect(reasonOf(await declare.updatePartner(resource({ audiences: wanted })))).toBe('done');
    expect(await audiences()).toEqual([
      [AUDIENCE, ['write', 'more'], tokenPolicy],
      ['urn:new', ['a'], {}],
    ]);
    const before = everything();
    expect(reasonOf(await declare.updatePartner(resource({ audiences: wanted.toReversed() })))).toBe('done');
    expect(everything()).toEqual(before);
    expect(reasonOf(await declare.updatePartner(resource({ audiences: [] })))).toBe('done');
    expect(await audiences()).toEqual([]);
  });

  it('loses a member of the policy of an audience that is no longer said', async () => {
    const limited = [{ audience: AUDIENCE, scopes: ['read'], tokenPolicy: { accessTokenSeconds: 60 } }];
    await declare.updatePartner(resource({ audiences: limited }));
    const undefinedMember = { accessTokenSeconds: undefined };
    await declare.updatePartner(
      resource({ audiences: [{ audience: AUDIENCE, scopes: ['read'], tokenPolicy: undefinedMember }] }),
    );
    expect(await audiences()).toEqual([[AUDIENCE, ['read'], {}]]);
  });

  it('keeps what somebody depends on, and says who', async () => {
    mustBe(await world.partners.add(REALM, await inputOf(CLIENT)));
    mustBe(await world.grants.addGrant(REALM, { client: CLIENT, audience: AUDIENCE, scopes: ['read'] }));
    const dependents = [{ client: CLIENT, audience: AUDIENCE }];
    expect(await declare.updatePartner(resource({ audiences: [] }))).toMatchObject({
      refusal: { reason: 'in_use', dependents },
    });
    const narrower = resource({ audiences: [{ audience: AUDIENCE, scopes: ['write'] }] });
    expect(await declare.updatePartner(narrower)).toMatchObject({ refusal: { reason: 'in_use', dependents } });
    expect(await declare.removePartner(REALM, OWNER)).toMatchObject({ refusal: { reason: 'in_use', dependents } });
    expect(await audiences()).toEqual([[AUDIENCE, ['read', 'write'], {}]]);
  });
});

describe('authorization details', () => {
  const DETAILS = { payment: { actions: ['initiate', 'cancel'] } };
  const withDetails = (authorizationDetails: DetailTypesInput | undefined) =>
    resource({
      audiences: [
        { audience: AUDIENCE, scopes: ['read', 'write'], ...(authorizationDetails && { authorizationDetails }) },
      ],
    });
  const details = () => world.registry.audiences.get(`${REALM}/${AUDIENCE}`)?.authorizationDetails;
  const give = (types?: string[]) => ({
    ...{ realm: REALM, client: OWNER, audience: AUDIENCE, scopes: ['read'] },
    ...(types && { authorizationDetailsTypes: types }),
  });
  beforeEach(() => letRealm(world, { authorizationDetailsTypes: ['payment'] }));

  it('are declared and taken back with the audience, and nothing is written that is so already', async () => {
    expect(reasonOf(await declare.createPartner(withDetails(DETAILS)))).toBe('done');
    const before = everything();
    expect(reasonOf(await declare.updatePartner(withDetails({ payment: { actions: ['cancel', 'initiate'] } })))).toBe(
      'done',
    );
    expect([details(), everything()]).toEqual([DETAILS, before]);
    expect(reasonOf(await declare.updatePartner(withDetails(undefined)))).toBe('done');
    expect(details()).toEqual({});
  });

  it('are granted by type; a grant with others is somebody else’s', async () => {
    mustBe(await declare.createPartner(withDetails(DETAILS)));
    expect(reasonOf(await declare.createGrant(give(['payment'])))).toBe('done');
    expect([
      reasonOf(await declare.createGrant(give(['payment']))),
      reasonOf(await declare.createGrant(give())),
    ]).toEqual(['done', 'conflict']);
    expect(reasonOf(await declare.updateGrant(give()))).toBe('done');
    expect(world.registry.grants.get(`${REALM}/${OWNER}/${AUDIENCE}`)?.authorizationDetailsTypes).toEqual([]);
  });
});

describe('what is removed', () => {
  it('is gone, and need not be there', async () => {
    await declare.createPartner(resource());
    mustBe(await world.partners.add(REALM, await inputOf(CLIENT)));
    await declare.createGrant({ realm: REALM, client: CLIENT, audience: AUDIENCE, scopes: ['read'] });
    const outcomes = [
      await declare.removeGrant(REALM, CLIENT, AUDIENCE),
      await declare.removeGrant(REALM, CLIENT, AUDIENCE),
      await declare.removeGrant(REALM, 'nobody', AUDIENCE),
      await declare.removePartner(REALM, OWNER),
      await declare.removePartner(REALM, OWNER),
    ];
    expect(outcomes.map(reasonOf)).toEqual(outcomes.map(() => 'done'));
    expect([world.registry.grants.size, [...world.registry.partners.keys()]]).toEqual([0, [`${REALM}/${CLIENT}`]]);
  });
});

describe('a grant', () => {
  const wanted = (scopes: readonly string[], client = CLIENT) => ({ realm: REALM, client, audience: AUDIENCE, scopes });
  beforeEach(async () => {
    await populate(world);
    mustBe(await world.grants.removeGrant(REALM, CLIENT, AUDIENCE));
  });

  it('is created, and again if the request comes twice, but not in the place of another', async () => {
    const outcomes = [
      await declare.createGrant(wanted(['read', 'write'])),
      await declare.createGrant(wanted(['write', 'read'])),
      await declare.createGrant(wanted(['read'])),
    ];
    expect(outcomes.map(reasonOf)).toEqual(['done', 'done', 'conflict']);
    expect([...world.registry.grants.values()]).toEqual([grant({ tokensNotBefore: NOW + 1 })]);
  });

  it('is updated to what is said, whatever it has become elsewhere', async () => {
    await declare.createGrant(wanted(['read', 'write']));
    expect(
      [await declare.updateGrant(wanted(['read'])), await declare.updateGrant(wanted(['read']))].map(reasonOf),
    ).toEqual(['done', 'done']);
    expect([...world.registry.grants.values()]).toEqual([
      grant({ scopes: ['read'], tokensNotBefore: NOW + 1, version: 2 }),
    ]);
  });

  it('is refused with what is wrong with it', async () => {
    expect(reasonOf(await declare.createGrant(wanted(['admin'])))).toBe('invalid');
    for (const put of [declare.createGrant, declare.updateGrant]) {
      expect(reasonOf(await put(wanted(['read'], 'nobody')))).toBe('not_found');
    }
  });
});
