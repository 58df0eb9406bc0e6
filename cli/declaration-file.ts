/**
 * Declarative files as text: read with the line of every fault, and written so that reading gives the same again.
 */
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  Document as NewDocument,
  type Node,
  parseDocument,
  Scalar,
  visit,
} from 'yaml';
import type { z } from 'zod';
import { type Declaration, declaration } from './declaration.ts';
import { type Failure, misuse } from './failure.ts';
import { parseJson } from './http.ts';
import { type Io, inputName, readInput } from './io.ts';
import { holdsPrivateKey, holdsPrivatePem } from './key-material.ts';
import { escapeInvisible, isInvisible } from './output.ts';
import { exposed } from './public-keys.ts';

/** @throws Failure (2) with file and line for everything that is not as it should be, above all private keys. */
export async function readDeclaration(io: Io, path: string): Promise<Declaration> {
  return parseDeclaration(await readInput(io, path), inputName(path));
}

/** The content of a YAML or JSON file, whatever it is about. */
export function parseYaml(text: string, source: string): unknown {
  return read(text, source).value;
}

function parseDeclaration(text: string, source: string): Declaration {
  const { value, locate } = read(text, source);
  if (holdsPrivatePem(text) || holdsPrivateKey(value)) throw exposed(source);
  const parsed = declaration.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw issue === undefined ? misuse(`${source} is not a declaration`) : describeIssue(issue, source, locate);
}

type Path = readonly PropertyKey[];
/** The line that a member stands on, counted from 1. */
type Locate = (path: Path) => number;

interface Parsed {
  readonly value: unknown;
  readonly locate: Locate;
}

function read(text: string, source: string): Parsed {
  const lines = new LineCounter();
  // JSON may be indented with tabs, YAML may not.
  const plain = parseJson(text) === undefined ? text : text.replaceAll('\t', ' ');
  const document = parseDocument(plain, { lineCounter: lines, prettyErrors: false });
  const [fault] = document.errors;
  if (fault !== undefined) throw misuse(`${source}:${lines.linePos(fault.pos[0]).line}: ${fault.message}`);
  try {
    return { value: document.toJS(), locate: (path) => lineOf(document, lines, path) };
  } catch (error) {
    throw misuse(`${source}: ${error instanceof Error ? error.message : 'cannot be read'}`);
  }
}

function lineOf(document: Document, lines: LineCounter, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const start = startOf(document, path.slice(0, length));
    if (start !== undefined) return lines.linePos(start).line;
  }
  return 1;
}

/** Where the name of a member stands, or an item of a list. */
function startOf(document: Document, path: Path): number | undefined {
  const name = path.at(-1);
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(name));
    return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
  }
  const item: unknown = document.getIn(path, true);
  return isNode(item) ? (item as Node).range?.[0] : undefined;
}

function describeIssue(issue: z.core.$ZodIssue, source: string, locate: Locate): Failure {
  const [unknown] = issue.code === 'unrecognized_keys' ? issue.keys : [];
  if (unknown !== undefined) {
    const where = locate([...issue.path, unknown]);
    return misuse(`${source}:${where}: ${named(issue.path)} has no member "${unknown}"`);
  }
  const text = issue.message.endsWith('received undefined') ? 'is missing' : issue.message;
  return misuse(`${source}:${locate(issue.path)}: ${named(issue.path)} ${text.replace(/^Invalid input: /, '')}`);
}

/** `partners[0].tags.team` */
const named = (path: Path): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '') || 'the file';

/** @param comment lines that go before everything. */
export function writeYaml(content: Declaration, comment: string): string {
  const document = new NewDocument(content, { aliasDuplicateObjects: false });
  document.commentBefore = ` ${comment}`;
  visit(document, {
    // Only a quoted scalar can escape what would not be seen, or would turn the terminal around; a tab can pass for blanks.
    Scalar: (_, node) => {
      if (typeof node.value === 'string' && (isInvisible(node.value) || node.value.includes('\t')))
        node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return escapeInvisible(document.toString({ lineWidth: 0 }));
}
