/**
 * A "no" of an OAuth endpoint (RFC 6749 section 5.2, RFC 7591 section 3.2.2) as a failure.
 */
import { z } from 'zod';
import { type Failure, refused } from './failure.ts';
import type { Answer } from './http.ts';

const oauthError = z.looseObject({ error: z.string(), error_description: z.string().optional() });

/**
 * @param where what answered, and
 * @param what what it should have answered, where the answer says nothing by itself.
 */
export function describeOAuthRefusal(answer: Answer, where: string, what: string): Failure {
  const parsed = oauthError.safeParse(answer.json);
  if (!parsed.success) return refused(`${where} answered HTTP ${answer.status} without ${what}`);
  const { error, error_description: description } = parsed.data;
  return refused(description === undefined ? error : `${error}: ${description}`);
}
