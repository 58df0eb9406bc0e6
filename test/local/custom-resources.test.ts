// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are CloudFormation's
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Deployment } from '../../local/deployment.ts';
import type { JsonObject } from '../../local/service.ts';
import { type Resources, startFixture, temporaryDirectory } from './support/fixture.ts';

/** Answers as its properties say: `FailOn`, `Silent`, `Answer` (members of the answer), `Name` (its physical id). */
const PROVIDER = `
import { appendFileSync } from 'node:fs';
export const handler = async (event) => {
  appendFileSync(process.env.RECORD, JSON.stringify(event) + '\\n');
  const { RequestType, ResponseURL, StackId, RequestId, LogicalResourceId, ResourceProperties } = event;
  const { FailOn, Silent, Answer, Name = LogicalResourceId } = ResourceProperties;
  if (Silent === 'yes') return;
  if (Silent === 'crash') throw new RangeError('out of luck');
  const said = FailOn === RequestType ? { Status: 'FAILED', Reason: 'it does not want to' } : { Status: 'SUCCESS' };
  const body = JSON.stringify({
    ...said, StackId, RequestId, LogicalResourceId, PhysicalResourceId: 'physical-' + Name, Data: { Name, Count: 3 }, ...Answer,
  });
  const { status } = await fetch(ResponseURL, { method: 'PUT', body });
  if (status !== 200) throw new Error('the answer was not taken: ' + status);
};`;

interface Run {
  readonly deployment: Deployment;
  /** What the function was asked in this run. */
  readonly events: readonly JsonObject[];
}

interface World {
  start(resources: Resources, outputs?: Record<string, object>): Promise<Run>;
  /** Of the latest run, whether it started or not. */
  asked(): string[];
  readonly dataDirectory: string;
}

const custom = (properties: object = {}, more: Partial<Resources[string]> = {}): Resources[string] => ({
  Type: 'Custom::Thing',
  Properties: { ServiceToken: { 'Fn::GetAtt': ['Provider', 'Arn'] }, ...properties },
  ...more,
});

/** Starts deployments one after the other on the same data, or on none. */
const createWorld = (keepsData = true): World => {
  const directory = temporaryDirectory();
  const record = join(directory, 'events');
  let seen = 0;
  const events = (): JsonObject[] => {
    const lines = existsSync(record) ? readFileSync(record, 'utf8').trim().split('\n') : [];
    return lines.map((line) => JSON.parse(line));
  };
  const ofThisRun = () => events().slice(seen);
  return {
    dataDirectory: directory,
    asked: () => ofThisRun().map(({ RequestType, LogicalResourceId }) => `${RequestType} ${LogicalResourceId}`),
    start: async (resources, outputs = {}) => {
      seen = events().length;
      const environment = { Environment: { Variables: { RECORD: record } } };
      const deployment = await startFixture(
        {
          functions: { Provider: { code: PROVIDER, properties: environment } },
          resources,
          template: {
            Conditions: { Never: { 'Fn::Equals': ['a', 'b'] } },
            Outputs: Object.fromEntries(Object.entries(outputs).map(([name, Value]) => [name, { Value }])),
          },
        },
        keepsData ? { dataDirectory: directory } : {},
      );
      return { deployment, events: ofThisRun() };
    },
  };
};

/** Starts, and stops again. */
const play = async (world: World, resources: Resources): Promise<string[]> => {
  const { deployment } = await world.start(resources);
  await deployment.close();
  return world.asked();
};

describe('a custom resource backed by a function', () => {
  it('is created with the event that CloudFormation sends, numbers and booleans as text', async () => {
    const nested = { Count: 5, Flags: [true, { Deep: false }], Text: 'x' };
    const { events } = await createWorld(false).start({ Thing: custom({ Name: 'a', Nested: nested }) });

    const token = expect.stringMatching(/^arn:aws:lambda:us-east-1:111122223333:function:Test-Provider-/);
    expect(events).toEqual([
      {
        RequestType: 'Create',
        ServiceToken: token,
        ResponseURL: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]{36}$/),
        StackId: expect.stringMatching(/^arn:aws:cloudformation:us-east-1:111122223333:stack\/Test\//),
        RequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        LogicalResourceId: 'Thing',
        ResourceType: 'Custom::Thing',
        ResourceProperties: {
          ServiceToken: token,
          Name: 'a',
          Nested: { Count: '5', Flags: ['true', { Deep: 'false' }], Text: 'x' },
        },
      },
    ]);
  });

  it('is known to outputs by its physical id and its data', async () => {
    const outputs = {
      Id: { Ref: 'Thing' },
      Name: { 'Fn::GetAtt': ['Thing', 'Name'] },
      Count: { 'Fn::GetAtt': 'Thing.Count' },
    };
    const { deployment } = await createWorld(false).start({ Thing: custom({ Name: 'a' }) }, outputs);

    expect(deployment.outputs).toEqual({ Id: 'physical-a', Name: 'a', Count: '3' });
  });

  it('may be of the type AWS::CloudFormation::CustomResource, and is left out if its condition does not hold', async () => {
    const asked = await play(createWorld(false), {
      Thing: custom({}, { Type: 'AWS::CloudFormation::CustomResource' }),
      Other: custom({}, { Condition: 'Never' }),
    });

    expect(asked).toEqual(['Create Thing']);
  });

  it('comes after what it depends on, directly or by way of other resources', async () => {
    const asked = await play(createWorld(false), {
      ByDependsOn: custom({}, { DependsOn: 'ByLogGroup' }),
      ByLogGroup: custom({}, { DependsOn: ['Log'] }),
      BySub: custom({ Text: { 'Fn::Sub': 'x-${First.Name}' } }),
      Log: { Type: 'AWS::Logs::LogGroup', DependsOn: 'ByAttribute' },
      ByAttribute: custom({ Text: { 'Fn::Join': ['', [{ 'Fn::GetAtt': ['First', 'Name'] }]] } }),
      First: custom({ Name: 'first' }),
    });

    expect(asked).toEqual(['First', 'ByAttribute', 'ByLogGroup', 'ByDependsOn', 'BySub'].map((id) => `Create ${id}`));
  });

  it('gets the values of those before it', async () => {
    const { events } = await createWorld(false).start({
      Second: custom({ Of: { Ref: 'First' }, Name: { 'Fn::GetAtt': ['First', 'Count'] } }),
      First: custom({ Name: 'a' }),
    });

    expect(events[1]).toMatchObject({ ResourceProperties: { Of: 'physical-a', Name: '3' } });
  });

  it.each<[string, Resources, string | RegExp]>([
    [
      'the reason of a function that fails',
      { Thing: custom({ FailOn: 'Create' }) },
      'Thing (Custom::Thing) could not be created: it does not want to',
    ],
    [
      'a function that ends without an answer',
      { Thing: custom({ Silent: 'yes' }) },
      /Thing .*: Test-Provider-\w+ ended without an answer to ResponseURL$/,
    ],
    [
      'the error of a function that crashed',
      { Thing: custom({ Silent: 'crash' }) },
      /ended without an answer to ResponseURL; RangeError: out of luck$/,
    ],
    [
      'an answer without a physical id',
      { Thing: custom({ Answer: { PhysicalResourceId: '' } }) },
      /the answer is not understood: PhysicalResourceId/,
    ],
    [
      'an answer to another request',
      { Thing: custom({ Answer: { RequestId: 'x' } }) },
      'the answer has another RequestId than the request',
    ],
    [
      'an answer that is too long',
      { Thing: custom({ Answer: { Reason: 'x'.repeat(4096) } }) },
      /the answer has 4\d{3} bytes, at most 4096 are taken/,
    ],
    [
      'a function of another stack',
      { Thing: custom({ ServiceToken: 'arn:aws:lambda:us-east-1:111122223333:function:elsewhere' }) },
      /no function of the template has the ARN .*:elsewhere/,
    ],
    ['a resource without a function', { Thing: { Type: 'Custom::Thing' } }, /^Thing: ServiceToken/],
    [
      'a circle',
      { A: custom({}, { DependsOn: 'B' }), B: custom({ X: { Ref: 'A' } }) },
      'circular dependency: A -> B -> A',
    ],
    [
      'a reference to it from what has to be there before',
      { Thing: custom(), Log: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: { Ref: 'Thing' } } } },
      'Thing: here, only outputs and other custom resources can refer to a custom resource',
    ],
  ])('stops the start with %s', async (_, resources, message) => {
    await expect(createWorld(false).start(resources)).rejects.toThrow(message);
  });
});

describe('on the data of an earlier run, a custom resource', () => {
  it('is left alone while its properties stay, and still known to outputs', async () => {
    const world = createWorld();
    const resources = { Thing: custom({ Name: 'a' }) };
    await play(world, resources);

    const { deployment } = await world.start(resources, { Id: { Ref: 'Thing' } });

    expect(world.asked()).toEqual([]);
    expect(deployment.outputs).toEqual({ Id: 'physical-a' });
  });

  it('is updated when its properties change, and told the old ones', async () => {
    const world = createWorld();
    await play(world, { Thing: custom({ Name: 'a', Size: 1 }) });

    const { events } = await world.start({ Thing: custom({ Name: 'a', Size: 2 }) });

    expect(events).toMatchObject([
      {
        RequestType: 'Update',
        PhysicalResourceId: 'physical-a',
        ResourceProperties: { Name: 'a', Size: '2' },
        OldResourceProperties: { Name: 'a', Size: '1' },
      },
    ]);
  });

  it('is deleted under its old id after an update that replaced it, when everything else is done', async () => {
    const world = createWorld();
    await play(world, { Thing: custom({ Name: 'a' }) });

    const { events } = await world.start({ Thing: custom({ Name: 'b' }), New: custom({}) });

    expect(world.asked()).toEqual(['Update Thing', 'Create New', 'Delete Thing']);
    expect(events[2]).toMatchObject({ PhysicalResourceId: 'physical-a', ResourceProperties: { Name: 'a' } });
  });

  it('is deleted when it is gone from the template, the latest first, with its last properties', async () => {
    const world = createWorld();
    await play(world, { Second: custom({ Of: { Ref: 'First' } }), First: custom({ Name: 'a' }), Third: custom() });

    const { deployment, events } = await world.start({ Third: custom() });
    await deployment.close();

    expect(world.asked()).toEqual(['Delete Second', 'Delete First']);
    expect(events[1]).toMatchObject({ PhysicalResourceId: 'physical-a', ResourceProperties: { Name: 'a' } });
    expect(await play(world, { Third: custom() })).toEqual([]);
  });

  it('goes after what depended on it, whether that was replaced or taken out', async () => {
    const world = createWorld();
    const after = (id: string) => custom({ Of: { Ref: id } });
    await play(world, { A: custom({ Name: 'a' }), B: after('A'), C: custom({ Of: { Ref: 'B' }, Name: 'c' }) });

    const asked = await play(world, { A: custom({ Name: 'b' }), C: custom({ Name: 'd' }) });

    expect(asked).toEqual(['Update A', 'Update C', 'Delete C', 'Delete B', 'Delete A']);
  });

  it('stays where the template that it came from said so', async () => {
    const world = createWorld();
    const keeps = { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' };
    await play(world, { Thing: custom({ Name: 'a' }, keeps) });

    expect(await play(world, { Thing: custom({ Name: 'b' }, keeps) })).toEqual(['Update Thing']);
    expect(await play(world, {})).toEqual([]);
  });

  it('is tried again at the next start when its creation failed, and those before it are not', async () => {
    const world = createWorld();
    const first = { First: custom({}) };
    await expect(world.start({ ...first, Second: custom({ FailOn: 'Create' }) })).rejects.toThrow('Second');
    expect(world.asked()).toEqual(['Create First', 'Create Second']);

    expect(await play(world, { ...first, Second: custom({}) })).toEqual(['Create Second']);
  });

  it('is tried again at the next start when its deletion failed', async () => {
    const world = createWorld();
    await play(world, { Stubborn: custom({ FailOn: 'Delete' }), Meek: custom({}) });

    const reason = 'Stubborn (Custom::Thing) could not be deleted: it does not want to';
    await expect(world.start({})).rejects.toThrow(reason);
    expect(world.asked()).toEqual(['Delete Meek', 'Delete Stubborn']);
    await expect(world.start({})).rejects.toThrow(reason);
    expect(world.asked()).toEqual(['Delete Stubborn']);
  });

  it('keeps its type', async () => {
    const world = createWorld();
    await play(world, { Thing: custom() });

    await expect(world.start({ Thing: custom({}, { Type: 'Custom::Other' }) })).rejects.toThrow(
      'Thing: neither the type nor the ServiceToken of a custom resource can change',
    );
  });

  it('is not guessed at when what was kept is damaged', async () => {
    const world = createWorld();
    const file = join(world.dataDirectory, 'custom-resources.Test.json');
    await play(world, { Thing: custom() });
    writeFileSync(file, '{"resources":[{}]}');

    await expect(world.start({ Thing: custom() })).rejects.toThrow(`${file} is damaged: resources.0.logicalId`);
  });
});
