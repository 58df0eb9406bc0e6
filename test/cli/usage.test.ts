import { describe, expect, it } from 'vitest';
import { serve } from './http-server.ts';
import { countersign, oneLine } from './terminal.ts';

const ENDPOINT = ['--endpoint', 'https://tokens.example.com'];

describe('wrong usage', () => {
  it.each([
    ['no endpoint', ['partner', 'list'], 'no endpoint: pass --endpoint URL or set COUNTERSIGN_ENDPOINT'],
    ['an unknown command', ['partnr'], "unknown command 'partnr' (Did you mean partner?)"],
    ['an unknown subcommand', ['partner', 'lst'], "unknown command 'lst' (Did you mean list?)"],
    ['an unknown option', ['partner', 'list', '--jsn'], "unknown option '--jsn' (Did you mean --json?)"],
    ['a missing argument', ['partner', 'show'], "missing required argument 'id'"],
    ['too many arguments', ['partner', 'list', 'x', ...ENDPOINT], 'too many arguments'],
    ['a missing option', ['grant', 'add', '--client', 'a', '--audience', 'b'], "required option '--scope <scope>'"],
    ['terms without a key', ['partner', 'add', 'a', '--label', 'x', ...ENDPOINT], 'no key for --label'],
    ['names without a key', ['partner', 'add', 'a', '--kid', 'x', ...ENDPOINT], '--alg and --kid go with --public-key'],
    [
      'two documents',
      ['partner', 'add', 'a', '--jwks-uri', 'https://a', '--metadata-url', 'https://b'],
      'cannot be used',
    ],
    [
      'a document over http',
      ['partner', 'add', 'a', '--jwks-uri', 'http://a', ...ENDPOINT],
      'not an https URL: http://a',
    ],
    ['a tag that is none', ['partner', 'add', 'a', '--tag', 'x'], 'Write NAME=VALUE.'],
    ['a tag twice', ['partner', 'add', 'a', '--tag', 'x=1', '--tag', 'x=2'], 'x is given twice.'],
    ['a claim that is no JSON', ['partner', 'add', 'a', '--claim', 'x=eu'], 'The value of x is not JSON'],
    ['a quota of nothing', ['partner', 'add', 'a', '--quota-per-day', '0'], 'Not a whole number above 0.'],
    ['a mode without quota', ['partner', 'add', 'a', '--quota-mode', 'observe', ...ENDPOINT], 'no quota: pass'],
    [
      'a trust level that is none',
      ['partner', 'add', 'a', '--trust-level', 'much'],
      'Allowed choices are application, user',
    ],
    [
      'a day that is none',
      ['credential', 'add', 'a', '--jwk', '-', '--expires-at', '2027-02-30x'],
      'Not a time such as',
    ],
    ['half an issuer', ['partner', 'add', 'a', '--application-realm', 'b', ...ENDPOINT], 'go together'],
    [
      'an application that is no GUID',
      ['partner', 'add', 'a', '--application-identifier', 'x', '--application-realm', 'b', ...ENDPOINT],
      'not a GUID: x',
    ],
    ['a change of nothing', ['partner', 'set', 'a', ...ENDPOINT], 'nothing to change'],
    ['an audience change of nothing', ['audience', 'set', 'a', ...ENDPOINT], 'nothing to change'],
    ['a realm change of nothing', ['realm', 'set', 'a', ...ENDPOINT], 'nothing to change'],
    [
      'a credential without key',
      ['credential', 'add', 'a', ...ENDPOINT],
      'no key: pass --jwk, --public-key or --certificate',
    ],
    ['an application without file', ['apply', ...ENDPOINT], "required option '-f, --file <file>'"],
    ['standard input twice', ['apply', '-f', '-', '-f', '-', '--yes', ...ENDPOINT], 'standard input can be read once'],
    ['a shell that is none', ['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish.'],
    ['an import from nowhere', ['partner', 'import', 'x'], "required option '--from <product>'"],
    [
      'an import of a dry run',
      ['partner', 'import', 'x', '--from', 'hydra', '--dry-run'],
      '--yes and --dry-run go with --apply',
    ],
    ['two keys', ['partner', 'add', 'a', '--jwks', 'x', '--public-key', 'y'], 'cannot be used with'],
    ['--kid for a JWKS', ['partner', 'add', 'a', '--jwks', 'x', '--kid', 'y'], 'cannot be used with'],
    ['a missing file', ['partner', 'add', 'a', '--jwks', '/nonexistent', ...ENDPOINT], '/nonexistent: ENOENT'],
    ['a grant list of nobody', ['grant', 'list', ...ENDPOINT], 'whose grants?'],
    ['a grant list of both', ['grant', 'list', '--client', 'a', '--audience', 'b'], 'cannot be used with'],
    ['an endpoint that is no URL', ['partner', 'list', '--endpoint', 'tokens'], 'not an http(s) URL: tokens'],
    ['a file endpoint', ['partner', 'list', '--endpoint', 'file:///etc'], 'not an http(s) URL'],
    ['plain http to elsewhere', ['partner', 'list', '--endpoint', 'http://tokens.example.com'], 'must use https'],
    ['a password in the URL', ['partner', 'list', '--endpoint', 'https://a:b@c.example'], 'must not hold a user name'],
    ['a query in the URL', ['partner', 'list', '--endpoint', 'https://c.example?x=1'], 'query or fragment'],
    ['a realm that climbs', ['partner', 'list', '--realm', '..', ...ENDPOINT], 'not a usable name: ".."'],
    ['a partner that climbs', ['partner', 'show', '..', ...ENDPOINT], 'not a usable name: ".."'],
    ['an empty realm', ['partner', 'list', '--realm', '', ...ENDPOINT], '--realm must not be empty'],
    ['no token', ['token', 'inspect'], 'no token: pass it as an argument or on standard input'],
    ['a token that is none', ['token', 'verify', 'abc', ...ENDPOINT], 'not a signed JWT'],
  ])('of %s is one clear line and exit code 2', async (_, argv, message) => {
    const outcome = await countersign(argv);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(oneLine(outcome.stderr)).toBe(true);
  });

  it('takes the endpoint from the environment', async () => {
    const outcome = await countersign(['partner', 'list'], { env: { COUNTERSIGN_ENDPOINT: 'ftp://x' } });
    expect(outcome.stderr).toBe('countersign: the endpoint is not an http(s) URL: ftp://x\n');
  });

  it('shows the help of a command group without its command, as an error', async () => {
    const outcome = await countersign(['partner']);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain('Usage: countersign partner');
  });
});

/** Where nobody listens any more. */
async function closedAddress(): Promise<string> {
  const server = await serve(() => ({ status: 200, body: {} }));
  await server[Symbol.asyncDispose]();
  return server.url;
}

describe('a service that cannot be reached', () => {
  it.each([
    ['an admin command', ['partner', 'list']],
    ['a token command', ['token', 'verify', 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln']],
  ])('ends %s with exit code 3 and the reason', async (_, argv) => {
    const env = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'secret' };
    const url = await closedAddress();
    const outcome = await countersign([...argv, '--endpoint', url], { env });
    expect(outcome).toEqual({
      exitCode: 3,
      stdout: '',
      stderr: `countersign: cannot reach ${url}: connect ECONNREFUSED ${new URL(url).host}\n`,
    });
  });
});
