import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from './support/fixture.ts';

const MAIN = fileURLToPath(new URL('../../local/main.ts', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...output })));
}

describe('npm start', () => {
  it('explains itself, with examples', async () => {
    const { code, stdout } = await run('--help');
    expect(code).toBe(0);
    for (const text of [
      '--port',
      '--issuer',
      '--tls <cert> <key',
      '--mutual-tls <truststore>',
      '--mutual-tls-port',
      '--data',
      '--no-demo',
      'Examples:',
    ])
      expect(stdout).toContain(text);
  });

  it('says in one line on stderr why it cannot start, and ends with code 1', async () => {
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    const { code, stderr } = await run('--data', file);
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(/^cannot use the data directory .*file: /)]);
  });

  it('serves the real app until Ctrl-C, and then ends with code 0 and leaves nothing', async () => {
    const child = spawn(process.execPath, [MAIN, '--port', '0', '--no-demo'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    let status: number | undefined;
    child.stdout.setEncoding('utf8').on('data', async (text: string) => {
      output += text;
      const [, url] = /^Listening on (\S+)[\s\S]*^ {2}logs /m.exec(output) ?? [];
      if (url === undefined || status !== undefined) return;
      status = 0;
      status = (await fetch(`${url}/jwks`)).status;
      child.kill('SIGINT');
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    const [, directory = ''] = /^ {2}logs +(.+)\/logs$/m.exec(output) ?? [];
    expect([code, status, errors]).toEqual([0, 200, '']);
    expect(directory).toContain('countersign-');
    expect(existsSync(directory)).toBe(false);
  }, 90_000);
});
