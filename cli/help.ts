/**
 * What help texts share in form: the examples block that closes every one of them.
 */

/** Each line is a command as it would be typed. */
export function examples(...lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map((line) => `  $ countersign ${line}`)].join('\n');
}
