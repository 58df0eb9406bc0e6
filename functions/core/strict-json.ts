/**
 * JSON that others wrote, read strictly. Parsers differ in which of two members they take, so an object with a member twice says
 * one thing to us and another to whoever checked it (RFC 8259 4).
 */

/** @returns `undefined` for what is not JSON, or has a member twice. Bound the text before. */
export const parseStrictJson = (text: string): unknown => {
  try {
    const value: unknown = JSON.parse(text);
    return hasRepeatedMember(text) ? undefined : value;
  } catch {
    return undefined;
  }
};

/** Strings and the signs that give a JSON text its structure; numbers, words and space between them do not matter. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g;

/** @param json must be JSON. */
const hasRepeatedMember = (json: string): boolean => {
  /** The members of each object that is open; of an array, none. */
  const open: (Set<string> | undefined)[] = [];
  let string = '';
  for (const [token] of json.matchAll(TOKENS)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (token !== ':') string = token;
    else {
      // Before a colon stands a name. It may be spelled in several ways: "a" is "\u0061".
      const name: unknown = JSON.parse(string);
      const members = open.at(-1);
      if (typeof name !== 'string' || members?.has(name)) return true;
      members?.add(name);
    }
  }
  return false;
};
