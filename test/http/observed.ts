/** A function's observability with what it writes kept: everything that would reach CloudWatch, logs and metrics alike. */

import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import type { Context } from 'aws-lambda';
import { type MockInstance, vi } from 'vitest';
import type { Observability } from '../../functions/http/observability.ts';

export interface Observed {
  readonly seen: Observability;
  /** All that was written, as text. */
  text(): string;
  /** The log lines, parsed; metrics (EMF) are left out. */
  lines(): Record<string, unknown>[];
  /** Sum of every metric by its name. */
  metrics(): Record<string, number>;
}

/** Both write to consoles of their own on the process's streams, so that is where the net is. */
export const observe = (): Observed => {
  const written: string[] = [];
  const catchAll = (chunk: unknown): boolean => {
    written.push(String(chunk));
    return true;
  };
  const nets: MockInstance[] = [
    vi.spyOn(process.stdout, 'write').mockImplementation(catchAll),
    vi.spyOn(process.stderr, 'write').mockImplementation(catchAll),
  ];
  for (const net of nets) net.mockClear();
  const entries = (): Record<string, unknown>[] =>
    written
      .join('')
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    seen: {
      logger: new Logger({ serviceName: 'test' }),
      metrics: new Metrics({ namespace: 'test', serviceName: 'test' }),
    },
    text: () => written.join(''),
    lines: () => entries().filter((entry) => entry._aws === undefined),
    metrics: () => {
      const sums: Record<string, number> = {};
      for (const entry of entries().filter(({ _aws }) => _aws !== undefined)) {
        for (const [name, value] of Object.entries(entry)) {
          for (const number of Array.isArray(value) ? value : [value]) {
            if (typeof number === 'number') sums[name] = (sums[name] ?? 0) + number;
          }
        }
      }
      return sums;
    },
  };
};

export const lambdaContext = (remainingMs = 10_000): Context => ({
  callbackWaitsForEmptyEventLoop: false,
  functionName: 'token',
  functionVersion: '$LATEST',
  invokedFunctionArn: 'arn:aws:lambda:eu-central-1:111122223333:function:token',
  memoryLimitInMB: '512',
  awsRequestId: 'invocation-1',
  logGroupName: 'group',
  logStreamName: 'stream',
  getRemainingTimeInMillis: () => remainingMs,
  done: () => undefined,
  fail: () => undefined,
  succeed: () => undefined,
});
