import { describe, expect, it, vi } from 'vitest';
import { parseArguments } from '../../local/command-line.ts';

describe('the command line of npm start', () => {
  it('has defaults for everything', () => {
    expect(parseArguments([])).toEqual({ port: 8787, context: {}, printLogs: false, runDemo: true });
  });

  it('takes every option', () => {
    const args =
      '--port 0 --issuer https://a.example -c x=1 -c y=a=b --data d --logs --no-demo --tls c k --mutual-tls t --mutual-tls-port 1';
    expect(parseArguments(args.split(' '))).toEqual({
      port: 0,
      context: { issuer: 'https://a.example', x: '1', y: 'a=b' },
      dataDirectory: 'd',
      printLogs: true,
      runDemo: false,
      tls: { cert: 'c', key: 'k', mutual: { truststore: 't', port: 1 } },
    });
  });

  it('leaves the demonstration out where it is another time: a client of today would be refused', () => {
    expect(parseArguments(['--clock', '2027-01-01T00:00:00Z'])).toEqual({
      ...{ port: 8787, context: {}, printLogs: false, runDemo: false },
      startAt: new Date('2027-01-01T00:00:00Z'),
    });
  });

  it.each([
    ['--clock tomorrow', 'A time has the form 2027-01-01T00:00:00Z.'],
    ['--clock 2027-13-01T00:00:00Z', 'A time has the form 2027-01-01T00:00:00Z.'],
    ['--clock 2027-01-01T00:00:00', 'A time has the form 2027-01-01T00:00:00Z.'],
    ['--port x', 'A port is a number from 0 to 65535.'],
    ['--port 70000', 'A port is a number from 0 to 65535.'],
    ['-c novalue', 'It has the form name=value.'],
    ['--tls cert', '--tls wants two files'],
    ['--mutual-tls t', '--mutual-tls needs --tls'],
    ['--tls c k --mutual-tls-port 1', '--mutual-tls-port needs --mutual-tls'],
    ['--tls c k --mutual-tls t --mutual-tls-port x', 'A port is a number from 0 to 65535.'],
    ['--unknown', "unknown option '--unknown'"],
    ['surprise', 'too many arguments'],
  ])('ends with one line for %s', (args, message) => {
    const written: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Error(`exit ${code}`);
    });
    try {
      expect(() => parseArguments(args.split(' '))).toThrow('exit 1');
    } finally {
      vi.restoreAllMocks();
    }
    expect(written.join('')).toContain(message);
    expect(written.join('').trim().split('\n')).toHaveLength(1);
  });
});
