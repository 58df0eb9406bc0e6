/**
 * `countersign partner onboard`: lets the people of a partner register its public key, with a token that is good once.
 */
import { type Command, Option } from 'commander';
import { createAdminClient } from '../admin-client.ts';
import { newOnboarding } from '../admin-records.ts';
import { misuse } from '../failure.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { collectChoices, parseEnd } from '../option-values.ts';
import { describeTimestamp, printable, record, show } from '../output.ts';
import { REGISTRABLE_METHODS } from '../registrable-method.ts';
import { keepOnce } from '../secret-file.ts';
import { readSettings } from '../settings.ts';

interface OnboardOptions {
  /** When it ends, in milliseconds since the epoch, from now. */
  readonly expires?: (nowMs: number) => number;
  readonly method?: readonly string[];
  readonly out?: string;
  readonly close?: boolean;
}

export function addPartnerOnboard(group: Command, io: Io): void {
  group
    .command('onboard')
    .description("make a one-time token with which the partner's own people register its public key (RFC 7591)")
    .argument('<id>', 'client id of the partner, which has to exist')
    .option('--expires <when>', 'a time (RFC 3339, or a day) or from now: 30m, 24h, 7d (default: a day)', parseEnd)
    .option(
      '--method <method>',
      `how it may prove itself: ${REGISTRABLE_METHODS.join(', ')}; repeat for more (default: all)`,
      collectChoices(REGISTRABLE_METHODS),
    )
    .option('-o, --out <file>', 'write the token there, for you alone (mode 0600), instead of printing it')
    .addOption(
      new Option('--close', 'take back the token, and the one to change the registration with').conflicts([
        'expires',
        'method',
        'out',
      ]),
    )
    .addHelpText(
      'after',
      examples(
        'partner onboard billing --expires 2h --method private_key_jwt --out billing.token',
        'register --issuer https://tokens.example.com --onboarding-token-file billing.token --jwks keys.json   # they',
        'partner onboard billing --close',
      ),
    )
    .action(async (id: string, options: OnboardOptions, command: Command) => {
      if (options.close === true) await close(io, id, command);
      else await open(io, id, options, command);
    });
}

async function open(io: Io, id: string, { expires, method, out }: OnboardOptions, command: Command): Promise<void> {
  const settings = readSettings(command, io.env);
  const client = createAdminClient(settings, io);
  const lifetime = expires === undefined ? {} : { expiresInSeconds: secondsUntil(expires) };
  const body = { ...lifetime, ...(method === undefined ? {} : { methods: method }) };
  const ask = async () => (await client.post(['partners', id, 'onboarding'], body, newOnboarding)).record;
  const made = out === undefined ? await ask() : await keepOnce(out, ask, ({ token }) => `${token}\n`);
  const { token, ...rest } = made;
  show(io, settings.json, { ...(out === undefined ? { token } : { file: out }), ...rest }, () =>
    record(io, [
      ['token', out === undefined ? token : `in ${out}`],
      ['good until', describeTimestamp(made.expiresAt, Date.now())],
      ['register at', made.registrationEndpoint],
      ['they run', 'countersign register --issuer ISSUER --onboarding-token-file FILE --jwks FILE'],
    ]),
  );
}

function secondsUntil(expires: (nowMs: number) => number): number {
  const nowMs = Date.now();
  const seconds = Math.floor((expires(nowMs) - nowMs) / 1000);
  if (seconds <= 0) throw misuse('--expires lies in the past');
  return seconds;
}

async function close(io: Io, id: string, command: Command): Promise<void> {
  const settings = readSettings(command, io.env);
  await createAdminClient(settings, io).delete(['partners', id, 'onboarding']);
  show(io, settings.json, { closed: id }, () =>
    printable(`Nobody can register keys of partner ${id} any more; those that it has stay.`),
  );
}
