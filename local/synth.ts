/**
 * Runs the real `cdk synth`, offline and without telemetry, exactly as a deployment would.
 * A failure is one line; what the CDK printed is kept in a file that the line names.
 */

import { spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { devNull } from 'node:os';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StartError } from './start-error.ts';

const CDK = fileURLToPath(new URL('../node_modules/aws-cdk/bin/cdk', import.meta.url));

export interface SynthOptions {
  /** Root of the project, where cdk.json is. */
  readonly project: string;
  /** Command that runs the app. @default - as cdk.json says */
  readonly app?: string;
  /** Where the assembly goes; emptied first. */
  readonly output: string;
  /** Context values, `-c name=value`. */
  readonly context: Readonly<Record<string, string>>;
  /** The caller's environment, of which the CDK gets what does not concern AWS. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the CDK's own output goes if it fails. */
  readonly logFile: string;
  readonly signal?: AbortSignal;
}

/** @throws StartError when the app does not synthesize. */
export async function synthesize(options: SynthOptions): Promise<void> {
  // Left-over files of an earlier synth would be served as if they belonged to this one.
  await rm(options.output, { recursive: true, force: true });
  const { code, output } = await runCdk(options);
  if (code === 0) return;
  await writeFile(options.logFile, output);
  const reason = lastMeaningfulLine(output) ?? `cdk ended with code ${code}`;
  throw new StartError(`cdk synth failed: ${reason} (all of its output: ${options.logFile})`);
}

function runCdk(options: SynthOptions): Promise<{ code: number; output: string }> {
  const context = Object.entries(options.context).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const settings = ['synth', '--quiet', '--no-color', '--no-notices', '--no-version-reporting', '-o', options.output];
  const app = options.app === undefined ? [] : ['--app', options.app];
  const child = spawn(process.execPath, [CDK, ...settings, ...app, ...context], {
    cwd: options.project,
    env: offlineEnvironment(options.environment),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => chunks.push(chunk));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, output: chunks.join('') }));
  });
}

/** Without the user's AWS settings, which would send the CDK looking for an account, and with this Node first. */
function offlineEnvironment(environment: SynthOptions['environment']): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => !/^(AWS_|CDK_|FORCE_COLOR$)/.test(name));
  return {
    ...Object.fromEntries(kept),
    PATH: [dirname(process.execPath), environment.PATH ?? ''].join(delimiter),
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: 'true',
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    NO_COLOR: '1',
  };
}

/**
 * The line that says what went wrong: the last `SomethingError: ...` line if there is one,
 * otherwise the last line that is not a stack frame, source excerpt or the CDK's own closing remark.
 */
export function lastMeaningfulLine(output: string): string | undefined {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !NOISE.some((pattern) => pattern.test(line)));
  return lines.findLast((line) => /^(\w*Error|\[\w+\]|✘ \[ERROR\])/.test(line)) ?? lines.at(-1);
}

const NOISE: readonly RegExp[] = [
  /^at /,
  /^Node\.js v/,
  /^[\^~{}|]+$/,
  /^npm warn/i,
  /^throw /,
  /Subprocess exited with error \d+$/,
  /feature flags are not configured/,
  /^\[ack:/i,
];
