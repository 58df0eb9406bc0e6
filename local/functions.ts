/**
 * The Lambda service of the local deployment: functions by name, each with a pool of instances that are
 * started on demand, reused while warm, and limited in number; what exceeds the limit waits its turn.
 */

import { randomUUID } from 'node:crypto';
import { FunctionInstance } from './function-instance.ts';
import type { InvocationResult } from './instance-protocol.ts';
import type { Json } from './service.ts';
import { StartError } from './start-error.ts';
import { functionName } from './template/resource-types.ts';

/** Lambda's limit on a synchronous request, 6 MB (Lambda developer guide, "Lambda quotas"). */
const MAX_REQUEST_BYTES = 6 * 1024 * 1024;

/** A function as the template declares it. */
export interface FunctionSpec {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly directory: string;
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly memoryMegabytes: number;
  readonly timeoutSeconds: number;
  readonly logGroup: string;
  /** ARN of the execution role. */
  readonly roleArn: string;
}

export interface FunctionsOptions {
  /** Most instances of one function at the same time. */
  readonly maxInstances: number;
  /** How far their clocks are ahead of the machine's, in milliseconds. @default 0 */
  readonly clockShiftMs?: number;
  /** Called with each line that a function writes. */
  readonly observeLog: (functionName: string, line: string) => void;
}

export class Functions {
  readonly #pools = new Map<string, FunctionPool>();

  /** @throws StartError when two have one name. */
  constructor(specs: readonly FunctionSpec[], options: FunctionsOptions) {
    for (const spec of specs) {
      if (this.#pools.has(spec.name)) throw new StartError(`${spec.logicalId}: a function ${spec.name} exists already`);
      this.#pools.set(spec.name, new FunctionPool(spec, options));
    }
  }

  get specs(): readonly FunctionSpec[] {
    return [...this.#pools.values()].map((pool) => pool.spec);
  }

  /** The function with this name, ARN, or ARN with a version. */
  find(nameOrArn: string): FunctionSpec | undefined {
    return this.#pools.get(functionName(nameOrArn))?.spec;
  }

  /** Invokes a function and waits for its answer. An unknown function is an error result, as from Lambda. */
  invoke(nameOrArn: string, event: Json): Promise<InvocationResult> {
    const pool = this.#pools.get(functionName(nameOrArn));
    if (pool !== undefined) return pool.invoke(nameOrArn, JSON.stringify(event));
    return refused('ResourceNotFoundException', `Function not found: ${nameOrArn}`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }
}

class FunctionPool {
  readonly spec: FunctionSpec;
  readonly #options: FunctionsOptions;
  readonly #instances = new Set<FunctionInstance>();
  readonly #idle: FunctionInstance[] = [];
  readonly #waiting: (() => void)[] = [];
  #closed = false;

  constructor(spec: FunctionSpec, options: FunctionsOptions) {
    this.spec = spec;
    this.#options = options;
  }

  async invoke(nameOrArn: string, event: string): Promise<InvocationResult> {
    if (Buffer.byteLength(event) > MAX_REQUEST_BYTES)
      return refused('RequestTooLargeException', `Request must be smaller than ${MAX_REQUEST_BYTES} bytes`);
    const instance = await this.#acquire();
    if (instance === undefined) return refused('ServiceException', 'the local deployment is stopping');
    try {
      return await instance.invoke(
        { requestId: randomUUID(), event, context: this.#context(nameOrArn) },
        this.spec.timeoutSeconds,
      );
    } finally {
      this.#release(instance);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#instances].map((instance) => instance.close()));
    for (const proceed of this.#waiting.splice(0)) proceed();
  }

  /** A warm instance, a new one, or, at the limit, the next that becomes free. Undefined once closed. */
  async #acquire(): Promise<FunctionInstance | undefined> {
    for (;;) {
      if (this.#closed) return undefined;
      const warm = this.#idle.pop();
      if (warm?.isAlive) return warm;
      if (warm !== undefined) {
        this.#instances.delete(warm);
        continue;
      }
      if (this.#instances.size < this.#options.maxInstances) return this.#start();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #start(): FunctionInstance {
    const { name, directory, handler, environment } = this.spec;
    const { observeLog, clockShiftMs = 0 } = this.#options;
    const onLine = (line: string): void => observeLog(name, line);
    const instance = new FunctionInstance({ directory, handler, environment, clockShiftMs, onLine });
    this.#instances.add(instance);
    return instance;
  }

  #release(instance: FunctionInstance): void {
    if (instance.isAlive) this.#idle.push(instance);
    else this.#instances.delete(instance);
    this.#waiting.shift()?.();
  }

  #context(nameOrArn: string) {
    const { name, arn, memoryMegabytes, logGroup } = this.spec;
    const version = nameOrArn.split(':')[7] ?? '$LATEST';
    return {
      functionName: name,
      functionVersion: version,
      invokedFunctionArn: version === '$LATEST' ? arn : nameOrArn,
      memoryLimitInMB: String(memoryMegabytes),
      logGroupName: logGroup,
      logStreamName: `local/[${version}]`,
    };
  }
}

const refused = async (errorType: string, errorMessage: string): Promise<InvocationResult> => ({
  ok: false,
  error: { errorType, errorMessage, trace: [] },
});
