/** Operations on a key's tags. */
import { requestTagConditions } from './authorization.ts';
import { requireNotPending } from './key.ts';
import { keyOperation } from './operation.ts';
import { takePage } from './paging.ts';
import { addTags, parseTagKeys, parseTags } from './tags.ts';

export const tagResource = keyOperation('TagResource', {
  conditions: (input) => requestTagConditions(parseTags(input)),
  run: async ({ store, input, key }) => {
    const tags = parseTags(input);
    requireNotPending(key);
    addTags(key.tags, tags);
    await store.save();
    return {};
  },
});

export const untagResource = keyOperation('UntagResource', {
  conditions: (input) => ({ 'aws:TagKeys': parseTagKeys(input) }),
  run: async ({ store, input, key }) => {
    const tagKeys = parseTagKeys(input);
    requireNotPending(key);
    for (const tagKey of tagKeys) key.tags.delete(tagKey);
    await store.save();
    return {};
  },
});

export const listResourceTags = keyOperation('ListResourceTags', {
  run: ({ input, key }) => {
    const { items, members } = takePage(input, key.tags, ([tag]) => tag, { default: 50, max: 50 });
    return { Tags: items.map(([TagKey, TagValue]) => ({ TagKey, TagValue })), ...members };
  },
});
