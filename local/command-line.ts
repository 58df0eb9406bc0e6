/** The command line of `npm start`. */

import { Command, InvalidArgumentError } from 'commander';
import type { ServeOptions } from './serve.ts';

export interface StartArguments {
  readonly port: number;
  readonly context: Readonly<Record<string, string>>;
  readonly tls?: NonNullable<ServeOptions['tls']>;
  readonly dataDirectory?: string;
  readonly startAt?: Date;
  readonly printLogs: boolean;
  readonly runDemo: boolean;
}

interface RawOptions {
  readonly port: number;
  readonly issuer?: string;
  readonly tls?: readonly string[];
  readonly mutualTls?: string;
  readonly mutualTlsPort: number;
  readonly context: Readonly<Record<string, string>>;
  readonly data?: string;
  readonly clock?: Date;
  readonly logs: boolean;
  readonly demo: boolean;
}

const DEFAULT_PORT = 8787;

const EXAMPLES = `
Examples:
  npm start                                        throwaway: everything is gone when it stops
  npm start -- --data .countersign                 keeps tables and keys for the next start
  npm start -- --port 9000 -c accessTokenSeconds=600
  npm start -- --tls server.pem server.key --issuer https://localhost:8787
  npm start -- --tls server.pem server.key --mutual-tls truststore.pem
`;

/**
 * Parses the arguments behind the program's name. `--help` and mistakes end the process, as command lines do.
 * @param args e.g. `['--port', '9000']`
 */
export function parseArguments(args: readonly string[]): StartArguments {
  const command = new Command('npm start --')
    .description('Runs the whole service on this machine, from the assembly that the CDK would deploy to AWS.')
    .option('--port <number>', 'port on 127.0.0.1', parsePort, DEFAULT_PORT)
    .option('--issuer <url>', 'issuer URL of the default realm, instead of the address it listens on')
    .option('--tls <cert> <key...>', 'serve HTTPS with this certificate and private key (PEM files)')
    .option(
      '--mutual-tls <truststore>',
      'listen a second time, for clients with a certificate that is in this PEM file or descends from one in it',
    )
    .option('--mutual-tls-port <number>', 'port of the second listener on 127.0.0.1; 0 takes a free one', parsePort, 0)
    .option('-c, --context <name=value>', 'a deployment setting, as for cdk deploy; repeatable', collectContext, {})
    .option('--data <dir>', 'keep tables and keys in this directory')
    .option(
      '--clock <time>',
      'start at this time of UTC, as 2027-01-01T00:00:00Z, and go on from there, to try expiry and rotation; no demonstration then',
      parseTime,
    )
    .option('--logs', 'print what the functions log', false)
    .option('--no-demo', 'do not play the demonstration first')
    .addHelpText('after', EXAMPLES)
    .allowExcessArguments(false)
    .parse([...args], { from: 'user' });
  const options = command.opts<RawOptions>();
  if (options.tls !== undefined && options.tls.length !== 2)
    command.error('error: --tls wants two files: the certificate and its private key');
  if (options.mutualTls !== undefined && options.tls === undefined) command.error('error: --mutual-tls needs --tls');
  if (options.mutualTlsPort !== 0 && options.mutualTls === undefined)
    command.error('error: --mutual-tls-port needs --mutual-tls');
  return toArguments(options);
}

function toArguments(options: RawOptions): StartArguments {
  const { issuer, mutualTls, mutualTlsPort, data, clock, tls: [cert, key] = [] } = options;
  const mutual = mutualTls === undefined ? {} : { mutual: { truststore: mutualTls, port: mutualTlsPort } };
  return {
    port: options.port,
    context: issuer === undefined ? options.context : { ...options.context, issuer },
    printLogs: options.logs,
    // The demonstration is a client on this machine, to which it is today.
    runDemo: options.demo && clock === undefined,
    ...(data === undefined ? {} : { dataDirectory: data }),
    ...(clock === undefined ? {} : { startAt: clock }),
    ...(cert === undefined || key === undefined ? {} : { tls: { cert, key, ...mutual } }),
  };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError('A port is a number from 0 to 65535.');
}

/** Whole seconds of UTC in one spelling: what a machine takes for its own time zone would be another time elsewhere. */
function parseTime(text: string): Date {
  const time = new Date(text);
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) && !Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError('A time has the form 2027-01-01T00:00:00Z.');
}

function collectContext(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('It has the form name=value.');
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}
