/**
 * The `countersign` command line: which commands there are, and how an outcome becomes an exit code and one line of text.
 */
import { Command, CommanderError } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { addApplyCommand } from './commands/apply.ts';
import { addAudienceCommands } from './commands/audience.ts';
import { addCompletionCommand } from './commands/completion.ts';
import { addCredentialCommands } from './commands/credential.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addGrantCommands } from './commands/grant.ts';
import { addKeyCommands } from './commands/key.ts';
import { addCertificateCommands } from './commands/key-certificate.ts';
import { addKeygenCommand } from './commands/keygen.ts';
import { addPartnerCommands } from './commands/partner.ts';
import { addRealmCommands } from './commands/realm.ts';
import { addRegisterCommand } from './commands/register.ts';
import { addRegistrationCommands } from './commands/registration.ts';
import { addSecretCommands } from './commands/secret.ts';
import { addTokenCommands } from './commands/token.ts';
import { addUserCommands } from './commands/user.ts';
import { type ExitCode, Failure } from './failure.ts';
import { examples } from './help.ts';
import type { Io } from './io.ts';
import { printable } from './output.ts';
import { addGlobalOptions } from './settings.ts';

const NOTES = `
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 service or network not reachable.
Admin commands are signed with your AWS credentials (environment, profile, SSO, container or instance role).
For an https endpoint with a private CA, set NODE_EXTRA_CA_CERTS=ca.pem.`;

/**
 * Runs one command line.
 * @param argv the arguments without node and script.
 * @param io `process` itself, or what stands for it.
 * @returns the exit code. Never throws: an error is one line on `io.stderr`.
 */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  try {
    await buildProgram(io).parseAsync(withKidsLast(argv), { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return reportUsage(error, io);
    const failure = error instanceof Failure ? error : undefined;
    const text = error instanceof Error ? error.message : String(error);
    report(io, failure === undefined ? `unexpected failure: ${text}` : text);
    return failure?.exitCode ?? 1;
  }
}

/** An RFC 7638 thumbprint in base64url that begins with a hyphen, as one in 64 does. */
const HYPHENED_KID = /^-[\w-]{42}$/;

/** Key ids that look like options go to the end, behind `--`: in an emergency nobody should have to know that trick. */
function withKidsLast(argv: readonly string[]): readonly string[] {
  if (argv.includes('--')) return argv;
  const isKid = (argument: string, index: number): boolean =>
    HYPHENED_KID.test(argument) && argv[index - 1] !== '--kid';
  const kids = argv.filter(isKid);
  const others = argv.filter((argument, index) => !isKid(argument, index));
  return kids.length === 0 ? argv : [...others, '--', ...kids];
}

/** The commands as commander knows them; for `run` and for tests that read every help text. */
export function buildProgram(io: Io): Command {
  const program = new Command('countersign')
    .description('Operate a Countersign token service: realms, partners, audiences, grants, tokens and signing keys.')
    .version(manifest.version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
      // `run` reports every error, in one form.
      outputError: () => undefined,
    });
  addGlobalOptions(program);
  addRealmCommands(program, io);
  addPartnerCommands(program, io);
  addCredentialCommands(program, io);
  addSecretCommands(program, io);
  addAudienceCommands(program, io);
  addGrantCommands(program, io);
  addUserCommands(program, io);
  addDoctorCommand(program, io);
  addApplyCommand(program, io);
  addTokenCommands(program, io);
  addCertificateCommands(addKeyCommands(program, io), io);
  addKeygenCommand(program, io);
  addRegisterCommand(program, io);
  addRegistrationCommands(program, io);
  addCompletionCommand(program, io);
  program.addHelpText(
    'after',
    `${examples(
      'keygen --client billing --out ./keys',
      'partner add billing --jwks ./keys/billing.jwks.json --endpoint https://tokens.example.com',
      'audience add https://ledger.example.com --owner ledger --scope entries.read',
      'grant add --client billing --audience https://ledger.example.com --scope entries.read',
      'token get --client billing --key ./keys/billing.private.jwk.json --resource https://ledger.example.com',
    )}\n${NOTES}`,
  );
  return program;
}

function reportUsage(error: CommanderError, io: Io): ExitCode {
  // Help and version that were asked for end as an "error" with exit code 0.
  if (error.exitCode === 0) return 0;
  // A command group without its command has printed its help instead.
  if (error.code !== 'commander.help') report(io, error.message.replace(/^error: /, ''));
  return 2;
}

function report(io: Io, text: string): void {
  io.stderr.write(`countersign: ${printable(text).trim()}\n`);
}
