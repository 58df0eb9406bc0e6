/**
 * Exports of other products as their documentation shows them; every value in them is made up.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { DeclaredPartner } from '../../../cli/declaration.ts';
import type { ImportedPartners } from '../../../cli/import/imported.ts';

/** A fresh copy each time, as a JSON or YAML reader gives it. */
export const fixture = (name: string): Record<string, unknown> =>
  parse(readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8'));

export const partnerOf = ({ partners }: ImportedPartners, id: string): DeclaredPartner => {
  const found = partners.find((partner) => partner.id === id);
  if (found === undefined)
    throw new Error(`no partner ${id} among ${partners.map((partner) => partner.id).join(', ')}`);
  return found;
};

export const notesOf = ({ notes }: ImportedPartners, partner?: string): readonly string[] =>
  notes.filter((note) => note.partner === partner).map(({ text }) => text);
