/**
 * JSON that options bring in a file: read and held against its shape, with the place of the first fault.
 */
import type { ZodType } from 'zod';
import { misuse } from './failure.ts';
import { parseJson } from './http.ts';

/**
 * @param source what messages call the file.
 * @param what it should hold.
 * @throws Failure (2) for anything else; the message does not repeat the file.
 */
export function parseShape<T>(shape: ZodType<T>, text: string, source: string, what: string): T {
  const value = parseJson(text);
  if (value === undefined) throw misuse(`${source} is not JSON`);
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue === undefined || issue.path.length === 0 ? '' : ` at /${issue.path.map(String).join('/')}`;
  throw misuse(
    `${source} is not ${what}${place}: ${issue?.message.replace(/^Invalid input: /, '') ?? 'of another shape'}`,
  );
}
