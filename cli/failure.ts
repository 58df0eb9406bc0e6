/**
 * Why the command could not do what it was asked to, and the exit code that says so to scripts.
 * Messages are one line for the terminal and never hold key material, tokens or credentials.
 */

/** 0 done; 1 refused or failed by the service or a check; 2 wrong usage; 3 the service cannot be reached. */
export type ExitCode = 0 | 1 | 2 | 3;

export class Failure extends Error {
  readonly exitCode: Exclude<ExitCode, 0>;

  constructor(exitCode: Exclude<ExitCode, 0>, message: string) {
    super(message);
    this.name = 'Failure';
    this.exitCode = exitCode;
  }
}

/** The service said no, or what it said does not hold. */
export const refused = (message: string): Failure => new Failure(1, message);

/** The command line, a file that it names or the environment is wrong; nothing was sent. */
export const misuse = (message: string): Failure => new Failure(2, message);

/** No answer, or one that says "not now". */
export const unreachable = (message: string): Failure => new Failure(3, message);
