/**
 * The parts of help texts and options that commands share in form: the examples block and repeatable lists.
 */

/** The block that closes every help text; each line is a command as it would be typed. */
export function examples(...lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map((line) => `  $ countersign ${line}`)].join('\n');
}

/** Parser of an option that may be repeated and may hold several words: `--scope a --scope "b c"`. */
export function collectWords(value: string, previous: readonly string[] | undefined): readonly string[] {
  const words = value.split(/\s+/).filter((word) => word !== '');
  return [...new Set([...(previous ?? []), ...words])];
}
