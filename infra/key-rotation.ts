/**
 * What runs the rotation function: once at every deployment that changes it, which makes the first keys, and then on a
 * schedule. The engine is idempotent, so late, repeated and concurrent runs are harmless. The queue exists before the function,
 * whose role is told of it; what runs the function is added after it.
 */
import { Aws, Duration, Stack, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Trigger } from 'aws-cdk-lib/triggers';
import { Construct } from 'constructs';
import type { RotationRun } from '../functions/config.ts';

/** Longest run of the rotation function: a deployment makes a key for every ring, and KMS takes its time over each. */
export const ROTATION_TIMEOUT = Duration.minutes(2);

const INTERVAL = Duration.minutes(15);

/** The trigger calls with an event of its own, which has no `run`: the function then runs until all is settled. */
const SCHEDULED_RUN: { readonly run: RotationRun } = { run: 'one-step' };

export class KeyRotation extends Construct {
  /** Scheduled runs that were given up: not handed to Lambda by EventBridge Scheduler, or failed with all their retries. */
  readonly deadLetters: sqs.Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.deadLetters = new sqs.Queue(this, 'DeadLetters', {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    Validations.of(this.deadLetters).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'This is the dead-letter queue, of a schedule; the rule only knows those of other queues.',
    });
  }

  /** @param after what has to exist before the first run. */
  run(target: lambda.Function, after: Construct[]): void {
    this.addSchedule(target);
    this.addRetries(target);
    this.addTrigger(target, after);
  }

  private addSchedule(target: lambda.Function): void {
    new scheduler.Schedule(this, 'Schedule', {
      description: 'One step of signing key rotation, if one is due',
      schedule: scheduler.ScheduleExpression.rate(INTERVAL),
      timeWindow: scheduler.TimeWindow.off(),
      target: new LambdaInvoke(target, {
        input: scheduler.ScheduleTargetInput.fromObject(SCHEDULED_RUN),
        // A run that could not be started by the time of the next one is not worth starting any more.
        maxEventAge: INTERVAL,
        retryAttempts: 3,
        deadLetterQueue: this.deadLetters,
        // The CDK would add every version of the function, by a wildcard, to what the role may invoke.
        role: this.schedulerRole(target).withoutPolicyUpdates(),
      }),
    });
  }

  /**
   * Scheduler hands a run over and is done: a run that fails inside the function is for Lambda to repeat. The destination is
   * named without the CDK's grant, which would allow more than sending; permissions.ts has what is needed.
   */
  private addRetries(target: lambda.Function): void {
    new lambda.EventInvokeConfig(this, 'Retries', {
      function: target,
      maxEventAge: INTERVAL,
      retryAttempts: 2,
      onFailure: { bind: () => ({ destination: this.deadLetters.queueArn }) },
    });
  }

  private schedulerRole(target: lambda.Function): iam.Role {
    const group = Stack.of(this).formatArn({
      service: 'scheduler',
      resource: 'schedule-group',
      resourceName: 'default',
    });
    return new iam.Role(this, 'SchedulerRole', {
      // Without the conditions, schedules of other accounts could borrow the role (confused deputy).
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID, 'aws:SourceArn': group } },
      }),
      inlinePolicies: {
        Calls: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({
              sid: 'Run',
              actions: ['lambda:InvokeFunction'],
              resources: [target.functionArn],
            }),
            new iam.PolicyStatement({
              sid: 'DeadLetters',
              actions: ['sqs:SendMessage'],
              resources: [this.deadLetters.queueArn],
            }),
          ],
        }),
      },
    });
  }

  private addTrigger(handler: lambda.Function, executeAfter: Construct[]): void {
    const timeout = ROTATION_TIMEOUT.plus(Duration.seconds(30));
    new Trigger(this, 'AtDeployment', { handler, timeout, executeAfter });
  }
}
