/**
 * The options that every command takes: where the service is, which realm, which AWS region, which form of output.
 * A wrong value is found here, before anything is read or sent.
 */
import type { Command } from 'commander';
import { misuse } from './failure.ts';
import type { Io } from './io.ts';

export interface Settings {
  /** Base URL of the deployment without a trailing slash, when one was given. */
  readonly endpoint: string | undefined;
  readonly realm: string;
  /** AWS region that was asked for by option. */
  readonly region: string | undefined;
  /** Print JSON instead of text for people. */
  readonly json: boolean;
}

interface GlobalOptions {
  readonly endpoint?: string;
  readonly realm: string;
  readonly region?: string;
  readonly json?: true;
}

/** The realm that every deployment has; its issuer is the base URL. */
export const DEFAULT_REALM = 'default';
const ENDPOINT_VARIABLE = 'COUNTERSIGN_ENDPOINT';

export function addGlobalOptions(program: Command): void {
  program
    .option('--endpoint <url>', `base URL of the service (or ${ENDPOINT_VARIABLE})`)
    .option('--realm <name>', 'realm to work in', DEFAULT_REALM)
    .option('--region <region>', 'AWS region that signs admin calls (otherwise taken from the endpoint or AWS_REGION)')
    .option('--json', 'print JSON for scripts');
}

/** @throws Failure (2) when the endpoint is not an acceptable URL. */
export function readSettings(command: Command, env: Io['env']): Settings {
  const options = command.optsWithGlobals<GlobalOptions>();
  const endpoint = options.endpoint ?? (env[ENDPOINT_VARIABLE] || undefined);
  if (options.realm === '') throw misuse('--realm must not be empty');
  return {
    endpoint: endpoint === undefined ? undefined : parseBaseUrl(endpoint, 'the endpoint'),
    realm: options.realm,
    region: options.region,
    json: options.json === true,
  };
}

/**
 * The settings for the realm that a file names.
 * @throws Failure (2) when the command line names another one.
 */
export function withRealm(command: Command, settings: Settings, named: string | undefined): Settings {
  if (named === undefined || named === settings.realm) return settings;
  if (command.getOptionValueSourceWithGlobals('realm') !== 'default') {
    throw misuse(`the file is for realm ${named}, not ${settings.realm}`);
  }
  return { ...settings, realm: named };
}

/** @throws Failure (2) when no endpoint was given. */
export function requireEndpoint(settings: Settings): string {
  if (settings.endpoint === undefined) throw misuse(`no endpoint: pass --endpoint URL or set ${ENDPOINT_VARIABLE}`);
  return settings.endpoint;
}

/**
 * A base URL without trailing slash, query or fragment.
 * @throws Failure (2): plain http is for this machine only (RFC 6749 section 3.2 demands TLS).
 */
export function parseBaseUrl(text: string, what: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw misuse(`${what} is not an http(s) URL: ${text}`);
  if (url.username !== '' || url.password !== '') throw misuse(`${what} must not hold a user name or password`);
  if (url.search !== '' || url.hash !== '') throw misuse(`${what} must not have a query or fragment: ${text}`);
  if (!isProtected(url)) throw misuse(`${what} must use https, plain http is for this machine only: ${text}`);
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** Whether what is sent to this URL stays secret on its way: TLS, or never leaving the machine. */
export function isProtected(url: URL): boolean {
  if (url.protocol === 'https:') return true;
  const host = url.hostname;
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d+){3}$/.test(host);
}
