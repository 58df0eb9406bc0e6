/**
 * `countersign partner import`: machine clients of another product become a declarative file, or partners at once.
 */
import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { apply } from '../apply/apply.ts';
import { takeWanted } from '../apply/wanted.ts';
import type { Declaration, DeclaredPartner } from '../declaration.ts';
import { parseYaml, writeYaml } from '../declaration-file.ts';
import { misuse } from '../failure.ts';
import { examples } from '../help.ts';
import type { ImportedPartners } from '../import/imported.ts';
import { errorCode, type Io, inputName, readInput } from '../io.ts';
import { collectPairs } from '../option-values.ts';
import { printable, show } from '../output.ts';
import { readSettings } from '../settings.ts';

interface ImportOptions {
  readonly from: keyof typeof IMPORTERS;
  readonly map?: Readonly<Record<string, string>>;
  readonly out?: string;
  readonly apply?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** Loaded only when needed: no other command reads what other products write. */
const IMPORTERS: Readonly<Record<string, () => Promise<(document: unknown) => ImportedPartners>>> = {
  cognito: async () => (await import('../import/cognito.ts')).importCognito,
  auth0: async () => (await import('../import/auth0.ts')).importAuth0,
  keycloak: async () => (await import('../import/keycloak.ts')).importKeycloak,
  hydra: async () => (await import('../import/hydra.ts')).importHydra,
};

export function addPartnerImport(group: Command, io: Io): void {
  group
    .command('import')
    .description(
      'turn the client export of another product into a declarative file; what cannot be carried over is told',
    )
    .argument('<file>', 'the export, JSON or YAML (- for standard input)')
    .addOption(new Option('--from <product>', 'where it is from').choices(Object.keys(IMPORTERS)).makeOptionMandatory())
    .option(
      '--map <old=new>',
      'another id for a partner, or another URI for an audience; repeat for more',
      collectPairs,
    )
    .option('-o, --out <file>', 'write the file there instead of printing it; nothing is overwritten')
    .addOption(new Option('--apply', 'register the partners, after showing the difference').conflicts('out'))
    .option('--dry-run', 'with --apply: only show the difference')
    .option('--yes', 'with --apply: do not ask')
    .addHelpText(
      'after',
      examples(
        'partner import pool.json --from cognito -o partners.yaml',
        'partner import tenant.yaml --from auth0 --map https://api.example.com=https://ledger.example.com',
        'partner import clients.json --from hydra --apply --dry-run',
      ),
    )
    .action(async (path: string, options: ImportOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      if (!options.apply && (options.yes || options.dryRun)) throw misuse('--yes and --dry-run go with --apply');
      const document = parseYaml(await readInput(io, path), inputName(path));
      const load = IMPORTERS[options.from];
      if (load === undefined) throw misuse(`nothing can be imported from ${options.from}`);
      const { partners, notes } = (await load())(document);
      const content: Declaration = { partners: rename(partners, options.map ?? {}) };
      for (const { partner, text } of notes) {
        const about = partner === undefined ? '' : `${options.map?.[partner] ?? partner}: `;
        io.stderr.write(`note: ${printable(about + text)}\n`);
      }
      if (options.apply) return apply(io, settings, await takeWanted(io, content), options);
      const yaml = writeYaml(
        content,
        `Imported from ${options.from}. Look it through, then: countersign apply -f FILE`,
      );
      if (options.out !== undefined) await writeNew(options.out, yaml);
      show(io, settings.json, { ...content, notes }, () =>
        options.out === undefined
          ? yaml.trimEnd()
          : printable(`${partners.length} partners are in ${options.out} now.`),
      );
    });
}

/** @throws Failure (2) for a name that the export does not have: a typing error would change nothing silently. */
function rename(partners: readonly DeclaredPartner[], map: Readonly<Record<string, string>>): DeclaredPartner[] {
  const known = new Set(
    partners.flatMap(({ id, audiences = [], grants = [] }) => [
      id,
      ...[...audiences, ...grants].map(({ audience }) => audience),
    ]),
  );
  const stranger = Object.keys(map).find((name) => !known.has(name));
  if (stranger !== undefined) throw misuse(`no partner and no audience of the export is called ${stranger}`);
  const renamed = <T extends { readonly audience: string }>(one: T): T => ({
    ...one,
    audience: map[one.audience] ?? one.audience,
  });
  return partners.map(({ audiences, grants, ...one }) => ({
    ...one,
    id: map[one.id] ?? one.id,
    ...(audiences === undefined ? {} : { audiences: audiences.map(renamed) }),
    ...(grants === undefined ? {} : { grants: grants.map(renamed) }),
  }));
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (error) {
    const code = errorCode(error);
    throw misuse(
      code === 'EEXIST' ? `${path} is already there and is not overwritten` : `cannot write ${path}: ${code}`,
    );
  }
}
