/**
 * `countersign apply`: makes a realm what files say, after showing the difference.
 */
import type { Command } from 'commander';
import { type ApplyOptions, apply } from '../apply/apply.ts';
import { readWanted } from '../apply/wanted.ts';
import { misuse } from '../failure.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { collectValues } from '../option-values.ts';
import { readSettings, withRealm } from '../settings.ts';

interface Options extends ApplyOptions {
  readonly file: readonly string[];
}

const NOTES = `
A file names a realm (or leaves that to --realm) and its partners, each with its keys or the address they are at, the
audiences that it owns and the grants that it holds; \`countersign partner export\` prints one. Files with keys are
looked for beside it. A partner is made exactly what the file says; nothing is removed that the file does not name,
unless --prune says so.`;

export function addApplyCommand(program: Command, io: Io): void {
  program
    .command('apply')
    .description('make the realm what files say: shows the difference and asks first')
    .requiredOption('-f, --file <file>', 'YAML or JSON (- for standard input); repeat for more', collectValues)
    .option('--dry-run', 'only show the difference')
    .option('--check', 'only show it, and end with exit code 1 when there is one')
    .option('--prune', 'also remove partners, audiences and grants of the realm that no file names')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `${examples(
        'apply -f partners.yaml --dry-run',
        'apply -f partners.yaml --yes',
        'apply -f crm.yaml -f ledger.yaml --prune --check',
        'partner export | countersign apply -f - --endpoint https://elsewhere.example.com --yes',
      )}\n${NOTES}`,
    )
    .action(async ({ file, ...options }: Options, command: Command) => {
      const settings = readSettings(command, io.env);
      if (file.filter((path) => path === '-').length > 1) throw misuse('standard input can be read once');
      const wanted = await readWanted(io, file);
      const dryRun = options.dryRun === true || options.check === true;
      await apply(io, withRealm(command, settings, wanted.realm), wanted, { ...options, dryRun });
    });
}
