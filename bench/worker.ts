/**
 * A worker process: runs one workload and tells the CPU time that it took. Nothing else happens in this process, so its
 * CPU time is that of the workload. Ends with its parent.
 */

import type { Assignment, WorkerAnswer, WorkerRequest, Workload } from './worker-protocol.ts';

async function load(assignment: Assignment): Promise<Workload> {
  switch (assignment.workload) {
    case 'function':
      return (await import('./workloads/function.ts')).start(assignment);
    case 'aws-calls':
      return (await import('./workloads/aws-calls.ts')).start(assignment);
    case 'bare-issue':
      return (await import('./workloads/bare-issue.ts')).start(assignment);
    case 'oidc-provider':
      return (await import('./workloads/oidc-provider.ts')).start(assignment);
    case 'bare-verify':
      return (await import('./workloads/bare-verify.ts')).start(assignment);
    case 'aws-jwt-verify':
      return (await import('./workloads/aws-jwt-verify.ts')).start(assignment);
  }
}

let workload: Workload = {};

const cpuMicroseconds = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** One after the other, as a Lambda instance gets its events. */
async function run(inputs: readonly string[]): Promise<WorkerAnswer> {
  const { operate } = workload;
  if (operate === undefined) throw new Error('this workload is a server');
  const before = cpuMicroseconds();
  for (const input of inputs) await operate(input);
  return { kind: 'sample', sample: { operations: inputs.length, microseconds: cpuMicroseconds() - before } };
}

async function answer(request: WorkerRequest): Promise<WorkerAnswer> {
  switch (request.kind) {
    case 'start':
      workload = await load(request.assignment);
      return { kind: 'started', origin: workload.origin };
    case 'run':
      return run(request.inputs);
    case 'cpu':
      return { kind: 'cpu', cpuMicroseconds: cpuMicroseconds() };
  }
}

process.once('disconnect', () => process.exit(0));
process.on('message', async (request: WorkerRequest) => {
  try {
    process.send?.(await answer(request));
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.send?.({ kind: 'failed', message } satisfies WorkerAnswer);
  }
});
