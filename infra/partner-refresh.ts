/**
 * What runs the function that fetches the documents of partners. It looks at those alone whose time has come, and which these are
 * stands in the registry, so late, repeated and concurrent runs are harmless.
 */
import { Duration } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { ScheduledFunction } from './scheduled-function.ts';

/** Longest run of the refresh function: partners answer slowly, and there may be many. */
export const REFRESH_TIMEOUT = Duration.minutes(2);

export class PartnerRefresh extends ScheduledFunction {
  run(target: lambda.Function): void {
    this.schedule(target, {
      description: 'Fetches the documents of partners that are due',
      interval: Duration.minutes(5),
      input: {},
    });
  }
}
