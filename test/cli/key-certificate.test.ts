import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addCertificateCommands } from '../../cli/commands/key-certificate.ts';
import { Failure } from '../../cli/failure.ts';
import { addGlobalOptions } from '../../cli/settings.ts';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { CERTIFICATE } from './certificate.ts';
import { AWS_ENV } from './terminal.ts';

const ANSWER = {
  kid: 'aaa',
  algorithm: 'ES256',
  subject: 'O=Example\nCN=sts.example.com',
  issuer: 'CN=Example CA',
  serialNumber: '7FFE',
  notBefore: '2026-11-23T09:55:00.000Z',
  notAfter: '2096-11-23T09:55:00.000Z',
  chainNotAfter: '2096-11-23T09:55:00.000Z',
  x5c: ['AAAA', 'BBBB'],
  x5t: 'thumb',
  'x5t#S256': 'longer-thumb',
};
const PEM = '-----BEGIN CERTIFICATE REQUEST-----\nMIIB\nAA==\n-----END CERTIFICATE REQUEST-----\n';

describe('countersign key certificate', () => {
  let server: AdminServer;
  let directory: string;
  beforeEach(async () => {
    server = await startAdminServer();
    directory = await mkdtemp(join(tmpdir(), 'countersign-chain-'));
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  /** Runs one command of the group, on its own program. @returns what it printed, or why it did not. */
  const call = async (argv: readonly string[], stdin = ''): Promise<{ stdout: string; failure?: [number, string] }> => {
    const printed = { stdout: '' };
    const io = {
      env: AWS_ENV,
      stdin: (async function* () {
        yield stdin;
      })(),
      stdout: { write: (text: string) => (printed.stdout += text) },
      stderr: { write: () => undefined },
    };
    const program = new Command('countersign').exitOverride().configureOutput({
      writeOut: io.stdout.write,
      writeErr: io.stderr.write,
      outputError: () => undefined,
    });
    addGlobalOptions(program);
    addCertificateCommands(program.command('key'), io);
    try {
      await program.parseAsync(['key', 'certificate', ...argv, '--endpoint', server.url], { from: 'user' });
      return printed;
    } catch (error) {
      if (error instanceof Failure) return { ...printed, failure: [error.exitCode, error.message] };
      if (error instanceof CommanderError) return { ...printed, failure: [2, error.message] };
      throw error;
    }
  };
  const answerWith = (body: unknown, status = 200) => server.interruptions.push({ status, body });
  const asked = () => server.requests.map(({ method, target, body }) => [method, target, JSON.parse(body)]);
  const file = async (content: string): Promise<string> => {
    const path = join(directory, 'chain.pem');
    await writeFile(path, content);
    return path;
  };

  it('has a key sign its own certificate, for a year unless told otherwise', async () => {
    answerWith(ANSWER);
    const subject = ['--subject', 'CN=sts.example.com', '--subject', 'o = Example, Inc.', '--subject', 'C=DE'];
    const { stdout, failure } = await call(['self-signed', 'aaa', ...subject]);
    expect([failure, asked()]).toEqual([
      undefined,
      [
        [
          'POST',
          '/admin/realms/default/keys/aaa/certificate/self-signed',
          { subject: { CN: 'sts.example.com', O: 'Example, Inc.', C: 'DE' }, days: 365 },
        ],
      ],
    ]);
    const [head, ...rows] = stdout.trimEnd().split('\n');
    expect(head).toMatch(/^Key aaa has this certificate from now on;/);
    expect(rows).toEqual([
      expect.stringMatching(/^subject +O=Example, CN=sts\.example\.com$/),
      expect.stringMatching(/^issuer +CN=Example CA$/),
      expect.stringMatching(/^serial +7FFE$/),
      expect.stringMatching(/^valid from +2026-11-23T09:55:00Z \(/),
      expect.stringMatching(/^valid until +2096-11-23T09:55:00Z \(in [\d,]+ days\)$/),
      expect.stringMatching(/^certificates +2$/),
      expect.stringMatching(/^x5t +thumb$/),
      expect.stringMatching(/^x5t#S256 +longer-thumb$/),
    ]);
  });

  it('sends the days it was told, and prints JSON as the service tells it', async () => {
    answerWith({ ...ANSWER, more: true });
    const { stdout } = await call(['self-signed', 'aaa', '--subject', 'CN=a', '--days', '825', '--json']);
    expect([asked()[0]?.[2], JSON.parse(stdout)]).toEqual([
      { subject: { CN: 'a' }, days: 825 },
      { ...ANSWER, more: true },
    ]);
  });

  it('prints a request as PEM and nothing else, for a file', async () => {
    answerWith({ pem: PEM });
    const { stdout } = await call(['csr', 'aaa', '--subject', 'CN=a', '--dns', 'a.de', '--dns', 'b.de']);
    expect(stdout).toBe(PEM);
    expect(asked()).toEqual([
      ['POST', '/admin/realms/default/keys/aaa/certificate/csr', { subject: { CN: 'a' }, dnsNames: ['a.de', 'b.de'] }],
    ]);
  });

  it.each(['', 'hello', `${PEM}rm -rf`, PEM.replace('MIIB', '\u001b[2J'), PEM.replaceAll(' REQUEST', '')])(
    'prints no request that is none: %j',
    async (pem) => {
      answerWith({ pem });
      const { stdout, failure } = await call(['csr', 'aaa', '--subject', 'CN=a']);
      expect([stdout, failure]).toEqual(['', [1, expect.stringContaining('does not understand (pem)')]]);
    },
  );

  it('imports a chain from a file and from standard input, and tells when it ends before the certificate', async () => {
    const text = `${CERTIFICATE}\n${CERTIFICATE}\n`;
    answerWith({ ...ANSWER, chainNotAfter: '2090-01-01T00:00:00.000Z' });
    const { stdout } = await call(['import', 'aaa', '--chain', await file(text)]);
    answerWith(ANSWER);
    await call(['import', 'aaa', '--chain', '-'], text);
    expect(stdout).toMatch(/\nchain ends +2090-01-01T00:00:00Z \(/);
    const put = ['PUT', '/admin/realms/default/keys/aaa/certificate', { chain: text }];
    expect(asked()).toEqual([put, put]);
  });

  it('tells the problems of a chain by their place', async () => {
    const errors = [{ pointer: '/chain/1', detail: 'not a CA' }];
    answerWith({ title: 'Bad Request', detail: 'the input is not acceptable', errors }, 400);
    expect((await call(['import', 'aaa', '--chain', await file(CERTIFICATE)])).failure).toEqual([
      1,
      'Bad Request: the input is not acceptable: /chain/1: not a CA',
    ]);
  });

  it('sends no private key, whatever is around it, and quotes nothing of it', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const jwk = JSON.stringify(privateKey.export({ format: 'jwk' }));
    for (const content of [`${CERTIFICATE}\n${pem}`, jwk]) {
      const { failure } = await call(['import', 'aaa', '--chain', await file(content)]);
      expect(failure).toEqual([2, expect.stringMatching(/holds private key material; nothing was sent/)]);
      expect(failure?.[1]).not.toContain(pem.split('\n')[1]);
    }
    expect(server.requests).toEqual([]);
  });

  it.each<[string, readonly string[], RegExp]>([
    ['no subject', ['csr', 'aaa'], /required option '--subject/],
    ['a subject without a name', ['csr', 'aaa', '--subject', 'O=a'], /pass --subject CN=NAME/],
    ['a subject that is no attribute', ['csr', 'aaa', '--subject', 'sts.example.com'], /Write NAME=VALUE/],
    ['an attribute that is not known', ['csr', 'aaa', '--subject', 'DC=a'], /one of CN, OU, O, L, ST, C/],
    ['an attribute twice', ['csr', 'aaa', '--subject', 'CN=a', '--subject', 'cn=b'], /CN is given twice/],
    ['a whole name in one option', ['csr', 'aaa', '--subject', 'CN=a, O=b'], /One attribute at a time/],
    ['a whole name with slashes', ['csr', 'aaa', '--subject', 'CN=a/O=b'], /One attribute at a time/],
    ['days in words', ['self-signed', 'aaa', '--subject', 'CN=a', '--days', 'ten'], /Not a number of days/],
    ['days below zero', ['self-signed', 'aaa', '--subject', 'CN=a', '--days=-1'], /Not a number of days/],
    ['no chain', ['import', 'aaa'], /required option '--chain/],
    ['a file that is not there', ['import', 'aaa', '--chain', '/nowhere/chain.pem'], /cannot read .*: ENOENT/],
    ['a file without a certificate', ['import', 'aaa', '--chain', '-'], /standard input holds no PEM certificate/],
  ])('with %s is wrong usage, and nothing is sent', async (_, argv, message) => {
    const { stdout, failure } = await call(argv, 'hello');
    expect([stdout, failure]).toEqual(['', [2, expect.stringMatching(message)]]);
    expect(server.requests).toEqual([]);
  });

  it.each([[], ['self-signed'], ['csr'], ['import']])('has help with examples: %s', async (...path) => {
    const { stdout } = await call([...path, '--help']);
    expect(stdout).toMatch(new RegExp(`Examples:\\n {2}\\$ countersign key certificate ${path.join(' ')}`));
  });
});
