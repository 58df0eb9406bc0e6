/**
 * Seconds that pass by a test's word, for services that do real work over HTTP: time stands still while any of that is under way,
 * and goes on to whatever is due next when everybody waits. No test sleeps, and none depends on how fast the machine is.
 */

import { setImmediate as turn } from 'node:timers/promises';

export interface PacedTime {
  /** Seconds since the start. */
  readonly elapsed: () => number;
  /** Counts as work: no time passes until it has ended. */
  during<T>(work: () => Promise<T>): Promise<T>;
  /** Within `during`: work that may itself wait for time to pass. */
  apart<T>(work: () => Promise<T>): Promise<T>;
  /** For whom is to wait so many seconds. */
  wait(seconds: number): Promise<void>;
  /** Does something when that moment comes, before time goes on. */
  at(seconds: number, event: () => void | Promise<void>): void;
  /** Lets so much time pass. */
  pass(seconds: number): Promise<void>;
  /** Lets as much time pass as the work waits for. */
  settle<T>(work: Promise<T>): Promise<T>;
}

interface Due {
  readonly at: number;
  readonly happen: () => void | Promise<void>;
}

/** Enough for promises that wait for one another to get where they wait for work or time. */
const TURNS = 3;

export const createPacedTime = (): PacedTime => {
  let elapsed = 0;
  let busy = 0;
  let idle = Promise.withResolvers<void>();
  let due: Due[] = [];

  const count = (change: 1 | -1): void => {
    busy += change;
    if (busy === 0) idle.resolve();
    else if (busy === 1 && change === 1) idle = Promise.withResolvers();
  };
  const counted = async <T>(change: 1 | -1, work: () => Promise<T>): Promise<T> => {
    count(change);
    try {
      return await work();
    } finally {
      count(change === 1 ? -1 : 1);
    }
  };
  const rest = async (): Promise<void> => {
    do {
      if (busy > 0) await idle.promise;
      for (let each = 0; each < TURNS; each += 1) await turn();
    } while (busy > 0);
  };
  const next = (): Due | undefined => due.toSorted((one, other) => one.at - other.at)[0];
  const reach = async (moment: Due): Promise<void> => {
    due = due.filter((each) => each !== moment);
    elapsed = Math.max(elapsed, moment.at);
    await moment.happen();
    await rest();
  };
  const at: PacedTime['at'] = (seconds, happen) => void due.push({ at: seconds, happen });

  return {
    elapsed: () => elapsed,
    during: (work) => counted(1, work),
    apart: (work) => counted(-1, work),
    wait: (seconds) => new Promise((resolve) => at(elapsed + seconds, resolve)),
    at,
    async pass(seconds) {
      const end = elapsed + seconds;
      await rest();
      for (let moment = next(); moment !== undefined && moment.at <= end; moment = next()) await reach(moment);
      elapsed = Math.max(elapsed, end);
    },
    async settle(work) {
      let isOver = false;
      const over = () => {
        isOver = true;
      };
      work.then(over, over);
      for (await rest(); !isOver; await rest()) {
        const moment = next();
        if (moment !== undefined) await reach(moment);
      }
      return work;
    },
  };
};
