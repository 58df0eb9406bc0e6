/**
 * A deployment of the service as an enterprise runs it: under an address of its own that stays when it is started again at another time,
 * and administered by the command line.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { countersign } from '../../cli/terminal.ts';
import { synthesizeApp } from '../../support/assembly.ts';
import { decisions } from '../../support/decisions.ts';
import { type Service, startService, type TestPartner } from '../../support/service.ts';
import { root } from '../../support/tls-server.ts';
import { postForm } from '../servers/transport.ts';
import type { Clock } from './clock.ts';
import { type Front, openFront } from './front.ts';

/** How it goes by among old servers. */
export interface EnterpriseNames {
  readonly applicationId: string;
  readonly realm: string;
}

export class Enterprise implements AsyncDisposable {
  readonly issuer: string;
  readonly principal: string;
  readonly metadataUrl: string;
  readonly names: EnterpriseNames;
  readonly #front: Front;
  readonly #clock: Clock;
  readonly #directory: string;
  #service: Service;

  private constructor(front: Front, names: EnterpriseNames, clock: Clock, directory: string, service: Service) {
    this.issuer = front.issuer;
    this.names = names;
    this.principal = `${names.applicationId}@${names.realm}`;
    this.metadataUrl = `${front.address}/metadata/json/1`;
    this.#front = front;
    this.#clock = clock;
    this.#directory = directory;
    this.#service = service;
  }

  static async start(names: EnterpriseNames, clock: Clock, cleanup: AsyncDisposableStack): Promise<Enterprise> {
    const directory = await mkdtemp(join(tmpdir(), 'countersign-scenario-'));
    cleanup.defer(() => rm(directory, { recursive: true, force: true }));
    const front = await openFront(cleanup);
    const { issuer } = front;
    const allowed = [{ host: 'localhost', ranges: ['127.0.0.0/8', '::1/128'], certificateAuthority: root.pem }];
    const privateHosts = JSON.stringify(allowed);
    await synthesizeApp(join(directory, 'cdk.out'), { issuer, privateHosts, registryCacheSeconds: '0' });
    const self = cleanup.use(new Enterprise(front, names, clock, directory, await run(directory, clock)));
    front.leadTo(self.#service.deployment.url);
    await self.admin(
      ...['realm', 'set', 'default', '--application-identifier', names.applicationId],
      ...['--microsoft-realm', names.realm, '--token-host', new URL(issuer).host],
    );
    await self.settle();
    return self;
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#service[Symbol.asyncDispose]();
  }

  /** Starts it again, at what time it is by now. Whoever follows its document finds it as it is then. */
  async restart(): Promise<void> {
    await this.#service[Symbol.asyncDispose]();
    this.#service = await run(this.#directory, this.#clock);
    this.#front.leadTo(this.#service.deployment.url);
  }

  /** Runs the schedules, for documents that it follows and for its keys, which take single steps, until nothing is left to do. */
  async settle(): Promise<void> {
    for (let step = 0; step < STEPS; step += 1)
      for (const { ok } of await this.#service.deployment.runSchedule()) if (!ok) throw new Error('a schedule failed');
  }

  /** A command line of the operator. @throws Error unless it succeeds. @returns what it has printed. */
  async admin(...argv: readonly string[]): Promise<string> {
    const { url, operator } = this.#service.deployment;
    const env = {
      AWS_ACCESS_KEY_ID: operator.accessKeyId,
      AWS_SECRET_ACCESS_KEY: operator.secretAccessKey,
      AWS_SESSION_TOKEN: operator.sessionToken,
    };
    const { exitCode, stdout, stderr } = await countersign([...argv, '--endpoint', url.origin], { env });
    if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
    return stdout;
  }

  async allow(client: string, audience: string): Promise<void> {
    await this.admin('grant', 'add', '--client', client, '--audience', audience, '--scope', 'read');
  }

  /** What a server calls is registered as belonging to it, so that tokens for it are such as it takes. */
  async offer(owner: string, audience: string, ...options: readonly string[]): Promise<void> {
    await this.admin('audience', 'add', audience, '--owner', owner, '--scope', 'read', ...options);
  }

  /** A client of today, with a key of its own. */
  async addClient({ id, publicJwk }: TestPartner, ...options: readonly string[]): Promise<void> {
    const file = join(this.#directory, `${id}.jwks.json`);
    await writeFile(file, JSON.stringify({ keys: [publicJwk] }));
    await this.admin('partner', 'add', id, '--jwks', file, ...options);
  }

  async post(form: URLSearchParams): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    const { status, text } = await postForm(`${this.issuer}/token`, Object.fromEntries(form));
    return { status, body: JSON.parse(text) as Record<string, unknown> };
  }

  /** Why a token request was refused, as the log has it. @param attempt makes that one request, whoever sends it. */
  async refusalOf(attempt: () => Promise<unknown>): Promise<object | undefined> {
    const requests = () => decisions(this.#service).filter(({ action }) => action === 'issue-token');
    const before = requests().length;
    await attempt();
    // Lines of the log come by a pipe of their own.
    const after = await vi.waitFor(() => {
      const [found] = requests().slice(before);
      expect(found).toBeDefined();
      return found;
    }, WAIT);
    return after?.refusal;
  }
}

const WAIT = { timeout: 10_000, interval: 5 } as const;

/** Enough for the longest chain of single steps. */
const STEPS = 8;

const run = (directory: string, clock: Clock): Promise<Service> =>
  startService({
    assembly: join(directory, 'cdk.out'),
    dataDirectory: join(directory, 'data'),
    startAt: new Date(clock.now() * 1_000),
  });
