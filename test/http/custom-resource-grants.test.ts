import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DeclareResources } from '../../functions/flows/partner-resource.ts';
import { Outage } from '../../functions/ports.ts';
import { AUDIENCE } from '../support/builders.ts';
import { realmOf } from './admin-world.ts';
import { grantProperties, NOTHING, openStack, partnerProperties, type Stack } from './stack.ts';

/** How long was waited between attempts, in milliseconds. */
const waits = vi.hoisted((): number[] => []);
vi.mock('node:timers/promises', () => ({
  setTimeout: async (milliseconds: number) => {
    waits.push(milliseconds);
  },
}));

let stack: Stack;
let send: Stack['send'];
let outcome: Stack['outcome'];
beforeEach(async () => {
  stack = await openStack();
  waits.length = 0;
  ({ send, outcome } = stack);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await stack[Symbol.asyncDispose]();
});

describe('a grant that is declared', () => {
  const grant = (properties: object, verb: 'Create' | 'Update' | 'Delete', known?: string) =>
    outcome(verb, { ...grantProperties, ...properties }, { type: 'Grant', ...(known === undefined ? {} : { known }) });
  const NAME = `default/crm/${AUDIENCE}`;

  beforeEach(async () => {
    await send('Create', partnerProperties('crm'));
    await send('Create', partnerProperties('billing', {}, [{ audience: AUDIENCE, scopes: ['read', 'write'] }]));
  });

  it('is given, changed and taken away, each as often as it is asked', async () => {
    const scopes = () => stack.registry.grants.get(NAME)?.scopes;
    for (const _twice of [1, 2]) expect(await grant({}, 'Create')).toEqual(['SUCCESS', NAME]);
    expect(scopes()).toEqual(['read']);
    for (const _twice of [1, 2]) expect(await grant({ Scopes: ['write'] }, 'Update', NAME)).toEqual(['SUCCESS', NAME]);
    expect(scopes()).toEqual(['write']);
    for (const _twice of [1, 2]) expect(await grant({}, 'Delete', NAME)).toEqual(['SUCCESS', NAME]);
    expect(scopes()).toBeUndefined();
  });

  it('is of types of authorization details too, and loses those that are no longer said', async () => {
    const types = () => stack.registry.grants.get(NAME)?.authorizationDetailsTypes;
    stack.realms.set('default', realmOf('default', { policy: { authorizationDetailsTypes: ['payment'] } }));
    const audiences = [{ audience: AUDIENCE, scopes: ['read'], authorizationDetails: { payment: { actions: ['a'] } } }];
    await send('Update', partnerProperties('billing', {}, audiences), { known: 'default/billing' });
    expect(await grant({ AuthorizationDetailsTypes: ['payment'] }, 'Create')).toEqual(['SUCCESS', NAME]);
    expect(types()).toEqual(['payment']);
    const [status, , reason] = await grant({ AuthorizationDetailsTypes: ['other'] }, 'Update', NAME);
    expect([status, reason]).toEqual(['FAILED', '/authorizationDetailsTypes/0: the audience declares no such type']);
    expect([await grant({}, 'Update', NAME), types()]).toEqual([['SUCCESS', NAME], []]);
  });

  it.each([
    [{ AuthorizationDetailsTypes: ['payment'] }, '/authorizationDetailsTypes/0: the audience declares no such type'],
    [{ Scopes: ['admin'] }, `/scopes/0: ${AUDIENCE} declares no scope admin`],
    [{ Scopes: 'read' }, 'Scopes: Invalid input'],
    [{ Client: 'nobody' }, 'there is no partner nobody'],
    [{ Audience: 'urn:x' }, 'there is no audience urn:x'],
    [{ Realm: 'nobody' }, 'there is no realm nobody'],
  ])('is refused with %j: %s', async (properties, reason) => {
    const [status, name, said = ''] = await grant(properties, 'Create');
    expect([status, name, said.slice(0, reason.length)]).toEqual(['FAILED', NOTHING, reason]);
  });

  it('is not taken from whoever has given another, until it is this one that is changed', async () => {
    const others = { realm: 'default', client: 'crm', audience: AUDIENCE, scopes: ['write'] };
    await stack.declare.createGrant(others);
    expect(await grant({}, 'Create')).toEqual(['FAILED', NOTHING, `crm has another grant on ${AUDIENCE}`]);
    expect((await grant({}, 'Update', 'default/erp/urn:x'))[0]).toBe('FAILED');
    expect(stack.registry.grants.get(NAME)?.scopes).toEqual(['write']);
    expect(await grant({ Scopes: ['write'] }, 'Create')).toEqual(['SUCCESS', NAME]);
    expect(await grant({}, 'Update', NAME)).toEqual(['SUCCESS', NAME]);
    expect(stack.registry.grants.get(NAME)?.scopes).toEqual(['read']);
  });

  it('is not taken away by the rollback of one that was not given, or not answered', async () => {
    await grant({}, 'Create');
    expect(await grant({}, 'Delete', NOTHING)).toEqual(['SUCCESS', NOTHING]);
    expect(await grant({}, 'Delete', 'Prod-Grant-1XYZ')).toEqual(['SUCCESS', 'Prod-Grant-1XYZ']);
    expect(stack.registry.grants.size).toBe(1);
  });
});

describe('a resource', () => {
  it('of a type that is none is refused', async () => {
    expect(await outcome('Create', {}, { type: 'Realm' })).toEqual([
      'FAILED',
      NOTHING,
      'there is no resource of the type Custom::CountersignRealm',
    ]);
  });

  const failing = (times: number, error: () => Error): DeclareResources => {
    let left = times;
    const createPartner: DeclareResources['createPartner'] = async (resource) => {
      left -= 1;
      if (left >= 0) throw error();
      return stack.declare.createPartner(resource);
    };
    return { ...stack.declare, createPartner };
  };
  const outage = () => new Outage('dynamodb:GetItem', new Error('down'));

  it('is declared as soon as an outage is over, within the minute', async () => {
    const flow = failing(4, outage);
    expect(await outcome('Create', partnerProperties(), { flow })).toEqual(['SUCCESS', 'default/crm']);
    expect(waits).toEqual([0, 1_000, 4_000, 15_000, 30_000]);
    expect(stack.observed.metrics()).toMatchObject({ Outages: 4 });
  });

  it('is refused when the outage lasts, so that CloudFormation does not wait for an hour', async () => {
    const flow = failing(9, outage);
    expect(await outcome('Create', partnerProperties(), { flow })).toEqual([
      'FAILED',
      NOTHING,
      'the service is temporarily unavailable; deploy again',
    ]);
    expect(waits).toHaveLength(5);
  });

  it('is refused at once for a fault, of which nothing is told but where to look', async () => {
    const flow = failing(1, () => new Error('secret-7f3a'));
    expect(await outcome('Create', partnerProperties(), { flow })).toEqual([
      'FAILED',
      NOTHING,
      'the service failed; its log says where',
    ]);
    expect([waits, stack.observed.metrics().Faults]).toEqual([[0], 1]);
    expect(stack.observed.text() + JSON.stringify(stack.taken)).not.toContain('"secret-7f3a"');
  });
});
