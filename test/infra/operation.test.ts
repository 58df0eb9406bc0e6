import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deploy, ofType, plain, resourceNamed, resourcesOf } from './deployment.ts';

const stack = deploy();
stack.service.authorizer({ id: 'Billing', audience: 'https://billing.example.com' });
const resources = resourcesOf(stack);
const named = (name: string) => resourceNamed(resources, name);

describe('key rotation', () => {
  it('runs one step every quarter of an hour and keeps what could not be delivered', () => {
    expect(named('ServiceKeyRotationSchedule')).toMatchObject({
      ScheduleExpression: 'rate(15 minutes)',
      State: 'ENABLED',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: '<ServiceRotateKeysFunction.Arn>',
        RoleArn: '<ServiceKeyRotationSchedulerRole.Arn>',
        Input: '{"run":"one-step"}',
        RetryPolicy: { MaximumEventAgeInSeconds: 900, MaximumRetryAttempts: 3 },
        DeadLetterConfig: { Arn: '<ServiceKeyRotationDeadLetters.Arn>' },
      },
    });
  });

  it('has a run that fails inside the function repeated twice and then kept, before the next run is due', () => {
    expect(named('ServiceKeyRotationRetries')).toMatchObject({
      FunctionName: '<ServiceRotateKeysFunction>',
      Qualifier: '$LATEST',
      MaximumRetryAttempts: 2,
      MaximumEventAgeInSeconds: 900,
      DestinationConfig: { OnFailure: { Destination: '<ServiceKeyRotationDeadLetters.Arn>' } },
    });
  });

  it('encrypts the dead letters and takes them over TLS only', () => {
    expect(named('ServiceKeyRotationDeadLetters')).toMatchObject({ SqsManagedSseEnabled: true });
    expect(named('ServiceKeyRotationDeadLettersPolicy')).toMatchObject({
      PolicyDocument: { Statement: [{ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }] },
    });
  });

  it('runs at every deployment that changes the function, after the table and the permissions are there', () => {
    const [trigger, ...others] = ofType(resources, 'Custom::Trigger');

    expect(others).toEqual([]);
    expect(plain(trigger?.properties)).toMatchObject({
      HandlerArn: expect.stringMatching(/^<ServiceRotateKeysFunctionCurrentVersion/),
      InvocationType: 'RequestResponse',
      ExecuteOnHandlerChange: true,
    });
    expect(trigger?.dependsOn).toEqual(
      expect.arrayContaining(['ServiceRegistry', 'ServiceRotateKeysRole', 'ServiceRotateKeysFunction']),
    );
  });
});

describe('refresh of partners', () => {
  it('runs every five minutes and keeps what could not be delivered', () => {
    expect(named('ServicePartnerRefreshSchedule')).toMatchObject({
      ScheduleExpression: 'rate(5 minutes)',
      State: 'ENABLED',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: '<ServiceRefreshPartnersFunction.Arn>',
        RoleArn: '<ServicePartnerRefreshSchedulerRole.Arn>',
        Input: '{}',
        RetryPolicy: { MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 3 },
        DeadLetterConfig: { Arn: '<ServicePartnerRefreshDeadLetters.Arn>' },
      },
    });
  });

  it('has a run that fails inside the function repeated twice and then kept', () => {
    expect(named('ServicePartnerRefreshRetries')).toMatchObject({
      FunctionName: '<ServiceRefreshPartnersFunction>',
      Qualifier: '$LATEST',
      MaximumRetryAttempts: 2,
      MaximumEventAgeInSeconds: 300,
      DestinationConfig: { OnFailure: { Destination: '<ServicePartnerRefreshDeadLetters.Arn>' } },
    });
    expect(named('ServicePartnerRefreshDeadLetters')).toMatchObject({ SqsManagedSseEnabled: true });
  });
});

describe('alarms', () => {
  const alarms = ofType(resources, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties);
  const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');

  it('watches what would stop tokens', () => {
    expect(alarms.map(({ AlarmName }) => AlarmName)).toEqual([
      'Countersign/Service/TokenErrors',
      'Countersign/Service/TokenThrottles',
      'Countersign/Service/RotationErrors',
      'Countersign/Service/RotationStopped',
      'Countersign/Service/RotationDeadLetters',
      'Countersign/Service/CertificateExpiring',
      'Countersign/Service/PartnerRefreshFailed',
      'Countersign/Service/PartnerRefreshDeadLetters',
      'Countersign/Service/ServerErrors',
      'Countersign/Service/Authorizers/Billing/AuthorizerFailures',
    ]);
  });

  it.each(alarms.map((alarm) => [String(alarm.AlarmName).split('/').at(-1), alarm] as const))(
    '%s says what is wrong and has a chapter in the runbook',
    (name, alarm) => {
      expect(alarm.AlarmDescription).toMatch(new RegExp(`^[A-Z].{20,}\\. See ${name} in docs/runbook\\.md\\.$`));
      expect(runbook).toMatch(
        new RegExp(`^## ${name}\n\n(?:.|\n)*?\\*\\*What it means\\.\\*\\*(?:.|\n)*?\\*\\*What to do\\.\\*\\*`, 'm'),
      );
      expect(alarm.TreatMissingData).toBe(name === 'RotationStopped' ? 'breaching' : 'notBreaching');
    },
  );

  it('looks each day at the certificate that expires first, as the functions report it', () => {
    const { Variables: environment } = named('ServiceRotateKeysFunction').Environment as {
      Variables: Record<string, string>;
    };
    expect(alarms.find(({ AlarmName }) => String(AlarmName).endsWith('/CertificateExpiring'))).toMatchObject({
      MetricName: 'CertificateDaysLeft',
      Namespace: environment.POWERTOOLS_METRICS_NAMESPACE,
      Dimensions: [{ Name: 'service', Value: environment.POWERTOOLS_SERVICE_NAME }],
      Statistic: 'Minimum',
      Period: 86_400,
      EvaluationPeriods: 1,
      ComparisonOperator: 'LessThanOrEqualToThreshold',
      Threshold: 30,
    });
  });

  it('counts over a day the documents of partners that failed, as the function reports them', () => {
    expect(alarms.find(({ AlarmName }) => String(AlarmName).endsWith('/PartnerRefreshFailed'))).toMatchObject({
      MetricName: 'PartnerRefreshFailures',
      Namespace: 'Countersign',
      Dimensions: [{ Name: 'service', Value: 'countersign' }],
      Statistic: 'Sum',
      Period: 86_400,
      EvaluationPeriods: 1,
    });
  });

  it('rings at the errors that wake somebody, and at silence where there should be none', () => {
    const bounds = alarms.map(({ AlarmName, ComparisonOperator, Threshold }) => [
      String(AlarmName).split('/').at(-1),
      ComparisonOperator,
      Threshold,
    ]);
    const reaching = 'GreaterThanOrEqualToThreshold';

    expect(bounds).toEqual([
      ['TokenErrors', reaching, 1],
      ['TokenThrottles', reaching, 1],
      ['RotationErrors', reaching, 2],
      ['RotationStopped', 'LessThanThreshold', 1],
      ['RotationDeadLetters', reaching, 1],
      ['CertificateExpiring', 'LessThanOrEqualToThreshold', 30],
      ['PartnerRefreshFailed', reaching, 1],
      ['PartnerRefreshDeadLetters', reaching, 1],
      ['ServerErrors', reaching, 5],
      ['AuthorizerFailures', reaching, 1],
    ]);
  });

  it('has no chapter for an alarm that does not exist', () => {
    const chapters = [...runbook.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);

    expect(chapters).toEqual(alarms.map(({ AlarmName }) => String(AlarmName).split('/').at(-1)));
  });

  it('can be given actions', () => {
    expect(stack.service.alarms).toHaveLength(alarms.length);
  });
});
