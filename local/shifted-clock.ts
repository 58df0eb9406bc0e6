/**
 * The time of day in a process whose service is to believe that it is another one: `Date` is ahead of, or behind, the machine's clock, and
 * goes on as that does. Timers, and what measures how long things take, are left as they are.
 */

/**
 * Shifts `Date` for all code of this process, for good. Whoever has kept a `Date` of before keeps the machine's time.
 * @param shiftMs milliseconds to be ahead; negative: behind.
 */
export function shiftClock(shiftMs: number): void {
  const machine = Date;
  const now = (): number => machine.now() + shiftMs;
  globalThis.Date = new Proxy(machine, {
    construct: (target, args, made) => Reflect.construct(target, args.length === 0 ? [now()] : args, made),
    // Called as a function it says the time, whatever it is given.
    apply: () => new machine(now()).toString(),
    get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
  });
  // `new date.constructor()` is the time as well.
  Object.defineProperty(machine.prototype, 'constructor', { value: globalThis.Date });
}
