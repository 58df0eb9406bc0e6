/**
 * A run of code of ours that stops at every call to the outside, so that whoever drives it decides what else happens first,
 * and whether the call fails, is done but never answered, or is the last thing the run ever does.
 */

import { Outage } from '../../functions/ports.ts';

/** What befalls a run at its call number `at`: an error that it may go on from, or its end. */
export interface Fate {
  readonly kind: 'outage' | 'crash';
  readonly at: number;
  readonly when: 'before' | 'after';
}

export interface ProcessOptions {
  readonly name: string;
  /** Seconds after which it is killed, as Lambda kills a function that takes too long. */
  readonly lifeSeconds: number;
  readonly startedAt: number;
  readonly fate?: Fate | undefined;
  /** Answers take their time too: it also stops between a call and its answer. */
  readonly hasSlowAnswers?: boolean;
}

class Crash extends Error {}

export class Process {
  readonly name: string;
  readonly startedAt: number;
  readonly endsAt: number;
  /** What it threw, if that is none of what was done to it. */
  fault: unknown;
  isDone = false;
  readonly #options: ProcessOptions;
  #isDead = false;
  #calls = 0;
  #resume: (() => void) | undefined;
  #stopped: (() => void) | undefined;

  private constructor(options: ProcessOptions) {
    this.#options = options;
    this.name = options.name;
    this.startedAt = options.startedAt;
    this.endsAt = options.startedAt + options.lifeSeconds;
  }

  /** Runs `body` to its first call. */
  static async start(options: ProcessOptions, body: (process: Process) => Promise<unknown>): Promise<Process> {
    const process = new Process(options);
    await process.#goOn(() => {
      body(process)
        .catch((error: unknown) => {
          if (!(error instanceof Crash) && !(error instanceof Outage)) process.fault = error;
        })
        .finally(() => {
          process.isDone = true;
          process.#stopped?.();
        });
    });
    return process;
  }

  /** A call to the outside; `effect` is what it does there, at one moment. */
  async call<Value>(effect: () => Value): Promise<Value> {
    await this.#stop();
    this.#calls += 1;
    const fate = this.#options.fate?.at === this.#calls ? this.#options.fate : undefined;
    if (fate?.when === 'before') this.#suffer(fate);
    const value = effect();
    if (fate?.when === 'after') this.#suffer(fate);
    if (this.#options.hasSlowAnswers === true) await this.#stop();
    return value;
  }

  /** Does the call that it stands before, and runs to the next. */
  async advance(): Promise<void> {
    const resume = this.#resume;
    if (resume === undefined) return;
    this.#resume = undefined;
    await this.#goOn(resume);
  }

  async finish(): Promise<void> {
    while (!this.isDone) await this.advance();
  }

  /** Nothing that it wanted to do happens any more. */
  async kill(): Promise<void> {
    this.#isDead = true;
    await this.finish();
  }

  get wasKilled(): boolean {
    return this.#isDead;
  }

  get hasFate(): boolean {
    return this.#options.fate !== undefined;
  }

  async #stop(): Promise<void> {
    if (!this.#isDead) {
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
        this.#stopped?.();
      });
    }
    if (this.#isDead) throw new Crash();
  }

  #suffer({ kind, when }: Fate): never {
    if (kind === 'outage') throw new Outage('test:Call', new Error(`no answer ${when} the call`));
    this.#isDead = true;
    throw new Crash();
  }

  #goOn(start: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#stopped = resolve;
      start();
    });
  }
}
