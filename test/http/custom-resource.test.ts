import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AUDIENCE, keyPair } from '../support/builders.ts';
import { grantProperties, NOTHING, openStack, partnerProperties, STACK_ID, type Stack } from './stack.ts';

const { publicJwk } = await keyPair();
const TAGS = { 'countersign:stack': 'Prod/0a1b2c3d' };

let stack: Stack;
let send: Stack['send'];
let outcome: Stack['outcome'];
beforeEach(async () => {
  stack = await openStack();
  ({ send, outcome } = stack);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await stack[Symbol.asyncDispose]();
});

describe('the answer to CloudFormation', () => {
  it('is put to the URL once, without a content type, with all that it asks for', async () => {
    await send('Create', partnerProperties());
    expect(stack.taken).toEqual([
      {
        ...{ method: 'PUT', path: '/answer?X-Amz-Signature=secret-7f3a', length: expect.stringMatching(/^\d+$/) },
        contentType: '',
        text: JSON.stringify({
          Status: 'SUCCESS',
          PhysicalResourceId: 'default/crm',
          ...{ StackId: STACK_ID, RequestId: 'request-7', LogicalResourceId: 'Crm1A2B3C' },
        }),
      },
    ]);
  });

  it('is on record with who asked, and without the URL, which lets anybody answer', async () => {
    await send('Create', partnerProperties('crm', { jwks: { keys: [{ ...publicJwk, kid: 'k' }] } }));
    await send('Create', partnerProperties('-'));
    const audit = {
      requestId: 'request-7',
      operator: STACK_ID,
      method: 'Create',
      path: 'Custom::CountersignPartner',
    };
    expect(stack.observed.lines().map((line) => line.audit)).toEqual([
      { ...audit, change: { id: 'default/crm', logicalId: 'Crm1A2B3C' }, status: 200 },
      { ...audit, change: { logicalId: 'Crm1A2B3C' }, status: 400 },
    ]);
    for (const secret of ['secret-7f3a', String(publicJwk.x)]) expect(stack.observed.text()).not.toContain(secret);
  });

  it('that is not taken fails the call, so that Lambda calls again; then all is found done', async () => {
    stack.status = 403;
    await expect(send('Create', partnerProperties())).rejects.toThrow('CloudFormation did not take the answer: 403');
    stack.status = 200;
    expect([await outcome('Create', partnerProperties()), stack.registry.partners.get('default/crm')?.version]).toEqual(
      [['SUCCESS', 'default/crm'], 1],
    );
  });

  it.each(['x', '"', '\u0001', '東', '\ud83d'])('has a reason of bounded length, also out of %j', async (text) => {
    const properties = partnerProperties('crm', { [text.repeat(3_000)]: 1 });
    const long = { known: `default/${'c'.repeat(128)}/urn:${'x'.repeat(508)}` };
    const { Status, Reason = '' } = await send('Update', properties, long);
    expect([Status, Reason.length > 200, Reason.length <= 1_024]).toEqual(['FAILED', true, true]);
    expect(Buffer.byteLength(stack.taken[0]?.text ?? '')).toBeLessThanOrEqual(4_096);
  });

  it('never puts the signed URL into what is thrown, which the runtime logs', async () => {
    const event = {
      ...{
        RequestType: 'Delete',
        ResourceType: 'Custom::CountersignPartner',
        PhysicalResourceId: 'nothing-was-created',
      },
      ...{ StackId: 'stack', RequestId: 'request', LogicalResourceId: 'Crm', ResourceProperties: {} },
      // fetch refuses such a URL, and repeats it.
      ResponseURL: 'https://user:word@answers.example/?X-Amz-Signature=5ec2e7',
    };
    const thrown: unknown = await stack.call(event).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(thrown).toBeInstanceOf(Error);
    expect(inspect(thrown, { depth: null })).not.toContain('5ec2e7');
  });

  it('is not given where nobody says what is asked', async () => {
    for (const event of [{}, null, { RequestType: 'Create', ResponseURL: 'file:///etc/passwd' }]) {
      await expect(stack.call(event)).rejects.toThrow();
    }
    expect([stack.taken.length, stack.registry.partners.size]).toEqual([0, 0]);
  });
});

describe('a partner that is declared', () => {
  const audiences = [{ audience: AUDIENCE, scopes: ['read'], tokenPolicy: { accessTokenSeconds: 60 } }];
  const stored = () => stack.registry.partners.get('default/crm');

  it('is created with its audiences, says which stack declares it, and is there once however often it is asked', async () => {
    const properties = partnerProperties('crm', { name: 'CRM', enabled: false, tags: { a: 'b' } }, audiences);
    for (const _twice of [1, 2]) expect(await outcome('Create', properties)).toEqual(['SUCCESS', 'default/crm']);
    expect(stored()).toMatchObject({ name: 'CRM', enabled: false, tags: { a: 'b', ...TAGS } });
    expect([...stack.registry.audiences.values()]).toMatchObject([
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
    expect(stack.registry.partners.size).toBe(0);
  });

  it('is changed to what is said, whatever it has become elsewhere', async () => {
    await send('Create', partnerProperties('crm', { name: 'CRM', contact: 'ada' }, audiences));
    const properties = partnerProperties('crm', { name: 'New' }, [{ audience: 'urn:new', scopes: ['a'] }]);
    expect(await outcome('Update', properties, { known: 'default/crm' })).toEqual(['SUCCESS', 'default/crm']);
    expect([stored()?.name, stored()?.contact, [...stack.registry.audiences.keys()]]).toEqual([
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
    expect([...stack.registry.partners.keys()]).toEqual(['default/crm', 'default/erp']);
    expect(await outcome('Delete', partnerProperties(), { known: 'default/crm' })).toEqual(['SUCCESS', 'default/crm']);
    expect([...stack.registry.partners.keys()]).toEqual(['default/erp']);
  });

  it('does not take the place of one that is there, nor does its rollback take that one away', async () => {
    await stack.declare.createPartner({
      realm: 'default',
      id: 'crm',
      definition: { name: 'Of others' },
      audiences: [],
    });
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
    expect([...stack.registry.partners.keys(), ...stack.registry.audiences.keys()]).toEqual([
      'default/billing',
      `default/${AUDIENCE}`,
    ]);
  });

  it('names introspectors that are there, and is not made with one that is not', async () => {
    const naming = (id: string) => partnerProperties('crm', {}, [{ ...audiences[0], introspectors: [id] }]);
    expect(await outcome('Create', naming('gateway'))).toEqual(['FAILED', NOTHING, 'there is no partner gateway']);
    expect(stored()).toBeUndefined();
    await send('Create', partnerProperties('gateway'));
    expect(await outcome('Create', naming('gateway'))).toEqual(['SUCCESS', 'default/crm']);
    expect(await outcome('Delete', partnerProperties('gateway'), { known: 'default/gateway' })).toEqual([
      'FAILED',
      'default/gateway',
      `audiences name this partner as an introspector: gateway on ${AUDIENCE}`,
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
    expect([stack.registry.partners.size, stack.registry.audiences.size]).toEqual([0, 0]);
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
    expect(stack.registry.partners.size).toBe(0);
  });
});
