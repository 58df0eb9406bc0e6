/** GET of a document of the token service: bounded in time and size, without redirects, and every failure an `Unavailable`. */

import { isObject, type JsonObject } from './compact-jws.ts';
import { Unavailable } from './refusal.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const TIMEOUT_MILLISECONDS = 5_000;

/** Room for a hundred large keys with their certificates. */
const MAX_CHARACTERS = 512 * 1_024;

/** @throws Unavailable for any answer but 200 with a body of bounded length. */
export const fetchText = async (fetch: Fetch, what: string, url: string, init: RequestInit = {}): Promise<string> => {
  try {
    // Not 'error', which Workers do not know; a redirect is then no 200.
    const fixed = { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) } as const;
    const answer = await fetch(url, { ...init, ...fixed });
    if (answer.status !== 200) {
      await answer.body?.cancel();
      throw new Error(`status ${answer.status}`);
    }
    return await boundedText(answer);
  } catch (cause) {
    throw new Unavailable(what, cause);
  }
};

const boundedText = async (answer: Response): Promise<string> => {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  if (answer.body === null) return text;
  // Leaving the loop early cancels the body.
  for await (const chunk of answer.body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_CHARACTERS) throw new Error('the document is too large');
  }
  return text + decoder.decode();
};

/** @throws Unavailable also where it is not a JSON object: whoever sent it is not the token service in good health. */
export const fetchObject = async (
  fetch: Fetch,
  what: string,
  url: string,
  init: RequestInit = { headers: { accept: 'application/json' } },
): Promise<JsonObject> => parseObject(what, await fetchText(fetch, what, url, init));

const parseObject = (what: string, text: string): JsonObject => {
  const value = parseJson(text);
  if (!isObject(value)) throw new Unavailable(what, new Error('not a JSON object'));
  return value;
};

/** Without the words of the parser, which repeat what they could not read. */
const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** https; plain http on this machine only, for development. */
export const isTrustworthyUrl = (text: unknown): text is string => {
  const url = typeof text === 'string' && text.length <= 2_048 ? URL.parse(text) : null;
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.includes(url.hostname));
};
