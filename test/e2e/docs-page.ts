/**
 * A page of the documentation as a test reads it: its code blocks, and its shell blocks run in order by one shell, as a reader
 * would paste them one after the other.
 */

import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { Deployment } from '../../local/deployment.ts';

const root = dirname(dirname(import.meta.dirname));

interface Block {
  /** What stands behind the opening fence. */
  readonly language: string;
  readonly text: string;
  /** Of its first line of code, from 1. */
  readonly line: number;
}

const FENCED = /^```([a-z]*)\n(.*?)^```$/gms;

export const blocksOf = (markdown: string): readonly Block[] =>
  [...markdown.matchAll(FENCED)].map(({ index, 1: language = '', 2: text = '' }) => ({
    language,
    text,
    line: markdown.slice(0, index).split('\n').length + 1,
  }));

/** All shell blocks as one script, each command on the line that it has in the page. */
export const scriptOf = (markdown: string): string => {
  const lines: string[] = [];
  for (const { language, text, line } of blocksOf(markdown)) {
    if (language !== 'sh') continue;
    while (lines.length < line - 1) lines.push('');
    lines.push(...text.trimEnd().split('\n').map(expectation));
  }
  return lines.join('\n');
};

const EXIT_CODES: Readonly<Record<string, number>> = { refused: 1, 'wrong usage': 2, 'not now': 3 };

/** `command # refused: words` has to end with exit code 1 and these words on its standard error; likewise the others. */
const expectation = (line: string): string => {
  const [, command, kind = '', words = ''] = /^(.*\S)\s+# (refused|wrong usage|not now): (.+)$/.exec(line) ?? [];
  return command === undefined ? line : `expect_failure ${EXIT_CODES[kind]} ${quote(words)} ${quote(command)}`;
};

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The command runs in the page's own shell, so that it sees its variables; what it sets is its own. */
const PROLOGUE = `expect_failure() {
  expected=$1 words=$2 command=$3 code=0
  (eval "$command") 2>"$DOCS_SUPPORT/refusal" || code=$?
  cat "$DOCS_SUPPORT/refusal" >&2
  [ "$code" -eq "$expected" ] || { echo "exit code $code instead of $expected: $command" >&2; exit 97; }
  grep -qF -e "$words" "$DOCS_SUPPORT/refusal" || { echo "did not say: $words" >&2; exit 98; }
  echo announced >>"$DOCS_SUPPORT/exits"
}
. "$DOCS_SUPPORT/page.sh"`;

/** Programs besides Node, the shell and its usual company that a page calls. */
export const toolsOf = (script: string): readonly string[] =>
  ['curl', 'jq', 'openssl'].filter((tool) => new RegExp(`(^|[|(;&]\\s*|\\$\\()${tool} `, 'm').test(script));

interface Outcome {
  /** Of the shell. */
  readonly code: number | null;
  /** Commands with the exit codes that nothing on the page announces, also where the shell does not look: `1 partner list`. */
  readonly failures: readonly string[];
  /** Commands and all that was written, for people. */
  readonly transcript: string;
}

/** Runs a page's script against a deployment, in a directory of its own that is gone afterwards. */
export const runScript = async (script: string, { url, outputs, operator }: Deployment): Promise<Outcome> => {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-docs-'));
  const support = join(directory, 'support');
  const work = join(directory, 'work');
  try {
    await Promise.all([mkdir(support), mkdir(work)]);
    await Promise.all([
      writeFile(join(support, 'page.sh'), `${script}\n`),
      writeFile(join(support, 'exits'), ''),
      writeProgram(join(support, 'countersign'), 'status=0; "$DOCS_NODE" "$DOCS_CLI" "$@" || status=$?'),
      // Without a registry: it knows the one program that there is in the project's directory.
      writeProgram(
        join(support, 'npx'),
        '[ "$1" = countersign ] || exit 96; shift; status=0; "$DOCS_NODE" "$DOCS_CLI" "$@" || status=$?',
      ),
    ]);
    const { PATH = '' } = process.env;
    const environment = {
      PATH: [support, dirname(process.execPath), PATH].join(delimiter),
      HOME: work,
      LANG: 'C.UTF-8',
      DOCS_SUPPORT: support,
      DOCS_NODE: process.execPath,
      DOCS_CLI: join(root, 'cli/countersign.mjs'),
      COUNTERSIGN_ENDPOINT: outputs.Issuer ?? url.origin,
      AWS_ACCESS_KEY_ID: operator.accessKeyId,
      AWS_SECRET_ACCESS_KEY: operator.secretAccessKey,
      AWS_SESSION_TOKEN: operator.sessionToken,
      AWS_REGION: operator.region,
    };
    const { code, transcript } = await shell(work, environment);
    const exits = await readFile(join(support, 'exits'), 'utf8');
    return { code, transcript, failures: unannounced(exits.trimEnd().split('\n')) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

/** An announcement stands behind the line of the command that it is about. */
const unannounced = (exits: readonly string[]): readonly string[] =>
  exits.filter((line, index) => /^[1-9]/.test(line) && exits[index + 1] !== 'announced');

/** Notes each exit code: a shell that stops at failures does not see those within a pipeline. */
const writeProgram = async (path: string, body: string): Promise<void> => {
  await writeFile(path, `#!/bin/sh\n${body}\necho "$status $*" >>"$DOCS_SUPPORT/exits"\nexit $status\n`);
  await chmod(path, 0o700);
};

const shell = (
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; transcript: string }> =>
  new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-evc', PROLOGUE], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, transcript: Buffer.concat(chunks).toString() }));
  });
