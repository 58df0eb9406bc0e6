/**
 * One step of the doctor: what was looked at, what was found, and what to do where it is not as it should be.
 */

export type StepOutcome = 'ok' | 'warning' | 'failed' | 'skipped';

export interface Step {
  readonly name: string;
  readonly outcome: StepOutcome;
  readonly finding: string;
  /** There for all but `ok`. */
  readonly remedy?: string;
}

export const ok = (name: string, finding: string): Step => ({ name, outcome: 'ok', finding });
export const warning = (name: string, finding: string, remedy: string): Step => ({
  name,
  outcome: 'warning',
  finding,
  remedy,
});
export const failed = (name: string, finding: string, remedy: string): Step => ({
  name,
  outcome: 'failed',
  finding,
  remedy,
});
export const skipped = (name: string, finding: string, remedy: string): Step => ({
  name,
  outcome: 'skipped',
  finding,
  remedy,
});

const DAY_MS = 86_400_000;

/** Whole days until a time, negative once it is past; `undefined` for what is no time. */
export function daysLeft(time: string, nowMs: number): number | undefined {
  const end = Date.parse(time);
  return Number.isNaN(end) ? undefined : Math.floor((end - nowMs) / DAY_MS);
}

/** Of certificates, as Microsoft's own monitor of the Exchange certificate counts them. */
export const SOON_DAYS = 60;
