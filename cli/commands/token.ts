/**
 * `countersign token`: look into an access token, and verify one as a resource server would. Getting and revoking one are in files beside.
 */
import type { Command } from 'commander';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { discoverIssuer } from '../issuer.ts';
import { show } from '../output.ts';
import { readSettings } from '../settings.ts';
import { readTokenArgument } from '../token-input.ts';
import { verifyToken } from '../token-verification.ts';
import { decodeToken, describeToken } from '../token-view.ts';
import { addTokenRevoke } from './revoke-tokens.ts';
import { addTokenGet } from './token-get.ts';

interface VerifyOptions {
  readonly audience?: string;
  readonly issuer?: string;
}

export function addTokenCommands(program: Command, io: Io): void {
  const group = program
    .command('token')
    .description('get, inspect, verify and revoke access tokens')
    .addHelpText('after', examples('token get --client billing --key billing.private.jwk.json', 'token inspect -'));
  addTokenGet(group, io);
  addInspect(group, io);
  addVerify(group, io);
  addTokenRevoke(group, io);
}

function addInspect(group: Command, io: Io): void {
  group
    .command('inspect')
    .description('show header and claims of a token WITHOUT verifying it')
    .argument('[token]', 'the token, or - for standard input', '-')
    .addHelpText('after', examples('token inspect eyJhbGciOi...', 'token get ... | countersign token inspect -'))
    .action(async (argument: string, _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const parts = decodeToken(await readTokenArgument(io, argument));
      const note = 'NOT VERIFIED: anybody can write these words; use `countersign token verify`.';
      show(io, settings.json, { verified: false, ...parts }, () => `${note}\n${describeToken(io, parts, Date.now())}`);
    });
}

function addVerify(group: Command, io: Io): void {
  group
    .command('verify')
    .description(
      "verify an access token against the realm's published keys and show its claims; actor tokens: see doctor",
    )
    .argument('[token]', 'the token, or - for standard input', '-')
    .option('--audience <uri>', 'audience that the token must be for')
    .option('--issuer <url>', 'issuer URL, where it is not the endpoint itself')
    .addHelpText(
      'after',
      examples(
        'token verify eyJhbGciOi... --audience https://ledger.example.com',
        'token get ... | countersign token verify - --json',
      ),
    )
    .action(async (argument: string, options: VerifyOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const token = await readTokenArgument(io, argument);
      decodeToken(token);
      const parts = await verifyToken(token, await discoverIssuer(settings, options.issuer), options.audience);
      const note = options.audience === undefined ? 'Verified, for any audience (no --audience given).' : 'Verified.';
      show(io, settings.json, { verified: true, ...parts }, () => `${note}\n${describeToken(io, parts, Date.now())}`);
    });
}
