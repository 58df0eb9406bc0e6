/**
 * A deployed function: the bundled handler from the synthesized assembly, in its own environment, called as Lambda's Node.js
 * runtime calls it, from JSON text to JSON text.
 */

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Assignment, Workload } from '../worker-protocol.ts';

type Handler = (event: unknown, context: object) => Promise<{ statusCode?: number; isAuthorized?: boolean }>;

export async function start(assignment: Assignment & { workload: 'function' }): Promise<Workload> {
  const { handler } = (await import(pathToFileURL(join(assignment.directory, 'index.mjs')).href)) as {
    handler: Handler;
  };
  return {
    operate: async (event) => {
      const answer = await handler(JSON.parse(event), invocationContext(assignment.memoryMegabytes));
      if (answer.statusCode !== 200 && answer.isAuthorized !== true) {
        throw new Error(`the function answered ${JSON.stringify(answer)}`);
      }
      return JSON.stringify(answer);
    },
  };
}

const TIMEOUT_MS = 10_000;

function invocationContext(memoryMegabytes: number): object {
  const deadline = Date.now() + TIMEOUT_MS;
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:us-east-1:111122223333:function:${process.env.AWS_LAMBDA_FUNCTION_NAME}`,
    memoryLimitInMB: String(memoryMegabytes),
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    awsRequestId: randomUUID(),
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}
