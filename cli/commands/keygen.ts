/**
 * `countersign keygen`: a key pair for a partner. The private half is written for its owner alone and never printed.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { misuse } from '../failure.ts';
import { examples } from '../help.ts';
import { errorCode, type Io } from '../io.ts';
import { ALGORITHM_NAMES, parseAlgorithm } from '../key-material.ts';
import { record, show } from '../output.ts';
import { readSettings } from '../settings.ts';

interface KeygenOptions {
  readonly client: string;
  readonly out: string;
  readonly alg: string;
}

/** What the service takes as a client id; here it also keeps the file names inside their directory. */
const CLIENT_ID = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/;

/** As strong as P-256, for RSA keys that live for years (NIST SP 800-57 part 1, table 2). */
const RSA_BITS = 3072;

export function addKeygenCommand(program: Command, io: Io): void {
  program
    .command('keygen')
    .description('make a key pair for a partner: <id>.private.jwk.json (mode 0600) and <id>.jwks.json (public)')
    .requiredOption('--client <id>', 'client id of the partner')
    .requiredOption('--out <dir>', 'directory to write to; made if missing, nothing in it is overwritten')
    .option('--alg <alg>', `algorithm: ${ALGORITHM_NAMES.join(', ')}`, 'ES256')
    .addHelpText(
      'after',
      examples(
        'keygen --client billing --out ./keys',
        'keygen --client billing --out ./keys --alg PS256 && countersign partner add billing --jwks ./keys/billing.jwks.json',
      ),
    )
    .action(async ({ client, out, alg }: KeygenOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      if (!CLIENT_ID.test(client)) throw misuse(`not a client id: "${client}"`);
      const pair = await generatePair(alg);
      const files = { privateKey: join(out, `${client}.private.jwk.json`), jwks: join(out, `${client}.jwks.json`) };
      await writePair(out, files, pair);
      const made = { client, kid: pair.publicJwk.kid, alg: pair.publicJwk.alg, ...files };
      show(io, settings.json, made, () =>
        record(io, [
          ['private key', made.privateKey],
          ['public keys', made.jwks],
          ['key id', made.kid],
          ['algorithm', made.alg],
        ]),
      );
    });
}

interface Pair {
  readonly privateJwk: JWK;
  readonly publicJwk: JWK;
}

async function generatePair(asked: string): Promise<Pair> {
  const alg = parseAlgorithm(asked);
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true, modulusLength: RSA_BITS });
  const publicJwk = await exportJWK(publicKey);
  const names = { kid: await calculateJwkThumbprint(publicJwk), alg, use: 'sig' };
  return { privateJwk: { ...(await exportJWK(privateKey)), ...names }, publicJwk: { ...publicJwk, ...names } };
}

async function writePair(directory: string, files: { privateKey: string; jwks: string }, pair: Pair): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw misuse(`cannot make the directory ${directory}: ${errorCode(error)}`);
  }
  await writeNew(files.privateKey, pair.privateJwk, 0o600);
  try {
    await writeNew(files.jwks, { keys: [pair.publicJwk] }, 0o644);
  } catch (error) {
    // Half a pair is of no use, and would block the next attempt.
    await rm(files.privateKey);
    throw error;
  }
}

/** `wx` fails on everything that is there, symbolic links included: a key in use is never overwritten. */
async function writeNew(path: string, content: object, mode: number): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(content, null, 2)}\n`, { flag: 'wx', mode });
  } catch (error) {
    const code = errorCode(error);
    throw misuse(
      code === 'EEXIST' ? `${path} is already there and is not overwritten` : `cannot write ${path}: ${code}`,
    );
  }
}
