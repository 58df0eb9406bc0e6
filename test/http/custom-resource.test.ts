import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { manageGrants } from '../../functions/flows/manage-grants.ts';
import { managePartners } from '../../functions/flows/manage-partners.ts';
import { manageRealms } from '../../functions/flows/manage-realms.ts';
import { type DeclareResources, declareResources } from '../../functions/flows/partner-resource.ts';
import { Outage } from '../../functions/ports.ts';
import { partnerResourcesRoute } from '../../functions/routes.ts';
import { type MemoryRegistry, memoryRealms, memoryRegistry, testClock } from '../flows/in-memory.ts';
import { AUDIENCE, keyPair, realmDefaults } from '../support/builders.ts';
import { realmOf } from './admin-world.ts';
import { lambdaContext, type Observed, observe } from './observed.ts';

/** How long was waited between attempts, in milliseconds. */
const waits = vi.hoisted((): number[] => []);
vi.mock('node:timers/promises', () => ({
  setTimeout: async (milliseconds: number) => {
    waits.push(milliseconds);
  },
}));

interface Taken {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly contentType: string | undefined;
  readonly length: string | undefined;
  readonly text: string;
}

/** Where CloudFormation takes its answers: a presigned URL of S3. */
let bucket: Server;
let taken: Taken[];
let bucketStatus: number;
let observed: Observed;
let registry: MemoryRegistry;
let declare: DeclareResources;

beforeEach(async () => {
  observed = observe();
  registry = memoryRegistry();
  const rings = { list: async () => [] };
  const ports = { registry, uses: { lastUses: async () => new Map() }, rings, clock: testClock() };
  const partners = managePartners({ ...ports, ids: { next: () => 'made' } });
  declare = declareResources(partners, manageGrants(ports));
  [taken, bucketStatus, waits.length] = [[], 200, 0];
  bucket = createServer(async (request, response) => {
    const chunks = await request.toArray();
    const { 'content-type': contentType, 'content-length': length } = request.headers;
    const text = Buffer.concat(chunks).toString();
    taken.push({ method: request.method, path: request.url, contentType, length, text });
    response.writeHead(bucketStatus).end();
  });
  await new Promise<void>((listening) => bucket.listen(0, '127.0.0.1', listening));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await new Promise((closed) => bucket.close(closed));
});

const { publicJwk } = await keyPair();
const STACK = 'arn:aws:cloudformation:eu-central-1:111122223333:stack/Prod/0a1b2c3d-4e5f-6789-abcd-ef0123456789';
const TAGS = { 'countersign:stack': 'Prod/0a1b2c3d' };
const NOTHING = 'nothing-was-created';

const partnerProperties = (id = 'crm', definition: object = {}, audiences: readonly object[] = []) => ({
  ...{ ServiceToken: 'arn', Realm: 'default', PartnerId: id },
  Definition: JSON.stringify(definition),
  Audiences: JSON.stringify(audiences),
});
const grantProperties = { ServiceToken: 'arn', Realm: 'default', Client: 'crm', Audience: AUDIENCE, Scopes: ['read'] };

interface Answer {
  readonly Status: string;
  readonly Reason?: string;
  readonly PhysicalResourceId: string;
}

/** Sends the event as CloudFormation does. @returns what was answered. */
const send = async (
  verb: 'Create' | 'Update' | 'Delete',
  properties: object,
  { known, type = 'Partner', flow = declare }: { known?: string; type?: string; flow?: DeclareResources } = {},
): Promise<Answer> => {
  const { port } = bucket.address() as AddressInfo;
  const realms = memoryRealms();
  realms.realms.set('acme', realmOf('acme', { aliases: ['acme.example'] }));
  const manager = manageRealms({ realms, clock: testClock() }, realmDefaults());
  await partnerResourcesRoute(observed.seen, { declare: flow, realms: manager })(
    {
      RequestType: verb,
      ResourceType: `Custom::Countersign${type}`,
      ResponseURL: `http://127.0.0.1:${port}/answer?X-Amz-Signature=secret-7f3a`,
      StackId: STACK,
      RequestId: 'request-7',
      LogicalResourceId: 'Crm1A2B3C',
      ...(known === undefined ? {} : { PhysicalResourceId: known }),
      ResourceProperties: properties,
    },
    lambdaContext(),
  );
  return JSON.parse(taken.at(-1)?.text ?? '') as Answer;
};
const outcome = async (...event: Parameters<typeof send>) => {
  const { Status, Reason, PhysicalResourceId } = await send(...event);
  return [Status, PhysicalResourceId, ...(Reason === undefined ? [] : [Reason])];
};

describe('the answer to CloudFormation', () => {
  it('is put to the URL once, without a content type, with all that it asks for', async () => {
    await send('Create', partnerProperties());
    expect(taken).toEqual([
      {
        ...{ method: 'PUT', path: '/answer?X-Amz-Signature=secret-7f3a', length: expect.stringMatching(/^\d+$/) },
        contentType: '',
        text: JSON.stringify({
          Status: 'SUCCESS',
          PhysicalResourceId: 'default/crm',
          ...{ StackId: STACK, RequestId: 'request-7', LogicalResourceId: 'Crm1A2B3C' },
        }),
      },
    ]);
  });

  it('is on record with who asked, and without the URL, which lets anybody answer', async () => {
    await send('Create', partnerProperties('crm', { jwks: { keys: [{ ...publicJwk, kid: 'k' }] } }));
    await send('Create', partnerProperties('-'));
    const audit = {
      requestId: 'request-7',
      operator: STACK,
      method: 'Create',
      path: 'Custom::CountersignPartner',
    };
    expect(observed.lines().map((line) => line.audit)).toEqual([
      { ...audit, change: { id: 'default/crm', logicalId: 'Crm1A2B3C' }, status: 200 },
      { ...audit, change: { logicalId: 'Crm1A2B3C' }, status: 400 },
    ]);
    for (const secret of ['secret-7f3a', String(publicJwk.x)]) expect(observed.text()).not.toContain(secret);
  });

  it('that is not taken fails the call, so that Lambda calls again; then all is found done', async () => {
    bucketStatus = 403;
    await expect(send('Create', partnerProperties())).rejects.toThrow('CloudFormation did not take the answer: 403');
    bucketStatus = 200;
    expect([await outcome('Create', partnerProperties()), registry.partners.get('default/crm')?.version]).toEqual([
      ['SUCCESS', 'default/crm'],
      1,
    ]);
  });

  it.each(['x', '"', '\u0001', '東', '\ud83d'])('has a reason of bounded length, also out of %j', async (text) => {
    const properties = partnerProperties('crm', { [text.repeat(3_000)]: 1 });
    const long = { known: `default/${'c'.repeat(128)}/urn:${'x'.repeat(508)}` };
    const { Status, Reason = '' } = await send('Update', properties, long);
    expect([Status, Reason.length > 200, Reason.length <= 1_024]).toEqual(['FAILED', true, true]);
    expect(Buffer.byteLength(taken[0]?.text ?? '')).toBeLessThanOrEqual(4_096);
  });

  it('is not given where nobody says what is asked', async () => {
    const route = partnerResourcesRoute(observed.seen, {
      declare,
      realms: manageRealms({ realms: memoryRealms(), clock: testClock() }, realmDefaults()),
    });
    for (const event of [{}, null, { RequestType: 'Create', ResponseURL: 'file:///etc/passwd' }]) {
      await expect(route(event, lambdaContext())).rejects.toThrow();
    }
    expect([taken.length, registry.partners.size]).toEqual([0, 0]);
  });
});

describe('a partner that is declared', () => {
  const audiences = [{ audience: AUDIENCE, scopes: ['read'], tokenPolicy: { accessTokenSeconds: 60 } }];
  const stored = () => registry.partners.get('default/crm');

  it('is created with its audiences, says which stack declares it, and is there once however often it is asked', async () => {
    const properties = partnerProperties('crm', { name: 'CRM', enabled: false, tags: { a: 'b' } }, audiences);
    for (const _twice of [1, 2]) expect(await outcome('Create', properties)).toEqual(['SUCCESS', 'default/crm']);
    expect(stored()).toMatchObject({ name: 'CRM', enabled: false, tags: { a: 'b', ...TAGS } });
    expect([...registry.audiences.values()]).toMatchObject([
      { audience: AUDIENCE, owner: 'crm', ownerEnabled: false, tokenPolicy: { accessTokenSeconds: 60 } },
    ]);
  });

  it('is known by the own name of its realm, whatever it is called by', async () => {
    const properties = { ...partnerProperties(), Realm: 'acme.example' };
    expect(await outcome('Create', properties)).toEqual(['SUCCESS', 'acme/crm']);
    expect(await outcome('Delete', { ...properties, Realm: 'acme' }, { known: 'acme/crm' })).toEqual([
      'SUCCESS',
      'acme/crm',
    ]);
    expect(registry.partners.size).toBe(0);
  });

  it('is changed to what is said, whatever it has become elsewhere', async () => {
    await send('Create', partnerProperties('crm', { name: 'CRM', contact: 'ada' }, audiences));
    const properties = partnerProperties('crm', { name: 'New' }, [{ audience: 'urn:new', scopes: ['a'] }]);
    expect(await outcome('Update', properties, { known: 'default/crm' })).toEqual(['SUCCESS', 'default/crm']);
    expect([stored()?.name, stored()?.contact, [...registry.audiences.keys()]]).toEqual([
      'New',
      undefined,
      ['default/urn:new'],
    ]);
  });

  it('under another id is another: the old one goes when CloudFormation says so', async () => {
    await send('Create', partnerProperties());
    expect(await outcome('Update', partnerProperties('erp'), { known: 'default/crm' })).toEqual([
      'SUCCESS',
      'default/erp',
    ]);
    expect([...registry.partners.keys()]).toEqual(['default/crm', 'default/erp']);
    expect(await outcome('Delete', partnerProperties(), { known: 'default/crm' })).toEqual(['SUCCESS', 'default/crm']);
    expect([...registry.partners.keys()]).toEqual(['default/erp']);
  });

  it('does not take the place of one that is there, nor does its rollback take that one away', async () => {
    await declare.createPartner({ realm: 'default', id: 'crm', definition: { name: 'Of others' }, audiences: [] });
    expect(await outcome('Create', partnerProperties())).toEqual([
      'FAILED',
      NOTHING,
      'partner crm exists and is different',
    ]);
    expect(await outcome('Delete', partnerProperties(), { known: NOTHING })).toEqual(['SUCCESS', NOTHING]);
    expect((await send('Update', partnerProperties(), { known: 'default/erp' })).PhysicalResourceId).toBe(
      'default/erp',
    );
    expect(stored()?.name).toBe('Of others');
  });

  it('is not left behind half made, where nothing would remove it', async () => {
    await send('Create', partnerProperties('billing', {}, audiences));
    const taken = [{ audience: 'urn:crm', scopes: ['a'] }, ...audiences];
    expect(await outcome('Create', partnerProperties('crm', {}, taken))).toEqual([
      'FAILED',
      NOTHING,
      `audience ${AUDIENCE} belongs to billing`,
    ]);
    expect([...registry.partners.keys(), ...registry.audiences.keys()]).toEqual([
      'default/billing',
      `default/${AUDIENCE}`,
    ]);
  });

  it('is not taken away by the rollback of a creation that was never answered', async () => {
    await send('Create', partnerProperties());
    const known = 'Prod-Crm1A2B3C-1XYZ';
    expect(await outcome('Delete', partnerProperties(), { known })).toEqual(['SUCCESS', known]);
    expect(stored()).toBeDefined();
  });

  it('can be rolled back however wrong it was', async () => {
    for (const properties of [{}, partnerProperties('-'), { ...partnerProperties(), Definition: '{' }]) {
      expect((await outcome('Create', properties)).slice(0, 2)).toEqual(['FAILED', NOTHING]);
      expect(await outcome('Delete', properties, { known: NOTHING })).toEqual(['SUCCESS', NOTHING]);
    }
  });

  it('is gone after its removal, and may be so before', async () => {
    await send('Create', partnerProperties('crm', {}, audiences));
    for (const _twice of [1, 2]) {
      expect(await outcome('Delete', partnerProperties(), { known: 'default/crm' })).toEqual([
        'SUCCESS',
        'default/crm',
      ]);
    }
    expect([registry.partners.size, registry.audiences.size]).toEqual([0, 0]);
  });

  it('does not go while others may call it, and says who', async () => {
    await send('Create', partnerProperties('crm'));
    await send('Create', partnerProperties('billing', {}, audiences));
    await send('Create', grantProperties, { type: 'Grant' });
    expect(await outcome('Delete', partnerProperties('billing'), { known: 'default/billing' })).toEqual([
      'FAILED',
      'default/billing',
      `others may call what this partner owns: crm on ${AUDIENCE}`,
    ]);
  });

  it.each<[string, object, string]>([
    ['no realm', { ...partnerProperties(), Realm: 'nobody' }, 'there is no realm nobody'],
    ['a realm that is no text', { ...partnerProperties(), Realm: 7 }, 'Realm: Invalid input'],
    ['no JSON', { ...partnerProperties(), Definition: '{' }, 'Definition: not JSON'],
    ['an unknown member', partnerProperties('crm', { admin: true }), 'Definition: Unrecognized key: "admin"'],
    ['a version', partnerProperties('crm', { version: 1 }), 'Definition: Unrecognized key: "version"'],
    ['a wrong id', partnerProperties('-'), '/id: an id is'],
    [
      'two wrong members',
      partnerProperties('crm', { name: '', issuer: 'x' }),
      '/name: 1 to 128 printable characters; /issuer: ',
    ],
    [
      'an owner of its audience',
      partnerProperties('crm', {}, [{ audience: AUDIENCE, scopes: ['a'], owner: 'x' }]),
      'Audiences/0: ',
    ],
    [
      'claims as deep as can be',
      { ...partnerProperties(), Definition: `{"claims":{"a":${'['.repeat(60_000)}${']'.repeat(60_000)}}}` },
      '/claims/a: at most 4 levels',
    ],
  ])('with %s is refused in words for whoever deploys', async (_what, properties, reason) => {
    const { Status, Reason = '' } = await send('Create', properties);
    expect([Status, Reason.slice(0, reason.length)]).toEqual(['FAILED', reason]);
    expect(registry.partners.size).toBe(0);
  });
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
    const scopes = () => registry.grants.get(NAME)?.scopes;
    for (const _twice of [1, 2]) expect(await grant({}, 'Create')).toEqual(['SUCCESS', NAME]);
    expect(scopes()).toEqual(['read']);
    for (const _twice of [1, 2]) expect(await grant({ Scopes: ['write'] }, 'Update', NAME)).toEqual(['SUCCESS', NAME]);
    expect(scopes()).toEqual(['write']);
    for (const _twice of [1, 2]) expect(await grant({}, 'Delete', NAME)).toEqual(['SUCCESS', NAME]);
    expect(scopes()).toBeUndefined();
  });

  it.each([
    [{ Scopes: ['admin'] }, `/scopes/0: ${AUDIENCE} declares no such scope`],
    [{ Scopes: 'read' }, 'Scopes: Invalid input'],
    [{ Client: 'nobody' }, 'there is no partner nobody'],
    [{ Audience: 'urn:x' }, 'there is no audience urn:x'],
    [{ Realm: 'nobody' }, 'there is no realm nobody'],
  ])('is refused with %j: %s', async (properties, reason) => {
    const [status, name, said = ''] = await grant(properties, 'Create');
    expect([status, name, said.slice(0, reason.length)]).toEqual(['FAILED', NOTHING, reason]);
  });

  it('is not taken away by the rollback of one that was not given, or not answered', async () => {
    await grant({}, 'Create');
    expect(await grant({}, 'Delete', NOTHING)).toEqual(['SUCCESS', NOTHING]);
    expect(await grant({}, 'Delete', 'Prod-Grant-1XYZ')).toEqual(['SUCCESS', 'Prod-Grant-1XYZ']);
    expect(registry.grants.size).toBe(1);
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
      return declare.createPartner(resource);
    };
    return { ...declare, createPartner };
  };
  const outage = () => new Outage('dynamodb:GetItem', new Error('down'));

  it('is declared as soon as an outage is over, within the minute', async () => {
    const flow = failing(4, outage);
    expect(await outcome('Create', partnerProperties(), { flow })).toEqual(['SUCCESS', 'default/crm']);
    expect(waits).toEqual([0, 1_000, 4_000, 15_000, 30_000]);
    expect(observed.metrics()).toMatchObject({ Outages: 4 });
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
    expect([waits, observed.metrics().Faults]).toEqual([[0], 1]);
    expect(observed.text() + JSON.stringify(taken)).not.toContain('"secret-7f3a"');
  });
});
