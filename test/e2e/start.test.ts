/** `npm start` as a new user runs it: it plays the main job, and the commands that it prints work as they stand. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const project = dirname(dirname(import.meta.dirname));

let start: ChildProcess;
const lines: string[] = [];

beforeAll(async () => {
  start = spawn('npm', ['start', '--', '--port', '0'], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  if (start.stdout === null) throw new Error('no output');
  for await (const line of createInterface(start.stdout)) {
    lines.push(line);
    if (line.trim().startsWith('logs')) break;
  }
}, 120_000);

afterAll(() => stop('SIGKILL'));

/** To npm and all it started, as a terminal's Ctrl-C does. */
const stop = (signal: NodeJS.Signals): void => {
  if (start.pid !== undefined && start.exitCode === null && start.signalCode === null) process.kill(-start.pid, signal);
};

const shell = async (command: string): Promise<string> => {
  const child = spawn('sh', ['-c', command], { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
  const output: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text));
  const [code] = await once(child, 'close');
  expect(code, command).toBe(0);
  return output.join('');
};

describe('npm start', () => {
  it('prints the answer of /whoami with the verified claims', () => {
    const answer = lines.find((line) => line.trim().startsWith('{"iss"'));
    expect(JSON.parse(answer ?? '{}')).toMatchObject({ client_id: 'demo-shop', scope: 'whoami:read' });
  });

  it('prints no secret', () => {
    expect(lines.join('\n')).not.toMatch(/"d":|PRIVATE KEY|aws_secret|SECRET_ACCESS_KEY/);
  });

  it('prints commands that work as they stand', async () => {
    const commands = lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
    expect(commands.length).toBeGreaterThanOrEqual(6);
    for (const command of commands.filter((each) => !each.includes(' keygen '))) {
      const output = await shell(command);
      if (command.startsWith('curl')) expect(JSON.parse(output)).toMatchObject({ client_id: 'demo-shop' });
    }
  }, 120_000);

  it('stops on Ctrl-C and leaves nothing behind', async () => {
    // `close` comes when nobody holds its output any more: not npm, not the runner, not a function.
    const ended = once(start, 'close');
    stop('SIGINT');
    await ended;
    const credentials =
      lines
        .find((line) => line.trim().startsWith('credentials'))
        ?.trim()
        .split(/\s+/)[1] ?? '';
    expect(credentials).toMatch(/credentials$/);
    expect(existsSync(dirname(credentials))).toBe(false);
    await expect(fetch(lines.find((line) => line.startsWith('Listening on'))?.split(' ')[2] ?? '')).rejects.toThrow();
  });
});
