/**
 * Comma-separated values by the letter of RFC 4180, each record with the line that it begins on. What is not by the letter is refused: a
 * guess would put a value into the column beside it.
 */
import { misuse } from './failure.ts';

export interface CsvRecord {
  /** From 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/** One field, and what ends it: a comma, a line break, or the end of the text. */
const FIELD = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r\n|\n|$)/y;

/**
 * Empty lines are none.
 * @param source what messages call the file.
 * @throws Failure (2) with the line of the first fault.
 */
export function parseCsv(text: string, source: string): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  let [position, line] = [0, 1];
  while (position < text.length) {
    const first = line;
    const fields: string[] = [];
    for (let isLast = false; !isLast; ) {
      FIELD.lastIndex = position;
      const [all, quoted, plain = '', end] = FIELD.exec(text) ?? [];
      if (all === undefined) throw misuse(`${source}:${line}: a quote that does not enclose a whole field`);
      fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
      position += all.length;
      line += all.split('\n').length - 1;
      isLast = end !== ',';
    }
    if (fields.length > 1 || fields[0] !== '') records.push({ line: first, fields });
  }
  const [head] = records;
  const uneven = records.find(({ fields }) => fields.length !== head?.fields.length);
  if (uneven !== undefined) throw misuse(`${source}:${uneven.line}: not as many fields as in the first line`);
  return records;
}
