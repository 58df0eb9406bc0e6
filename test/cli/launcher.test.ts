import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { AWS_ENV } from './terminal.ts';

const LAUNCHER = fileURLToPath(new URL('../../cli/countersign.mjs', import.meta.url));
const execute = promisify(execFile);

/** Runs the launcher itself, with exactly this environment. */
const launch = (argv: readonly string[], env: Record<string, string>, nodeOptions: readonly string[] = []) =>
  execute(process.execPath, [...nodeOptions, LAUNCHER, ...argv], { env }).then(
    ({ stdout, stderr }) => ({ exitCode: 0, stdout, stderr }),
    (error) => ({ exitCode: error.code, stdout: error.stdout, stderr: error.stderr }),
  );

describe('the launcher', () => {
  let server: AdminServer;
  beforeAll(async () => {
    server = await startAdminServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('runs a signed command as a process of its own, with the endpoint from the environment', async () => {
    const outcome = await launch(['partner', 'list'], { ...AWS_ENV, COUNTERSIGN_ENDPOINT: server.url });
    expect(outcome).toEqual({ exitCode: 0, stdout: 'No partners yet.\n', stderr: '' });
  });

  it('takes credentials from the chain of the AWS SDK', async () => {
    const env = { HOME: '/nonexistent', AWS_EC2_METADATA_DISABLED: 'true', COUNTERSIGN_ENDPOINT: server.url };
    const outcome = await launch(['partner', 'list'], env);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toMatch(/^countersign: no AWS credentials for the admin API: [^\n]+\n$/);
  });

  it('passes exit codes on', async () => {
    expect((await launch(['partner', 'list'], {})).exitCode).toBe(2);
    expect((await launch(['partner', 'show', 'x'], { ...AWS_ENV, COUNTERSIGN_ENDPOINT: server.url })).exitCode).toBe(1);
  });

  it('says in one line that an old Node is too old', async () => {
    const pretend = "Object.defineProperty(process.versions, 'node', { value: '22.11.0' });";
    const preload = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`];
    const outcome = await launch(['--help'], {}, preload);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toMatch(
      /^countersign: needs Node 24 or newer; run it as `npx countersign` [^\n]+22\.11\.0\)\n$/,
    );
  });
});
