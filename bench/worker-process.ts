/**
 * A worker seen from outside: starts the process, asks, waits for the answer for a bounded time, and ends it.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Sample } from './rounds.ts';
import type { Assignment, WorkerAnswer, WorkerRequest } from './worker-protocol.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));

/** A turn takes a second or two; nothing may hang for ever. */
const ANSWER_WITHIN_MS = 60_000;

export interface WorkerSettings {
  /** The whole environment; nothing is inherited. @default - production mode and nothing else */
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
}

export class WorkerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  #errors = '';
  #origin: string | undefined;

  /** @throws Error when the workload does not start. */
  static async start(assignment: Assignment, settings: WorkerSettings = {}): Promise<WorkerProcess> {
    const worker = new WorkerProcess(settings);
    try {
      const answer = await worker.#ask({ kind: 'start', assignment });
      if (answer.kind === 'started') worker.#origin = answer.origin;
      return worker;
    } catch (error) {
      await worker[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor({ environment = { NODE_ENV: 'production' }, directory }: WorkerSettings) {
    this.#child = fork(WORKER, {
      env: { ...environment },
      execArgv: [],
      // Log lines are formatted and written, as in production, but nobody reads them: reading would take the other core.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
      ...(directory === undefined ? {} : { cwd: directory }),
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
  }

  /** Base URL of a workload that is a server. @throws Error when it is none. */
  get origin(): string {
    if (this.#origin === undefined) throw new Error('this workload is no server');
    return this.#origin;
  }

  /** Does the work once for each input. */
  async run(inputs: readonly string[]): Promise<Sample> {
    const answer = await this.#ask({ kind: 'run', inputs });
    if (answer.kind !== 'sample') throw new Error(`the worker answered ${answer.kind}`);
    return answer.sample;
  }

  /** The CPU time that the process has taken so far. */
  async cpuMicroseconds(): Promise<number> {
    const answer = await this.#ask({ kind: 'cpu' });
    if (answer.kind !== 'cpu') throw new Error(`the worker answered ${answer.kind}`);
    return answer.cpuMicroseconds;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  async #ask(request: WorkerRequest): Promise<Exclude<WorkerAnswer, { kind: 'failed' }>> {
    const { promise, resolve, reject } = Promise.withResolvers<WorkerAnswer>();
    const timer = setTimeout(() => reject(new Error('a worker did not answer in time')), ANSWER_WITHIN_MS);
    const gone = (code: number | null, signal: string | null): void =>
      reject(new Error(`a worker ended (${code ?? signal}): ${this.#errors}`));
    this.#child.once('message', resolve).once('exit', gone);
    try {
      this.#child.send(request);
      const answer = await promise;
      if (answer.kind === 'failed') throw new Error(`a worker failed: ${answer.message}`);
      return answer;
    } finally {
      clearTimeout(timer);
      this.#child.off('message', resolve).off('exit', gone);
    }
  }
}
