/**
 * What runs the rotation function: once at every deployment that changes it, which makes the first keys, and then on a
 * schedule. The engine is idempotent, so late, repeated and concurrent runs are harmless.
 */
import { Duration } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Trigger } from 'aws-cdk-lib/triggers';
import type { Construct, IDependable } from 'constructs';
import type { RotationRun } from '../functions/config.ts';
import { ScheduledFunction } from './scheduled-function.ts';

/** Longest run of the rotation function: a deployment makes a key for every ring, and KMS takes its time over each. */
export const ROTATION_TIMEOUT = Duration.minutes(2);

const INTERVAL = Duration.minutes(15);

/** The trigger calls with an event of its own, which has no `run`: the function then runs until all is settled. */
const SCHEDULED_RUN: { readonly run: RotationRun } = { run: 'one-step' };

export class KeyRotation extends ScheduledFunction {
  /**
   * @param after what has to exist before the first run.
   * @returns the first run: what depends on it finds the key rings made.
   */
  run(target: lambda.Function, after: Construct[]): IDependable {
    this.schedule(target, {
      description: 'One step of signing key rotation, if one is due',
      interval: INTERVAL,
      input: SCHEDULED_RUN,
    });
    const timeout = ROTATION_TIMEOUT.plus(Duration.seconds(30));
    return new Trigger(this, 'AtDeployment', { handler: target, timeout, executeAfter: after });
  }
}
