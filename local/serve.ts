/**
 * One local run from start to stop: synthesize, deploy here, show the main job, serve until told to stop.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Deployment, type DeploymentOptions, startDeployment } from './deployment.ts';
import { FunctionLogs } from './function-logs.ts';
import { openRunDirectory, type RunDirectory } from './run-directory.ts';
import { StartError } from './start-error.ts';
import { synthesize } from './synth.ts';

/** What the demonstration may use beside the deployment. */
export interface DemoIo {
  readonly print: (line: string) => void;
  /** A directory for files that last as long as the run. */
  readonly directory: string;
  /** An AWS shared credentials file with the operator's credentials. */
  readonly credentialsFile: string;
  /** PEM file of the certificate that the API answers with, where it answers over TLS. */
  readonly tlsCertificate?: string;
}

/** Plays the main job once, visibly. A rejection stops the start. */
export type Demo = (deployment: Deployment, io: DemoIo) => Promise<void>;

export interface ServeOptions {
  /** Root of the CDK project. */
  readonly project: string;
  readonly port: number;
  readonly context: Readonly<Record<string, string>>;
  /** Paths of PEM files. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly mutual?: MutualTlsArguments };
  /** What time the service believes that it is when it starts. @default - now */
  readonly startAt?: Date;
  /** @default - throwaway */
  readonly dataDirectory?: string;
  readonly printLogs: boolean;
  /** @default - none */
  readonly demo?: Demo;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly print: (line: string) => void;
  /** Ends the run. */
  readonly signal: AbortSignal;
}

/** For the domain where callers have to show certificates. */
interface MutualTlsArguments {
  /** Path of a PEM file. */
  readonly truststore: string;
  readonly port: number;
}

/**
 * What a domain with mutual TLS needs in the cloud. Here nobody looks it up: the listener has the certificate and the truststore of the
 * command line.
 */
const PLACEHOLDERS = {
  mutualTlsDomain: 'mutual-tls.example.com',
  mutualTlsCertificateArn: 'arn:aws:acm:us-east-1:111122223333:certificate/00000000-0000-0000-0000-000000000000',
  mutualTlsTruststore: 's3://not-looked-up/truststore.pem',
};

/** DynamoDB deletes expired items at leisure; so does a run that goes on for days. */
const SWEEP_MS = 3_600_000;

/** Runs until the signal. @throws StartError when the start fails. */
export async function serve(options: ServeOptions): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  try {
    await start(options, cleanup);
  } catch (error) {
    // Ctrl-C reaches every process of the terminal, so a start that it interrupts fails in any way.
    if (!options.signal.aborted) throw error;
  }
  await aborted(options.signal);
}

/** Whatever it has started by the time of a failure is in `cleanup`. */
async function start(options: ServeOptions, cleanup: AsyncDisposableStack): Promise<void> {
  const { project, environment, print, signal } = options;
  const tls = options.tls === undefined ? {} : readTls(options.tls);
  const context = options.tls?.mutual === undefined ? options.context : { ...PLACEHOLDERS, ...options.context };
  const run = openRunDirectory(options.dataDirectory);
  cleanup.defer(() => run.close());
  const assembly = join(run.path, 'cdk.out');
  print('Synthesizing the CDK app ...');
  // What a failed synth said has to outlast a run directory that goes with the run.
  const logFile = run.data === undefined ? `${run.path}-synth.log` : join(run.path, 'synth.log');
  await synthesize({ project, output: assembly, context, environment, logFile, signal });

  const logs = new FunctionLogs(join(run.path, 'logs'), options.printLogs ? print : undefined);
  cleanup.defer(() => logs.close());
  const deployment = await startDeployment({
    assembly,
    port: options.port,
    observeLog: (name, line) => logs.write(name, line),
    ...tls,
    ...(options.startAt === undefined ? {} : { startAt: options.startAt }),
    ...(run.data === undefined ? {} : { dataDirectory: run.data }),
  });
  cleanup.defer(() => deployment.close());
  const report = (error: unknown): void => logs.write('runner', `sweep failed: ${error}`);
  const sweeper = setInterval(() => void deployment.sweep().catch(report), SWEEP_MS).unref();
  cleanup.defer(() => clearInterval(sweeper));

  const credentialsFile = writeCredentials(deployment, run);
  if (signal.aborted) return;
  await options.demo?.(deployment, {
    print,
    directory: run.path,
    credentialsFile,
    ...(options.tls === undefined ? {} : { tlsCertificate: options.tls.cert }),
  });
  if (!signal.aborted) announce(deployment, { run, logs, credentialsFile, print });
}

function readTls(paths: NonNullable<ServeOptions['tls']>): Pick<DeploymentOptions, 'tls' | 'mutualTls'> {
  const { mutual } = paths;
  const tls = { cert: readPem(paths.cert), key: readPem(paths.key) };
  if (mutual === undefined) return { tls };
  return { tls, mutualTls: { ...tls, truststore: readPem(mutual.truststore), port: mutual.port } };
}

function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new StartError(`cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

/** Overwrites the file of an earlier run, whose credentials are void. */
function writeCredentials({ operator }: Deployment, run: RunDirectory): string {
  const file = join(run.path, 'credentials');
  const lines = [
    '[default]',
    `aws_access_key_id = ${operator.accessKeyId}`,
    `aws_secret_access_key = ${operator.secretAccessKey}`,
    `aws_session_token = ${operator.sessionToken}`,
    `region = ${operator.region}`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return file;
}

interface Announcement {
  readonly run: RunDirectory;
  readonly logs: FunctionLogs;
  readonly credentialsFile: string;
  readonly print: (line: string) => void;
}

function announce(deployment: Deployment, { run, logs, credentialsFile, print }: Announcement): void {
  print('');
  print(`Listening on ${deployment.url.origin} (Ctrl-C stops it)`);
  for (const { stack, logicalId, url } of deployment.apis.slice(1)) print(`  ${stack}/${logicalId}  ${url.origin}`);
  if (deployment.mutualTlsUrl !== undefined) print(`  mutual TLS   ${deployment.mutualTlsUrl.origin}`);
  print(`  data         ${run.data ?? 'in memory; gone when it stops'}`);
  print(`  credentials  ${credentialsFile} (for AWS_SHARED_CREDENTIALS_FILE)`);
  print(`  logs         ${logs.directory}`);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  // The listening server keeps the process alive meanwhile.
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
