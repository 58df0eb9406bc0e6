/**
 * A terminal for tests: runs a command line in this process and keeps what it printed.
 */
import { run } from '../../cli/main.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Whether the output is a terminal. */
  readonly isTTY?: boolean;
  /** What a person types when asked; standard input is a terminal then. */
  readonly typed?: string;
}

/** Credentials that exist in tests only; the secret must never show up in any output. */
export const AWS_ENV = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  AWS_SESSION_TOKEN: 'session//token+example==',
} as const;

export async function countersign(argv: readonly string[], surroundings: Surroundings = {}): Promise<Outcome> {
  const printed = { stdout: '', stderr: '' };
  const exitCode = await run(argv, {
    env: surroundings.env ?? AWS_ENV,
    stdin: Object.assign(asStream(surroundings.stdin ?? surroundings.typed), {
      isTTY: surroundings.stdin === undefined,
    }),
    stdout: { write: (text) => (printed.stdout += text), isTTY: surroundings.isTTY ?? false },
    stderr: { write: (text) => (printed.stderr += text) },
  });
  return { exitCode, ...printed };
}

/** What every failure must look like: nothing on stdout, one line on stderr, no stack trace. */
export const oneLine = (text: string): boolean => /^countersign: [^\n]+\n$/.test(text) && !text.includes('    at ');

async function* asStream(text = ''): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  // Two chunks, cut anywhere: a multi-byte character may be split.
  const middle = Math.ceil(bytes.length / 2);
  yield bytes.subarray(0, middle);
  yield bytes.subarray(middle);
}
