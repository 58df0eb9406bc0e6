/** The checks of the profile with one of them switched off: the source of the core with a piece of it replaced, loaded as modules of their own. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Validator } from './memory.ts';

const FUNCTIONS = join(import.meta.dirname, '../../functions');

/** Where the checks are; whatever else they use stays the original. */
const SOURCES = {
  token: 'core/microsoft-token.ts',
  trust: 'core/microsoft-trust.ts',
  lifetime: 'core/microsoft-lifetime.ts',
  user: 'core/microsoft-user.ts',
  principal: 'core/microsoft-principal.ts',
  flow: 'flows/verify-actor-token.ts',
} as const;

export interface Mutation {
  /** Which check is switched off. */
  readonly what: string;
  readonly source: keyof typeof SOURCES;
  /** Stands in the source exactly once. */
  readonly original: string;
  readonly replacement: string;
  /** A case that is accepted then; absent: a later check catches all of them, with another code. */
  readonly lets?: string;
}

/**
 * @param directory to write the sources to.
 * @throws Error when the source does not read as the mutation says.
 */
export const loadMutant = async (directory: string, mutation: Mutation | undefined): Promise<Validator> => {
  for (const folder of ['core', 'flows']) mkdirSync(join(directory, folder), { recursive: true });
  for (const [name, file] of Object.entries(SOURCES)) {
    const source = readFileSync(join(FUNCTIONS, file), 'utf8');
    const text = mutation?.source === name ? replaced(source, mutation) : source;
    writeFileSync(join(directory, file), rooted(text, file));
  }
  const load = (file: string) => import(/* @vite-ignore */ pathToFileURL(join(directory, file)).href);
  const [{ parseMicrosoftToken }, { verifyActorToken }] = await Promise.all([load(SOURCES.token), load(SOURCES.flow)]);
  return { parseMicrosoftToken, verifyActorToken };
};

const replaced = (source: string, { original, replacement }: Mutation): string => {
  const [before, after, ...more] = source.split(original);
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`not once in the source: ${original}`);
  return `${before}${replacement}${after}`;
};

/** Imports of what is not copied lead to the original. */
const rooted = (text: string, file: string): string =>
  text.replaceAll(/from '([^']+)'/g, (clause, name: string) => {
    if (name.startsWith('node:')) return clause;
    if (!name.startsWith('.')) return `from '${import.meta.resolve(name)}'`;
    const target = new URL(name, pathToFileURL(join(FUNCTIONS, file)));
    const isCopied = Object.values(SOURCES).some((each) => target.href === pathToFileURL(join(FUNCTIONS, each)).href);
    return isCopied ? clause : `from '${target.href}'`;
  });
