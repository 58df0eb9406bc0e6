/**
 * Lets one task through at a time, in order of arrival: what makes a transaction and a single write atomic with one another.
 */
export class Turnstile {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `task` when all earlier ones have settled; its failure is the caller's and stops nobody behind it. */
  pass<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
