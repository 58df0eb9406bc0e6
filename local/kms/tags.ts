/**
 * Tags of keys, within the limits of KMS.
 * Source: Tag in the KMS API reference; "Tag naming limits and requirements" in the AWS General Reference.
 */
import { AwsError, type JsonObject } from '../service.ts';
import { list, object, requiredText, requiredTexts } from './input.ts';

/** User-created tags that one key may have. */
const MAX_TAGS = 50;
const KEY_LENGTH = { min: 1, max: 128 };
const ALLOWED = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

function tagError(message: string): AwsError {
  return new AwsError('TagException', message);
}

/**
 * The `Tags` member of a call, in its order; empty where the call has none.
 * @throws AwsError TagException for a key given twice, a reserved key or a character outside the set.
 */
export function parseTags(input: JsonObject): Map<string, string> {
  const tags = new Map<string, string>();
  for (const element of list(input, 'Tags')) {
    const tag = object('Tags', element);
    const key = requiredText(tag, 'TagKey', KEY_LENGTH);
    const value = requiredText(tag, 'TagValue', { max: 256 });
    if (tags.has(key)) throw tagError(`The tag key ${key} is given more than once.`);
    checkKey(key);
    if (!ALLOWED.test(value)) throw tagError(`The value of the tag ${key} contains invalid characters.`);
    tags.set(key, value);
  }
  return tags;
}

/** The `TagKeys` member of UntagResource. @throws AwsError TagException for a reserved key. */
export function parseTagKeys(input: JsonObject): string[] {
  const keys = requiredTexts(input, 'TagKeys', KEY_LENGTH);
  for (const key of keys) checkKey(key);
  return keys;
}

/** The tags that a key has after adding some. @throws AwsError LimitExceededException beyond 50. */
export function addTags(tags: Map<string, string>, added: ReadonlyMap<string, string>): void {
  const count = new Set([...tags.keys(), ...added.keys()]).size;
  if (count > MAX_TAGS) throw new AwsError('LimitExceededException', `A key can have at most ${MAX_TAGS} tags.`);
  for (const [key, value] of added) tags.set(key, value);
}

function checkKey(key: string): void {
  if (key.toLowerCase().startsWith('aws:')) throw tagError(`The tag key ${key} begins with the reserved prefix aws:.`);
  if (!ALLOWED.test(key)) throw tagError(`The tag key ${key} contains invalid characters.`);
}
