/**
 * One execution environment of a function, seen from outside: a child process that handles one event at a time.
 * Knows the function's timeout; a process that overruns it or dies is gone for good, its owner starts another.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { FunctionError, InstanceMessage, InvocationResult, InvokeMessage } from './instance-protocol.ts';

const RUNTIME = fileURLToPath(new URL('./instance.ts', import.meta.url));

/** Lambda's limit on importing the handler (Lambda developer guide, "Lambda execution environment lifecycle"). */
const INIT_TIMEOUT_MS = 10_000;

export interface InstanceOptions {
  /** The asset directory; also the process's working directory. */
  readonly directory: string;
  /** e.g. `index.handler`. */
  readonly handler: string;
  /** The whole environment; nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  /** How far its clock is ahead of the machine's, in milliseconds. */
  readonly clockShiftMs: number;
  /** Called with each line that the function writes to stdout or stderr. */
  readonly onLine: (line: string) => void;
}

export class FunctionInstance {
  readonly #child: ChildProcess;
  readonly #ready: Promise<FunctionError | undefined>;
  readonly #gone: Promise<unknown>;
  #answer: ((result: InvocationResult) => void) | undefined;
  #requestId = '';
  #alive = true;

  constructor(options: InstanceOptions) {
    const { directory, handler, environment, clockShiftMs, onLine } = options;
    this.#child = fork(RUNTIME, [directory, handler, String(clockShiftMs)], {
      cwd: directory,
      env: { ...environment },
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      if (stream) createInterface({ input: stream }).on('line', onLine);
    this.#gone = once(this.#child, 'close').catch(() => undefined);
    this.#child.once('error', () => this.#end('Error: Runtime failed to start'));
    this.#child.once('exit', (code, signal) =>
      this.#end(`Error: Runtime exited with error: ${signal ? `signal: ${signal}` : `exit status ${code}`}`),
    );
    this.#ready = this.#initialize();
  }

  /** Whether it can take another event. */
  get isAlive(): boolean {
    return this.#alive;
  }

  /**
   * Handles one event; never rejects. The timeout counts from when the handler is loaded, as on Lambda.
   * The caller waits for the result before it sends another event.
   */
  async invoke(message: Omit<InvokeMessage, 'deadline'>, timeoutSeconds: number): Promise<InvocationResult> {
    this.#requestId = message.requestId;
    const problem = await this.#ready;
    if (problem !== undefined) return { ok: false, error: problem };
    const { promise, resolve } = Promise.withResolvers<InvocationResult>();
    this.#answer = resolve;
    if (!this.#alive) this.#end('Error: Runtime exited');
    const timer = setTimeout(() => this.#timeOut(timeoutSeconds), timeoutSeconds * 1000);
    if (this.#alive) this.#child.send({ ...message, deadline: Date.now() + timeoutSeconds * 1000 }, () => undefined);
    const result = await promise;
    clearTimeout(timer);
    return result;
  }

  /** Kills the process and waits until it is gone. */
  async close(): Promise<void> {
    this.#alive = false;
    this.#child.kill('SIGKILL');
    await this.#gone;
  }

  #initialize(): Promise<FunctionError | undefined> {
    const { promise, resolve } = Promise.withResolvers<FunctionError | undefined>();
    const timer = setTimeout(() => {
      resolve({
        errorType: 'Sandbox.Timedout',
        errorMessage: 'Error: Init phase timed out after 10.00 seconds',
        trace: [],
      });
      this.#kill();
    }, INIT_TIMEOUT_MS);
    const settle = (error: FunctionError | undefined): void => {
      clearTimeout(timer);
      resolve(error);
    };
    this.#child.on('message', (message: InstanceMessage) => {
      if (message.kind === 'ready') settle(undefined);
      else if (message.kind === 'init-error') {
        settle(message.error);
        this.#kill();
      } else this.#settle(message);
    });
    this.#child.once('exit', () => settle(exitError(this.#requestId, 'Error: Runtime exited during initialization')));
    return promise;
  }

  #settle(message: Extract<InstanceMessage, { requestId: string }>): void {
    // A late answer to an event that already timed out must not be taken for the answer to the next one.
    if (message.requestId !== this.#requestId) return;
    const result: InvocationResult =
      message.kind === 'result' ? { ok: true, payload: message.payload } : { ok: false, error: message.error };
    this.#answer?.(result);
    this.#answer = undefined;
  }

  #timeOut(timeoutSeconds: number): void {
    const errorMessage = `RequestId: ${this.#requestId} Error: Task timed out after ${timeoutSeconds.toFixed(2)} seconds`;
    this.#answer?.({ ok: false, error: { errorType: 'Sandbox.Timedout', errorMessage, trace: [] } });
    this.#answer = undefined;
    this.#kill();
  }

  #kill(): void {
    this.#alive = false;
    this.#child.kill('SIGKILL');
  }

  #end(reason: string): void {
    this.#alive = false;
    this.#answer?.({ ok: false, error: exitError(this.#requestId, reason) });
    this.#answer = undefined;
  }
}

const exitError = (requestId: string, reason: string): FunctionError => ({
  errorType: 'Runtime.ExitError',
  errorMessage: `RequestId: ${requestId} ${reason}`,
  trace: [],
});
