/**
 * IAM's wildcards: `*` stands for any number of characters, `?` for exactly one.
 * In ARNs they work inside each of the six colon-separated parts, never across them.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 */

export type Matcher = (value: string) => boolean;

const ARN_PARTS = 6;

/** Matches whole strings. Case matters unless `ignoreCase`. */
export function globMatcher(pattern: string, options: { readonly ignoreCase?: boolean } = {}): Matcher {
  if (!/[*?]/.test(pattern) && options.ignoreCase !== true) return (value) => value === pattern;
  const source = pattern
    .replace(/\*+/g, '*')
    .replace(/[\\^$.|+()[\]{}/]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  const expression = new RegExp(`^${source}$`, options.ignoreCase === true ? 'sui' : 'su');
  return (value) => expression.test(value);
}

/** `arn:partition:service:region:account:resource`; the sixth part keeps its colons. Undefined when it is not an ARN. */
export function splitArn(arn: string): readonly string[] | undefined {
  const parts = arn.split(':');
  if (parts[0] !== 'arn' || parts.length < ARN_PARTS) return undefined;
  return [...parts.slice(0, ARN_PARTS - 1), parts.slice(ARN_PARTS - 1).join(':')];
}

/** Undefined when the pattern is not made of six parts, because then nobody documents what it matches. */
export function arnMatcher(pattern: string): Matcher | undefined {
  const matchers = splitArn(pattern)?.map((part) => globMatcher(part));
  if (matchers === undefined) return undefined;
  return (value) => splitArn(value)?.every((part, index) => matchers[index]?.(part) === true) === true;
}
