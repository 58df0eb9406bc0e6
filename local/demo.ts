/**
 * The main job, played once on the running deployment through the public command line: two partners, a grant between them, a
 * token, and the resource that verifies it. Every step is printed as the command that does it, ready to be copied.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setDefaultCACertificates } from 'node:tls';
import { run } from '../cli/main.ts';
import type { Deployment } from './deployment.ts';
import type { Demo, DemoIo } from './serve.ts';
import { StartError } from './start-error.ts';

const CALLER = 'demo-shop';
const OWNER = 'demo-ledger';
const SCOPE = 'whoami:read';

export const runDemo: Demo = async (deployment, io) => {
  const obstacle = whatIsInTheWay(deployment);
  if (obstacle !== undefined) {
    io.print(`\nThe demonstration is left out: ${obstacle}`);
    return;
  }
  if (io.tlsCertificate !== undefined) setDefaultCACertificates([readFileSync(io.tlsCertificate, 'utf8')]);
  await new Demonstration(deployment, io).play();
};

/** The demonstration is an ordinary client; what such a client could not reach from here, it cannot either. */
const whatIsInTheWay = ({ url, outputs }: Deployment): string | undefined => {
  const issuer = new URL(outputs.Issuer ?? url.origin);
  const isHere = ['localhost', '127.0.0.1'].includes(issuer.hostname) && issuer.port === url.port;
  return isHere ? undefined : `the issuer ${issuer.href} is not an address of this machine`;
};

type Environment = Readonly<Record<string, string>>;

class Demonstration {
  readonly #io: DemoIo;
  readonly #operator: Environment;
  readonly #endpoint: string;
  readonly #audience: string;

  constructor({ url, outputs, operator }: Deployment, io: DemoIo) {
    this.#io = io;
    this.#operator = {
      AWS_ACCESS_KEY_ID: operator.accessKeyId,
      AWS_SECRET_ACCESS_KEY: operator.secretAccessKey,
      AWS_SESSION_TOKEN: operator.sessionToken,
      AWS_REGION: operator.region,
    };
    this.#endpoint = outputs.Issuer ?? url.origin;
    this.#audience = `${this.#endpoint}/whoami`;
  }

  async play(): Promise<void> {
    for (const partner of [CALLER, OWNER]) await this.#register(partner);
    this.#say(`${OWNER} accepts tokens for ${this.#audience}`);
    await this.#admin('audience', 'add', this.#audience, '--owner', OWNER, '--scope', SCOPE);
    this.#say(`${CALLER} may call it`);
    await this.#admin('grant', 'add', '--client', CALLER, '--audience', this.#audience, '--scope', SCOPE);
    this.#say(`${CALLER} proves who it is with its private key (private_key_jwt) and gets a token`);
    const getToken = [
      'token',
      'get',
      '--client',
      CALLER,
      '--key',
      this.#privateKey(CALLER),
      '--resource',
      this.#audience,
    ];
    const token = await this.#command(getToken);
    this.#say('the resource verifies the token and answers with its claims');
    await this.#whoami(token.trim(), getToken);
  }

  async #register(partner: string): Promise<void> {
    if (!existsSync(this.#privateKey(partner))) {
      this.#say(`${partner} makes a key pair; the private key never leaves it`);
      await this.#command(['keygen', '--client', partner, '--out', this.#io.directory]);
    }
    this.#say(`the operator registers ${partner} with its public key`);
    await this.#admin('partner', 'add', partner, '--jwks', join(this.#io.directory, `${partner}.jwks.json`));
  }

  #privateKey(partner: string): string {
    return join(this.#io.directory, `${partner}.private.jwk.json`);
  }

  async #whoami(token: string, getToken: readonly string[]): Promise<void> {
    const ca = this.#io.tlsCertificate === undefined ? '' : `--cacert ${quote(this.#io.tlsCertificate)} `;
    const bearer = `"Authorization: Bearer $(${this.#shell(getToken)})"`;
    this.#io.print(`$ curl -sS ${ca}-H ${bearer} ${this.#audience}`);
    const answer = await fetch(this.#audience, { headers: { authorization: `Bearer ${token}` } });
    const body = await answer.text();
    if (!answer.ok) throw new StartError(`the demonstration failed: GET /whoami answered ${answer.status} ${body}`);
    this.#print(body);
  }

  /** A command that needs the operator's AWS credentials: printed with the file that holds them, never with themselves. */
  async #admin(...args: readonly string[]): Promise<void> {
    await this.#command(args, { AWS_SHARED_CREDENTIALS_FILE: this.#io.credentialsFile }, this.#operator);
  }

  async #command(args: readonly string[], shown: Environment = {}, environment: Environment = {}): Promise<string> {
    this.#io.print(`$ ${this.#shell(args, shown)}`);
    const out: string[] = [];
    const err: string[] = [];
    const exitCode = await run(this.#withEndpoint(args), {
      env: environment,
      stdin: emptyInput(),
      stdout: { write: (text) => out.push(text) },
      stderr: { write: (text) => err.push(text) },
    });
    if (exitCode !== 0) throw new StartError(`the demonstration failed: ${err.join('').trim()}`);
    this.#print(out.join(''));
    return out.join('');
  }

  #withEndpoint(args: readonly string[]): readonly string[] {
    return args[0] === 'keygen' ? args : [...args, '--endpoint', this.#endpoint];
  }

  #shell(args: readonly string[], environment: Environment = {}): string {
    const ca = this.#io.tlsCertificate;
    const variables = Object.entries(ca === undefined ? environment : { ...environment, NODE_EXTRA_CA_CERTS: ca });
    const assignments = variables.map(([name, value]) => `${name}=${quote(value)}`);
    return [...assignments, 'npx', 'countersign', ...this.#withEndpoint(args).map(quote)].join(' ');
  }

  #say(line: string): void {
    this.#io.print(`\n# ${line}`);
  }

  #print(output: string): void {
    for (const line of output.trimEnd().split('\n')) this.#io.print(`  ${line}`);
  }
}

/** One word for a POSIX shell. */
const quote = (word: string): string =>
  /^[A-Za-z0-9_./:@=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

async function* emptyInput(): AsyncGenerator<string> {}
