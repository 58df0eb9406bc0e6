/** What strangers have written, made fit to be repeated to an operator: short, on one line, and nothing that moves the cursor. */

const MAX_LENGTH = 64;

/** @returns at most 64 printable characters; what is no text is left out. */
export const excerpt = (value: unknown): string => {
  if (typeof value !== 'string') return '';
  // Bounded before it is taken apart: a text may be as long as the document.
  const characters = [...value.slice(0, 4 * MAX_LENGTH)].map((each) => (UNPRINTABLE.test(each) ? ' ' : each));
  const text = characters.join('').replace(/ +/g, ' ').trim();
  return [...text].slice(0, MAX_LENGTH).join('').trim();
};

/** Controls, formats such as the marks that turn the direction of writing, line ends, halves of surrogate pairs. */
const UNPRINTABLE = /[\p{C}\p{Z}]/u;
