/**
 * What declarative files ask for: their partners put together, keys read, and everything that contradicts itself refused.
 */
import { dirname } from 'node:path';
import type { Declaration, DeclaredAudience, DeclaredGrant, DeclaredPartner } from '../declaration.ts';
import { readDeclaration } from '../declaration-file.ts';
import { definePartner } from '../declared-partner.ts';
import { misuse } from '../failure.ts';
import type { Io } from '../io.ts';
import type { PartnerDefinition } from '../partner-definition.ts';

export interface WantedPartner {
  readonly id: string;
  readonly definition: PartnerDefinition;
  readonly audiences: readonly DeclaredAudience[];
  readonly grants: readonly DeclaredGrant[];
}

export interface Wanted {
  /** Undefined where no file says. */
  readonly realm: string | undefined;
  readonly partners: readonly WantedPartner[];
}

/** @throws Failure (2) for files that cannot be read, hold private keys or contradict one another. */
export async function readWanted(io: Io, paths: readonly string[]): Promise<Wanted> {
  const files = await Promise.all(
    paths.map(async (path) => ({
      content: await readDeclaration(io, path),
      directory: path === '-' ? '.' : dirname(path),
    })),
  );
  const partners = files.map(({ content, directory }) => definePartners(io, content.partners, directory));
  return combine(
    files.map(({ content }) => content),
    (await Promise.all(partners)).flat(),
  );
}

/** @throws Failure (2) as `readWanted`; file names are relative to the working directory. */
export async function takeWanted(io: Io, content: Declaration): Promise<Wanted> {
  return combine([content], await definePartners(io, content.partners, '.'));
}

const definePartners = (io: Io, declared: readonly DeclaredPartner[], directory: string): Promise<WantedPartner[]> =>
  Promise.all(
    declared.map(async (one) => ({
      id: one.id,
      definition: await definePartner(io, one, directory),
      audiences: one.audiences ?? [],
      grants: one.grants ?? [],
    })),
  );

function combine(files: readonly Declaration[], partners: readonly WantedPartner[]): Wanted {
  const realms = new Set(files.flatMap(({ realm }) => realm ?? []));
  if (realms.size > 1) throw misuse(`the files are for several realms: ${[...realms].join(', ')}`);
  refuseRepeated(partners.map(({ id }) => `partner ${id}`));
  refuseRepeated(partners.flatMap(({ audiences }) => audiences.map(({ audience }) => `audience ${audience}`)));
  refuseRepeated(partners.flatMap(({ id, grants }) => grants.map(({ audience }) => `grant ${id} -> ${audience}`)));
  return { realm: [...realms][0], partners };
}

function refuseRepeated(names: readonly string[]): void {
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw misuse(`${repeated} is declared twice`);
}
