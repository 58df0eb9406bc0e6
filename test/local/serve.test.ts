import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Demo, type ServeOptions, serve } from '../../local/serve.ts';
import { createAuthority } from './support/certificates.ts';
import { ECHO, jsonOf, temporaryDirectory, writeAssembly } from './support/fixture.ts';
import { writeProject } from './support/project.ts';
import { type FixtureStack, writeStacks } from './support/stacks.ts';

const code = `export const handler = async (event) => { console.log('hello from the function'); return { statusCode: 200 }; };`;

function arrange(options: Partial<ServeOptions> = {}): {
  options: ServeOptions;
  stop: AbortController;
  printed: string[];
} {
  const stop = new AbortController();
  const printed: string[] = [];
  const assembly = writeAssembly({ functions: { F: { code } }, routes: [{ key: 'GET /', function: 'F' }] });
  const defaults: ServeOptions = {
    project: writeProject(assembly),
    port: 0,
    context: {},
    printLogs: false,
    environment: process.env,
    print: (line) => printed.push(line),
    signal: stop.signal,
  };
  return { options: { ...defaults, ...options }, stop, printed };
}

describe('a local run', () => {
  it('plays the demo, says where it listens, serves until told to stop, and leaves nothing behind', async () => {
    const seen: { status?: number; mode?: number; credentials?: string; directory?: string; key?: string } = {};
    const demo: Demo = async (deployment, io) => {
      seen.status = (await fetch(deployment.url)).status;
      seen.mode = statSync(io.credentialsFile).mode & 0o777;
      seen.credentials = readFileSync(io.credentialsFile, 'utf8');
      seen.key = deployment.operator.accessKeyId;
      seen.directory = io.directory;
      io.print('demo played');
    };
    const { options, stop, printed } = arrange({ demo });
    const { promise: listening, resolve } = Promise.withResolvers<string>();
    const running = serve({
      ...options,
      print: (line) => {
        printed.push(line);
        const [, url] = /^Listening on (\S+)/.exec(line) ?? [];
        if (url !== undefined) resolve(url);
      },
    });
    const url = await listening;
    expect((await fetch(url)).status).toBe(200);
    stop.abort();
    await running;
    expect(printed).toContain('demo played');
    expect(seen).toMatchObject({ status: 200, mode: 0o600 });
    expect(seen.credentials).toContain(`aws_access_key_id = ${seen.key}`);
    expect(seen.directory?.startsWith(tmpdir())).toBe(true);
    expect(existsSync(seen.directory ?? '')).toBe(false);
    await expect(fetch(url)).rejects.toThrow();
  });

  it('says where each further HTTP API listens', async () => {
    const fixture: FixtureStack = { functions: {} };
    const project = writeProject(writeStacks({ First: fixture, Second: { ...fixture, dependsOn: ['First'] } }));
    const { options, stop, printed } = arrange({ project });
    const print = (line: string): void => {
      printed.push(line);
      if (line.trim().startsWith('logs')) stop.abort();
    };
    await serve({ ...options, print });
    const places = printed.flatMap(
      (line) => /^(Listening on| {2}Second\/Api) +http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[1] ?? [],
    );
    expect(places).toEqual(['Listening on', '  Second/Api']);
  });

  it('writes what functions log to files, and prints it when asked', async () => {
    const dataDirectory = join(temporaryDirectory(), 'data');
    const demo: Demo = async (deployment) => void (await fetch(deployment.url));
    const { options, stop, printed } = arrange({ dataDirectory, printLogs: true, demo });
    const running = serve({
      ...options,
      print: (line) => {
        printed.push(line);
        if (line.includes('hello from the function')) stop.abort();
      },
    });
    await running;
    const logs = join(dataDirectory, 'run', 'logs');
    const [file = ''] = readdirSync(logs);
    expect(file).toMatch(/^Test-F-[A-Z0-9]+\.log$/);
    expect(readFileSync(join(logs, file), 'utf8')).toBe('hello from the function\n');
    expect(existsSync(join(dataDirectory, 'lock'))).toBe(false);
  });

  it('stops in the middle of the synth when told to', async () => {
    const { options, stop, printed } = arrange();
    const running = serve({ ...options, print: () => stop.abort() });
    await running;
    expect(printed).toEqual([]);
  });
});

describe('a local run with mutual TLS', () => {
  const authority = createAuthority('CA');
  const files = (): NonNullable<ServeOptions['tls']> => {
    const directory = temporaryDirectory();
    const { cert, key } = authority.issue('localhost');
    const write = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    const mutual = { truststore: write('truststore.pem', authority.cert), port: 0 };
    return { cert: write('cert.pem', cert), key: write('key.pem', key), mutual };
  };

  /** Stops when it listens. @returns what it printed, and the context that it synthesized with. */
  const run = async (context: Record<string, string>) => {
    const { options, stop, printed } = arrange();
    const assembly = writeAssembly({
      functions: { F: { code: ECHO } },
      resources: {
        Domain: {
          Type: 'AWS::ApiGatewayV2::DomainName',
          Properties: { DomainName: 'a.example', MutualTlsAuthentication: { TruststoreUri: 's3://a/b' } },
        },
        Mapping: {
          Type: 'AWS::ApiGatewayV2::ApiMapping',
          Properties: { ApiId: { Ref: 'Api' }, DomainName: { Ref: 'Domain' }, Stage: '$default' },
        },
      },
    });
    const project = writeProject(assembly);
    const seen = join(project, 'context.json');
    const app = readFileSync(join(project, 'app.mjs'), 'utf8');
    const spy = `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(seen)}, process.env.CDK_CONTEXT_JSON ?? '');\n`;
    writeFileSync(join(project, 'app.mjs'), spy + app);
    const print = (line: string): void => {
      printed.push(line);
      if (line.trim().startsWith('logs')) stop.abort();
    };
    await serve({ ...options, project, context, tls: files(), print });
    return { printed, context: await jsonOf(new Response(readFileSync(seen))) };
  };

  it('listens twice, and says where', async () => {
    const { printed } = await run({});
    const listening = printed.filter((line) => /^Listening on https:|^ {2}mutual TLS {3}https:/.test(line));
    const ports = listening.map((line) => /127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
    expect([listening.length, new Set(ports).size]).toEqual([2, 2]);
  });

  it('synthesizes a domain, whose name and truststore in the cloud do not matter here', async () => {
    const { context } = await run({ mutualTlsDomain: 'mtls.fabrikam.example' });
    expect(context).toMatchObject({
      mutualTlsDomain: 'mtls.fabrikam.example',
      mutualTlsCertificateArn: expect.stringMatching(/^arn:aws:acm:/),
      mutualTlsTruststore: expect.stringMatching(/^s3:/),
    });
  });
});

describe('a local run that cannot start says why in one line', () => {
  const failure = async (options: Partial<ServeOptions>): Promise<string> => {
    const arranged = arrange(options);
    const { name, message } = await serve(arranged.options).then(
      () => new Error('it started'),
      (error: Error) => error,
    );
    expect(name).toBe('StartError');
    expect(message).not.toContain('\n');
    return message;
  };

  it('when the port is in use', async () => {
    const blocker = createServer();
    onTestFinished(() => void blocker.close());
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const address = blocker.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await failure({ port })).toBe(`port ${port} is in use; choose another with --port`);
  });

  it('when the app does not synthesize, and keeps the details in a file that stays', async () => {
    const message = await failure({ context: { fail: '1' } });
    expect(message).toMatch(/^cdk synth failed: RangeError: the setting fail may not be 1 \(all of its output: .+\)$/);
    const [, file = ''] = /output: (.+)\)$/.exec(message) ?? [];
    onTestFinished(() => rmSync(file));
    expect(readFileSync(file, 'utf8')).toContain('RangeError');
  });

  it('when the data directory is a file', async () => {
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    expect(await failure({ dataDirectory: file })).toMatch(/^cannot use the data directory .*file: /);
  });

  it('when another process uses the data directory', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'lock'), String(process.ppid));
    expect(await failure({ dataDirectory: directory })).toBe(
      `the data directory ${directory} is in use by process ${process.ppid}`,
    );
  });

  it('when a certificate file is missing', async () => {
    expect(await failure({ tls: { cert: '/nowhere/cert.pem', key: '/nowhere/key.pem' } })).toMatch(
      /^cannot read \/nowhere\/cert\.pem: /,
    );
  });
});

describe('a lock that a crash left behind', () => {
  it('does not keep the data directory closed', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'lock'), '2147483646');
    const { options, stop } = arrange({ dataDirectory: directory });
    await serve({ ...options, print: (line) => (line.startsWith('Listening') ? stop.abort() : undefined) });
    expect(existsSync(join(directory, 'run', 'credentials'))).toBe(true);
  });
});
