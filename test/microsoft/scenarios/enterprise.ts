/**
 * A deployment of the service as an enterprise runs it: under an address of its own that stays when it is started again at another time,
 * and administered by the command line.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { countersign } from '../../cli/terminal.ts';
import { synthesizeApp } from '../../support/assembly.ts';
import { decisions } from '../../support/decisions.ts';
import { type Service, startService, type TestPartner } from '../../support/service.ts';
import { certify, root, startTlsServer } from '../../support/tls-server.ts';
import { postForm } from '../servers/transport.ts';
import type { Clock } from './clock.ts';

/** How it goes by among old servers. */
export interface EnterpriseNames {
  readonly applicationId: string;
  readonly realm: string;
}

export class Enterprise implements AsyncDisposable {
  /** Base URL, and issuer of the default realm. */
  readonly origin: string;
  readonly principal: string;
  readonly metadataUrl: string;
  readonly names: EnterpriseNames;
  readonly #clock: Clock;
  readonly #directory: string;
  #service: Service;

  private constructor(origin: string, names: EnterpriseNames, clock: Clock, directory: string, service: Service) {
    this.origin = origin;
    this.names = names;
    this.principal = `${names.applicationId}@${names.realm}`;
    this.metadataUrl = `${origin}/metadata/json/1`;
    this.#clock = clock;
    this.#directory = directory;
    this.#service = service;
  }

  static async start(names: EnterpriseNames, clock: Clock, cleanup: AsyncDisposableStack): Promise<Enterprise> {
    const directory = await mkdtemp(join(tmpdir(), 'countersign-scenario-'));
    cleanup.defer(() => rm(directory, { recursive: true, force: true }));
    let self: Enterprise | undefined;
    const certificate = await certify(['localhost']);
    const front = await startTlsServer((request, response) => void self?.forward(request, response), { certificate });
    cleanup.use(front);
    const origin = `https://localhost:${front.port}`;
    const allowed = [{ host: 'localhost', ranges: ['127.0.0.0/8', '::1/128'], certificateAuthority: root.pem }];
    const privateHosts = JSON.stringify(allowed);
    await synthesizeApp(join(directory, 'cdk.out'), { issuer: origin, privateHosts, registryCacheSeconds: '0' });
    self = new Enterprise(origin, names, clock, directory, await run(directory, clock));
    cleanup.use(self);
    await self.admin(
      ...['realm', 'set', 'default', '--application-identifier', names.applicationId],
      ...['--microsoft-realm', names.realm, '--token-host', new URL(origin).host],
    );
    await self.settle();
    return self;
  }

  get service(): Service {
    return { ...this.#service, issuer: this.origin };
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#service[Symbol.asyncDispose]();
  }

  /** Starts it again at what time it is by now, which is when the schedules run. */
  async catchUp(): Promise<void> {
    await this.#service[Symbol.asyncDispose]();
    this.#service = await run(this.#directory, this.#clock);
    await this.settle();
  }

  /** Runs the schedules until the keys are as the calendar wants them. A key is certified, published, retired in single steps. */
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
    const { status, text } = await postForm(`${this.origin}/token`, Object.fromEntries(form));
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

  /** What a domain in front of the API does. */
  async forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = 'GET', url = '/', headers } = request;
    const passed = Object.entries(headers).filter(([name]) => PASSED.includes(name)) as [string, string][];
    const answer = await fetch(new URL(url, this.#service.deployment.url), {
      ...{ method, headers: passed, redirect: 'manual' },
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    });
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(Buffer.from(await answer.arrayBuffer()));
  }
}

const WAIT = { timeout: 10_000, interval: 5 } as const;

const PASSED = ['accept', 'authorization', 'content-type', 'if-none-match'];

/** Enough for the longest chain of single steps. */
const STEPS = 8;

const run = (directory: string, clock: Clock): Promise<Service> =>
  startService({
    assembly: join(directory, 'cdk.out'),
    dataDirectory: join(directory, 'data'),
    startAt: new Date(clock.now() * 1_000),
  });
