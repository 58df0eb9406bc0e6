/** HTTP answers that are read as JSON objects, no further than they may be long. */

export type JsonMembers = Readonly<Record<string, unknown>>;

const MAX_BYTES = 65_536;

/** @returns undefined when it is too long, or no JSON object. */
export const readJsonObject = async ({ body }: Response): Promise<JsonMembers | undefined> => {
  if (body === null) return undefined;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    bytes += part.value.byteLength;
    if (bytes > MAX_BYTES) {
      await reader.cancel();
      return undefined;
    }
    text += decoder.decode(part.value, { stream: true });
  }
  return parseObject(text + decoder.decode());
};

const parseObject = (text: string): JsonMembers | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonMembers) : undefined;
  } catch {
    return undefined;
  }
};
