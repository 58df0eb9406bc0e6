/**
 * The one kind of error the local runner shows to its user as a single line.
 * Everything else that escapes is a defect and keeps its stack.
 */

/** A reason why the deployment cannot start, in one clear line. Details, if any, are in the file that the line names. */
export class StartError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartError';
  }
}

/** The system error code of a Node error (`EADDRINUSE`), or undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
