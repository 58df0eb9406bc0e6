/**
 * `countersign doctor`: the whole connection with a partner tested step by step, as `Test-OAuthConnectivity` does on an Exchange server.
 */
import type { Command } from 'commander';
import { createAdminClient, createDeploymentClient } from '../admin-client.ts';
import { realm } from '../admin-records.ts';
import { examine } from '../doctor/examine.ts';
import type { Step, StepOutcome } from '../doctor/step.ts';
import { readCaptured } from '../doctor/tokens.ts';
import { misuse, refused } from '../failure.ts';
import { examples } from '../help.ts';
import { send } from '../http.ts';
import type { Io } from '../io.ts';
import { inputName, readInput } from '../io.ts';
import { discoverIssuer } from '../issuer.ts';
import { colour, printable, show } from '../output.ts';
import { parseSigningKey } from '../private-key.ts';
import { readSettings } from '../settings.ts';
import { requireOneInput } from '../token-input.ts';

interface DoctorOptions {
  readonly refresh: boolean;
  readonly client?: string;
  readonly key?: string;
  readonly kid?: string;
  readonly alg?: string;
  readonly resource?: string;
  readonly trustedForDelegation?: boolean;
  readonly tokenFile?: string;
  readonly issuer?: string;
}

export function addDoctorCommand(program: Command, io: Io): void {
  program
    .command('doctor')
    .description('test the whole connection with a partner step by step, and say what to do where something is wrong')
    .argument('<partner>', 'id of the partner')
    .option('--no-refresh', "do not have the service look at the partner's document now")
    .option('--client <id>', 'who asks for a token: a partner that calls this one (default: the partner itself)')
    .option('--key <file>', 'private JWK or PKCS#8 PEM of that client (- for standard input)')
    .option('--kid <kid>', "key id as registered (default: the JWK's own, or the RFC 7638 thumbprint)")
    .option('--alg <alg>', "algorithm as registered (default: the JWK's own, or the usual one of the key's kind)")
    .option('--resource <uri>', 'audience of that token, where there is more than one')
    .option('--trusted-for-delegation', 'that token is to be good for users')
    .option('--token-file <file>', 'a token captured from the server of the partner, tried dry (- for standard input)')
    .option('--issuer <url>', 'issuer URL, where it is not the endpoint itself')
    .addHelpText(
      'after',
      `${examples(
        'doctor exchange',
        'doctor exchange --client crm --key crm.private.jwk.json',
        'doctor exchange --token-file captured.jwt',
        'doctor billing --key billing.private.jwk.json --json',
      )}\n\nExit code 1 when a step has failed; warnings and skipped steps do not count.`,
    )
    .action(async (id: string, options: DoctorOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const { key, tokenFile, kid, alg } = options;
      requireOneInput(key, tokenFile);
      if (key === undefined && (kid ?? alg) !== undefined) throw misuse('--kid and --alg go with --key');
      const captured = tokenFile === undefined ? undefined : await readCaptured(io, tokenFile);
      const proof = key === undefined ? undefined : await readProof(io, key, options);
      const issuer = await discoverIssuer(settings, options.issuer);
      const steps = await examine({
        admin: createAdminClient(settings, io),
        realm: await createDeploymentClient(settings, io).get(['realms', settings.realm], realm),
        issuer,
        date: await dateOf(issuer.jwks_uri),
        id,
        refreshes: options.refresh,
        client: options.client,
        proof,
        resource: options.resource,
        trustedForDelegation: options.trustedForDelegation === true,
        captured,
        nowMs: Date.now(),
      });
      const count = steps.filter(({ outcome }) => outcome === 'failed').length;
      show(io, settings.json, { partner: id, passed: count === 0, steps }, () => describe(io, steps));
      if (count > 0) throw refused(`${count} of ${steps.length} steps failed`);
    });
}

const readProof = async (io: Io, path: string, options: { readonly kid?: string; readonly alg?: string }) => ({
  method: 'private_key_jwt' as const,
  key: await parseSigningKey(await readInput(io, path), inputName(path), options),
});

async function dateOf(address: string): Promise<string | null> {
  const url = new URL(address);
  return (await send(async () => ({ method: 'GET', url, headers: { accept: 'application/json' } }))).headers.get(
    'date',
  );
}

const COLOURS = { ok: 'green', warning: 'yellow', failed: 'red', skipped: 'bold' } as const satisfies Record<
  StepOutcome,
  'green' | 'yellow' | 'red' | 'bold'
>;

const describe = (io: Io, steps: readonly Step[]): string =>
  steps
    .flatMap(({ name, outcome, finding, remedy }) => [
      `${colour(io, COLOURS[outcome], outcome.padEnd(8))} ${printable(name)}: ${printable(finding)}`,
      ...(remedy === undefined ? [] : [`         -> ${printable(remedy)}`]),
    ])
    .join('\n');
