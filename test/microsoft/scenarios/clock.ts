/** The time of one scenario, by which the service, the simulated servers and the resources of it all live. It goes on by itself. */

const DAY = 86_400;

export class Clock {
  #ahead = 0;

  /** Epoch seconds. */
  readonly now = (): number => Math.floor(Date.now() / 1_000) + this.#ahead;

  /** @param at epoch seconds. */
  moveTo(at: number): void {
    this.#ahead += at - this.now();
  }
}

/**
 * When both sides change their certificates, and what is done around that: near enough for a token about a user of five minutes from before
 * to be shown afterwards, far enough for a slow machine.
 */
export const rollOf = (start: number) => {
  const effectiveAt = start + 4 * DAY;
  return { effectiveAt, before: effectiveAt - 240, during: effectiveAt + 30, after: effectiveAt + 4 * DAY };
};
