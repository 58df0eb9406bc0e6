// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are CloudFormation's
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parsePolicy } from '../../local/iam/policy.ts';
import type { Role } from '../../local/roles.ts';
import { parseRate, type Schedule, Schedules } from '../../local/schedules.ts';
import { type Fixture, type Resources, roleTrusting, startFixture, temporaryDirectory } from './support/fixture.ts';

const RUN = { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: { 'Fn::GetAtt': ['F', 'Arn'] } };
const GROUP = { 'Fn::Sub': 'arn:aws:scheduler:${AWS::Region}:${AWS::AccountId}:schedule-group/default' };

function schedule(role: Resources[string], expression = 'rate(15 minutes)'): Resources {
  return {
    SchedulerRole: role,
    Schedule: {
      Type: 'AWS::Scheduler::Schedule',
      Properties: {
        ScheduleExpression: expression,
        FlexibleTimeWindow: { Mode: 'OFF' },
        Target: {
          Arn: { 'Fn::GetAtt': ['F', 'Arn'] },
          RoleArn: { 'Fn::GetAtt': ['SchedulerRole', 'Arn'] },
          Input: '{"run":"one-step"}',
          RetryPolicy: { MaximumRetryAttempts: 1 },
        },
      },
    },
  };
}

const scheduled = (resources: Resources): Fixture => ({
  functions: { F: { code: 'export const handler = async (event) => event;' } },
  resources,
});

describe('a schedule of the template', () => {
  it('invokes its target with its input', async () => {
    const deployment = await startFixture(scheduled(schedule(roleTrusting('scheduler.amazonaws.com', [RUN]))));
    expect(await deployment.runSchedule()).toEqual([{ ok: true, payload: '{"run":"one-step"}' }]);
  });

  it("is denied what its role's policies do not allow", async () => {
    const deployment = await startFixture(scheduled(schedule(roleTrusting('scheduler.amazonaws.com', []))));
    expect(await deployment.runSchedule()).toMatchObject([
      {
        ok: false,
        error: { errorType: 'AccessDeniedException', errorMessage: expect.stringContaining('lambda:InvokeFunction') },
      },
    ]);
  });

  it('is denied a role that does not trust the scheduler', async () => {
    const deployment = await startFixture(scheduled(schedule(roleTrusting('lambda.amazonaws.com', [RUN]))));
    expect(await deployment.runSchedule()).toMatchObject([
      { ok: false, error: { errorMessage: expect.stringContaining('does not trust scheduler.amazonaws.com') } },
    ]);
  });

  it.each([
    [GROUP, true],
    ['arn:aws:scheduler:us-east-1:111122223333:schedule-group/other', false],
  ])('states its group to a trust policy that asks for aws:SourceArn', async (group, ok) => {
    const role = roleTrusting('scheduler.amazonaws.com', [RUN]);
    const trust = {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: 'sts:AssumeRole',
          Principal: { Service: 'scheduler.amazonaws.com' },
          Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' }, 'aws:SourceArn': group } },
        },
      ],
    };
    const conditioned = {
      Type: role?.Type ?? '',
      Properties: { ...role?.Properties, AssumeRolePolicyDocument: trust },
    };
    const deployment = await startFixture(scheduled(schedule(conditioned)));
    expect(await deployment.runSchedule()).toMatchObject([{ ok }]);
  });

  it('stops the start when it is no rate', async () => {
    const role = roleTrusting('scheduler.amazonaws.com', [RUN]);
    await expect(startFixture(scheduled(schedule(role, 'cron(0 1 * * ? *)')))).rejects.toThrow(
      'Schedule: the local runner knows rate(...) schedules only, not cron(0 1 * * ? *)',
    );
  });
});

describe('a rate', () => {
  it.each([
    ['rate(1 minute)', 60_000],
    ['rate(15 minutes)', 900_000],
    ['rate(2 hours)', 7_200_000],
    ['rate(1 day)', 86_400_000],
  ])('%s is %d ms', (expression, ms) => expect(parseRate(expression, 'S')).toBe(ms));

  it.each(['rate(0 minutes)', 'rate(1 week)', 'rate(minute)', 'at(2026-01-01T00:00:00)'])(
    '%s is refused',
    (expression) => expect(() => parseRate(expression, 'S')).toThrow(/^S: /),
  );
});

describe('the timers of schedules', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  const document = (statement: object): object => ({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', ...statement }],
  });
  const role: Role = {
    logicalId: 'R',
    name: 'R',
    arn: 'arn:aws:iam::111122223333:role/R',
    id: 'AROA',
    policies: [parsePolicy(document({ Action: 'lambda:InvokeFunction', Resource: '*' }), 'R')],
    trust: parsePolicy(
      document({ Action: 'sts:AssumeRole', Principal: { Service: 'scheduler.amazonaws.com' } }),
      'R',
      'trust',
    ),
  };
  const everyMinute: Schedule = {
    logicalId: 'S',
    arn: 'arn:aws:scheduler:us-east-1:111122223333:schedule/default/S',
    periodMs: 60_000,
    isEnabled: true,
    targetArn: 'arn:aws:lambda:us-east-1:111122223333:function:F',
    role,
    input: {},
    retries: 2,
  };
  const placement = { region: 'us-east-1', account: '111122223333' };
  const failure = { ok: false as const, error: { errorType: 'E', errorMessage: 'no', trace: [] } };

  it('run it once per period until they are closed', async () => {
    vi.useFakeTimers();
    const invoke = vi.fn(async () => ({ ok: true as const, payload: '' }));
    const schedules = new Schedules([everyMinute, { ...everyMinute, isEnabled: false }], {
      ...placement,
      invoke,
      onFailure: vi.fn(),
    });
    schedules.start();
    await vi.advanceTimersByTimeAsync(180_000);
    expect(invoke).toHaveBeenCalledTimes(3);
    schedules.close();
    await vi.advanceTimersByTimeAsync(180_000);
    expect(invoke).toHaveBeenCalledTimes(3);
  });

  it('try a failed run again as often as the retry policy says, and then tell', async () => {
    vi.useFakeTimers();
    const invoke = vi.fn(async () => failure);
    const onFailure = vi.fn();
    const schedules = new Schedules([everyMinute], { ...placement, invoke, onFailure });
    schedules.start();
    await vi.advanceTimersByTimeAsync(70_000);
    schedules.close();
    expect(invoke).toHaveBeenCalledTimes(3);
    expect(onFailure).toHaveBeenCalledExactlyOnceWith(everyMinute, 'E: no');
  });
});

describe('a deploy-time trigger', () => {
  const trigger = (providerStatements: readonly object[], code: string): Fixture => ({
    functions: {
      F: { code },
      Provider: { code: 'throw new Error("the provider itself is not run");', statements: providerStatements },
    },
    resources: {
      FVersion: { Type: 'AWS::Lambda::Version', Properties: { FunctionName: { Ref: 'F' } } },
      Trigger: {
        Type: 'Custom::Trigger',
        Properties: {
          ServiceToken: { 'Fn::GetAtt': ['Provider', 'Arn'] },
          HandlerArn: { Ref: 'FVersion' },
          InvocationType: 'RequestResponse',
        },
      },
    },
  });
  const versions = { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: { 'Fn::Sub': '${F.Arn}:*' } };

  it('runs its function once, with an empty event, before the start is over', async () => {
    const marker = join(temporaryDirectory(), 'marker');
    const code = `import { appendFileSync } from 'node:fs';
      export const handler = async (event, context) =>
        appendFileSync(${JSON.stringify(marker)}, JSON.stringify([event, context.invokedFunctionArn.split(':').at(-1)]));`;
    await startFixture(trigger([versions], code));
    expect(existsSync(marker)).toBe(true);
    expect(JSON.parse(readFileSync(marker, 'utf8'))).toEqual([{}, '1']);
  });

  it('fails the start in one line when its function fails', async () => {
    const code = 'export const handler = async () => { throw new TypeError("no keys"); };';
    await expect(startFixture(trigger([versions], code))).rejects.toThrow(
      'the deploy-time trigger Trigger failed: TypeError: no keys',
    );
  });

  it('fails the start when its provider may not invoke the function', async () => {
    const code = 'export const handler = async () => 1;';
    await expect(startFixture(trigger([], code))).rejects.toThrow(
      /^Trigger: .*not authorized to perform: lambda:InvokeFunction/,
    );
  });
});
