/**
 * A function that runs on a schedule: the schedule, the role it runs the function with, the repetition of runs that fail, and the
 * queue of those that were given up. The queue exists before the function, whose role is told of it; the schedule comes after.
 */
import { Aws, Duration, Stack, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface ScheduleProps {
  /** What one run does. */
  readonly description: string;
  /** Between the starts of two runs; a run that could not be started by the time of the next one is given up. */
  readonly interval: Duration;
  /** The event that the function gets. */
  readonly input: Readonly<Record<string, unknown>>;
}

export class ScheduledFunction extends Construct {
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

  /** Once for each scheduled function. */
  protected schedule(target: lambda.Function, { description, interval, input }: ScheduleProps): void {
    new scheduler.Schedule(this, 'Schedule', {
      description,
      schedule: scheduler.ScheduleExpression.rate(interval),
      timeWindow: scheduler.TimeWindow.off(),
      target: new LambdaInvoke(target, {
        input: scheduler.ScheduleTargetInput.fromObject(input),
        maxEventAge: interval,
        retryAttempts: 3,
        deadLetterQueue: this.deadLetters,
        // The CDK would add every version of the function, by a wildcard, to what the role may invoke.
        role: this.schedulerRole(target).withoutPolicyUpdates(),
      }),
    });
    this.addRetries(target, interval);
  }

  /**
   * Scheduler hands a run over and is done: a run that fails inside the function is for Lambda to repeat. The destination is
   * named without the CDK's grant, which would allow more than sending; permissions.ts has what is needed.
   */
  private addRetries(target: lambda.Function, maxEventAge: Duration): void {
    new lambda.EventInvokeConfig(this, 'Retries', {
      function: target,
      maxEventAge,
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
}
