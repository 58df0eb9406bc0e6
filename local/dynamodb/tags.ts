/**
 * Tags of tables. They are kept with the table; whether they matter to permissions is IAM's business.
 */
import type { Json, JsonObject } from '../service.ts';
import { parseRequest } from './engine.ts';
import { errorName, serviceError, toAwsError } from './errors.ts';
import { requireList, requireObject, requireString } from './members.ts';
import { localName } from './table-names.ts';
import type { Context, TableRecord } from './tables.ts';

/** @throws AwsError ValidationException */
export function parseTags(value: Json | undefined, path: string): Record<string, string> {
  const tags = requireList(value, path).map((entry, at) => {
    const tag = requireObject(entry, `${path}.${at + 1}.member`);
    const key = requireString(tag.Key, `${path}.${at + 1}.member.key`);
    return [key, requireString(tag.Value, `${path}.${at + 1}.member.value`)] as const;
  });
  return Object.fromEntries(tags);
}

export async function tagResource(input: JsonObject, context: Context): Promise<JsonObject> {
  const request = parseRequest('TagResource', input);
  const added = parseTags(request.Tags, 'tags');
  await change(request, context, (tags) => ({ ...tags, ...added }));
  return {};
}

export async function untagResource(input: JsonObject, context: Context): Promise<JsonObject> {
  const request = parseRequest('UntagResource', input);
  const removed = requireList(request.TagKeys, 'tagKeys');
  await change(request, context, (tags) =>
    Object.fromEntries(Object.entries(tags).filter(([key]) => !removed.includes(key))),
  );
  return {};
}

export function listTags(input: JsonObject, context: Context): JsonObject {
  const { tags } = tagged(parseRequest('ListTagsOfResource', input), context);
  return { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) };
}

async function change(
  request: JsonObject,
  context: Context,
  decide: (tags: TableRecord['tags']) => TableRecord['tags'],
): Promise<void> {
  await context.turnstile.pass(async () => {
    const record = tagged(request, context);
    await context.tables.save({ ...record, tags: decide(record.tags) });
  });
}

function tagged(request: JsonObject, context: Context): TableRecord {
  const arn = requireString(request.ResourceArn, 'resourceArn');
  try {
    return context.tables.require(localName(arn, context.placement));
  } catch (error) {
    const failure = toAwsError(error);
    if (errorName(failure) !== 'ResourceNotFoundException') throw failure;
    throw serviceError('ResourceNotFoundException', `Requested resource not found: ResourcArn: ${arn} not found`);
  }
}
