/**
 * Reading an export loosely: what is needed must have its shape, everything else may be there. Nothing of the export but names
 * of its members ever gets into a message.
 */
import type { z } from 'zod';
import { misuse } from '../failure.ts';
import { lineOf } from './naming.ts';

/**
 * @param what the export as messages call it, such as "an Auth0 export".
 * @throws Failure (2) naming the first member that is not as it should be.
 */
export const readExport = <Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
): z.output<Schema> => {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const place =
    issue === undefined || issue.path.length === 0 ? 'the document' : issue.path.map(String).join('.').slice(0, 120);
  throw misuse(`this is not ${what}: ${place}: ${issue?.message ?? 'unreadable'}`);
};

const MAX_TAGS = 20;
const TAG_NAME = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/;

/** Metadata as tags. `left`: names of what cannot be one, because of its name or being no short line of text. */
export const tagsOf = (
  metadata: Readonly<Record<string, unknown>>,
): { readonly tags?: Record<string, string>; readonly left: readonly string[] } => {
  const isTag = (entry: readonly [string, unknown]): entry is [string, string] =>
    TAG_NAME.test(entry[0]) && typeof entry[1] === 'string' && (entry[1] === '' || lineOf(entry[1]) === entry[1]);
  const entries = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  const tags = entries.filter(isTag).slice(0, MAX_TAGS);
  const kept = new Set(tags.map(([name]) => name));
  const left = entries.map(([name]) => name).filter((name) => !kept.has(name));
  return { ...(tags.length === 0 ? {} : { tags: Object.fromEntries(tags) }), left };
};

/** What the service follows for a key set: https, and neither user name nor fragment. */
export const isKeySetUrl = (text: unknown): text is string => {
  if (typeof text !== 'string' || text.length > MAX_URL_LENGTH || !URL.canParse(text)) return false;
  const { protocol, username, password, hash } = new URL(text);
  return protocol === 'https:' && username === '' && password === '' && hash === '';
};
const MAX_URL_LENGTH = 1024;
