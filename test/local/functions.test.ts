import { existsSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Deployment } from '../../local/deployment.ts';
import { createAuthority } from './support/certificates.ts';
import { type FixtureFunction, startFixture, temporaryDirectory } from './support/fixture.ts';

const startFunction = (declared: FixtureFunction, options = {}): Promise<Deployment> =>
  startFixture({ functions: { F: declared } }, options);

async function result(deployment: Deployment, payload = {}): Promise<ReturnType<typeof JSON.parse>> {
  const invocation = await deployment.invoke('F', payload);
  if (!invocation.ok) throw new Error(invocation.error.errorMessage);
  return JSON.parse(invocation.payload);
}

describe("a function's process", () => {
  it("has its own environment and nothing of this process's", async () => {
    vi.stubEnv('AWS_PROFILE', 'mine');
    vi.stubEnv('NODE_OPTIONS', '--no-warnings');
    vi.stubEnv('SECRET_OF_MINE', 'x');
    const deployment = await startFunction({
      code: 'export const handler = async () => process.env;',
      properties: { Environment: { Variables: { TABLE: 'T', ISSUER: { 'Fn::GetAtt': ['Api', 'ApiEndpoint'] } } } },
    });
    vi.unstubAllEnvs();
    const environment = await result(deployment);
    expect(environment).toMatchObject({
      TABLE: 'T',
      ISSUER: deployment.url.origin,
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: deployment.awsUrl.origin,
      AWS_LAMBDA_FUNCTION_NAME: expect.stringMatching(/^Test-F-[A-Z0-9]{12}$/),
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_ACCESS_KEY_ID: expect.stringMatching(/^ASIA/),
    });
    for (const name of ['AWS_PROFILE', 'NODE_OPTIONS', 'SECRET_OF_MINE']) expect(environment).not.toHaveProperty(name);
  });

  it('trusts the authorities that this process was told to trust, wherever it was started from', async () => {
    const { cert } = createAuthority('Test CA');
    const file = join(temporaryDirectory(), 'authorities.pem');
    writeFileSync(file, cert);
    vi.stubEnv('NODE_EXTRA_CA_CERTS', relative(process.cwd(), file));
    const deployment = await startFunction({
      code: `import { getCACertificates } from 'node:tls';
        export const handler = async () => ({ file: process.env.NODE_EXTRA_CA_CERTS, extra: getCACertificates('extra') });`,
    });
    vi.unstubAllEnvs();
    const { file: told, extra } = await result(deployment);
    expect(told).toBe(file);
    expect(extra.map((text: string) => text.trim())).toEqual([cert.trim()]);
  });

  it('is none of a VPC: a function of one runs here like all others', async () => {
    const deployment = await startFunction({
      code: 'export const handler = async () => "here";',
      properties: { VpcConfig: { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'] } },
    });
    expect(await result(deployment)).toBe('here');
  });

  it('is known to IAM as the source of the calls of its code', async () => {
    const policy = (Effect: string, Condition: object) => ({
      Effect,
      Action: 'kms:ListKeys',
      Resource: '*',
      Condition,
    });
    const listKeys = (statements: object[]) =>
      startFunction({
        statements,
        code: `import { KMSClient, ListKeysCommand } from ${JSON.stringify(import.meta.resolve('@aws-sdk/client-kms'))};
          export const handler = () => new KMSClient({ maxAttempts: 1 }).send(new ListKeysCommand({})).then(() => 'allowed', ({ name }) => name);`,
      });
    const byCode = { Null: { 'lambda:SourceFunctionArn': 'false' } };
    const ofF = { ArnLike: { 'lambda:SourceFunctionArn': 'arn:aws:lambda:us-east-1:111122223333:function:Test-F-*' } };
    expect(await result(await listKeys([policy('Allow', byCode)]))).toBe('allowed');
    expect(await result(await listKeys([policy('Allow', byCode), policy('Deny', ofF)]))).toBe('AccessDeniedException');
  });

  it("gets Lambda's context", async () => {
    const deployment = await startFunction({
      code: `export const handler = async (event, context) =>
        ({ ...context, remaining: context.getRemainingTimeInMillis() });`,
    });
    const context = await result(deployment);
    expect(context).toMatchObject({
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      functionName: expect.stringMatching(/^Test-F-/),
      functionVersion: '$LATEST',
      invokedFunctionArn: `arn:aws:lambda:us-east-1:111122223333:function:${context.functionName}`,
      memoryLimitInMB: '256',
      logGroupName: `/aws/lambda/${context.functionName}`,
    });
    expect(context.remaining).toBeGreaterThan(9_000);
    expect(context.remaining).toBeLessThanOrEqual(10_000);
  });

  it('is kept warm from one event to the next', async () => {
    const deployment = await startFunction({
      code: 'let n = 0; export const handler = async () => [++n, process.pid];',
    });
    const [first, pid] = await result(deployment);
    expect(await result(deployment)).toEqual([first + 1, pid]);
  });

  it('handles one event at a time, in at most as many processes as allowed', async () => {
    const code = `let busy = 0;
      export const handler = async () => {
        busy += 1;
        const seen = busy;
        await new Promise((resolve) => setTimeout(resolve, 20));
        busy -= 1;
        return [seen, process.pid];
      };`;
    const deployment = await startFunction({ code }, { maxInstances: 2 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => result(deployment)));
    expect(answers.map(([seen]) => seen)).toEqual(Array(10).fill(1));
    expect(new Set(answers.map(([, pid]) => pid)).size).toBe(2);
  });

  it('dies when the deployment closes, also in the middle of an event', async () => {
    const directory = temporaryDirectory();
    const marker = join(directory, 'started');
    const code = `import { writeFileSync } from 'node:fs';
      export const handler = () => { writeFileSync(${JSON.stringify(marker)}, String(process.pid)); return new Promise(() => setInterval(() => {}, 1000)); };`;
    const deployment = await startFunction({ code });
    const pending = deployment.invoke('F', {});
    await vi.waitFor(() => expect(existsSync(marker)).toBe(true), 5_000);
    await deployment.close();
    expect(await pending).toMatchObject({ ok: false, error: { errorType: 'Runtime.ExitError' } });
  });

  it('passes what it writes to the observer, line by line', async () => {
    const lines: string[] = [];
    const deployment = await startFunction(
      { code: 'export const handler = async () => { console.log("out\\nsecond"); console.error("err"); };' },
      { observeLog: (name: string, line: string) => lines.push(`${name.split('-')[1]}: ${line}`) },
    );
    expect(await result(deployment)).toBeNull();
    await vi.waitFor(() => expect(lines.toSorted()).toEqual(['F: err', 'F: out', 'F: second']));
  });
});

describe('a function that fails', () => {
  it('reports the error with its name, message and stack', async () => {
    const deployment = await startFunction({
      code: 'export const handler = async () => { throw new RangeError("too far"); };',
    });
    expect(await deployment.invoke('F', {})).toMatchObject({
      ok: false,
      error: {
        errorType: 'RangeError',
        errorMessage: 'too far',
        trace: expect.arrayContaining(['RangeError: too far']),
      },
    });
  });

  it('is stopped at its timeout, and replaced', async () => {
    const code = `let n = 0; export const handler = async (event) => {
      n += 1; if (event.hang) await new Promise(() => setInterval(() => {}, 1000)); return n; };`;
    const deployment = await startFunction({ code, properties: { Timeout: 1 } });
    expect(await result(deployment)).toBe(1);
    expect(await deployment.invoke('F', { hang: true })).toMatchObject({
      ok: false,
      error: {
        errorType: 'Sandbox.Timedout',
        errorMessage: expect.stringMatching(/Task timed out after 1\.00 seconds$/),
      },
    });
    expect(await result(deployment)).toBe(1);
  });

  it('is replaced when its process dies', async () => {
    const code = 'export const handler = async (event) => { if (event.crash) process.exit(3); return process.pid; };';
    const deployment = await startFunction({ code });
    const pid = await result(deployment);
    expect(await deployment.invoke('F', { crash: true })).toMatchObject({
      ok: false,
      error: { errorType: 'Runtime.ExitError', errorMessage: expect.stringMatching(/exit status 3$/) },
    });
    expect(await result(deployment)).not.toBe(pid);
  });

  it.each([
    ['an error while it loads', 'throw new TypeError("at load");', { errorType: 'TypeError', errorMessage: 'at load' }],
    ['no handler', 'export const other = 1;', { errorType: 'Runtime.HandlerNotFound' }],
    ['an end of the process while it loads', 'process.exit(4);', { errorType: 'Runtime.ExitError' }],
  ])('says so for %s, every time', async (_, code, error) => {
    const deployment = await startFunction({ code });
    expect(await deployment.invoke('F', {})).toMatchObject({ ok: false, error });
    expect(await deployment.invoke('F', {})).toMatchObject({ ok: false, error });
  });

  it('may not answer with more than 6 MB', async () => {
    const deployment = await startFunction({
      code: 'export const handler = async () => "x".repeat(6 * 1024 * 1024);',
    });
    expect(await deployment.invoke('F', {})).toMatchObject({
      ok: false,
      error: { errorType: 'Function.ResponseSizeTooLarge' },
    });
  });
});
