/**
 * The file that keeps keys between runs: its format, and how it is read and replaced.
 * It holds private keys, so it is readable by its owner only, and no error repeats any of its content.
 */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import type { Placement } from '../service.ts';
import { type Key, kmsArn } from './key.ts';
import { loadMaterial } from './key-pair.ts';
import { readPolicy } from './key-policy.ts';
import { isSupportedSpec, type KeySpecName } from './key-specs.ts';

export interface Alias {
  /** With the prefix `alias/`. */
  readonly name: string;
  readonly createdAt: number;
  updatedAt: number;
  key: Key;
}

export interface Contents {
  readonly keys: Iterable<Key>;
  readonly aliases: Iterable<Alias>;
}

const STORED = z.strictObject({
  format: z.literal('countersign-embedded-kms-1'),
  region: z.string(),
  account: z.string(),
  keys: z.array(
    z.strictObject({
      id: z.guid(),
      spec: z.custom<KeySpecName>((value) => typeof value === 'string' && isSupportedSpec(value), 'unknown key spec'),
      description: z.string(),
      createdAt: z.number(),
      isEnabled: z.boolean(),
      deletionAt: z.number().optional(),
      /** Pairs and not an object, whose prototype would swallow a tag called `__proto__`. */
      tags: z.array(z.tuple([z.string(), z.string()])),
      policy: z.string(),
      lastUsage: z.strictObject({ operation: z.enum(['Sign', 'Verify']), at: z.number() }).optional(),
      /** PKCS #8, DER in base64. */
      privateKey: z.base64(),
    }),
  ),
  aliases: z.array(
    z.strictObject({ name: z.string(), createdAt: z.number(), updatedAt: z.number(), keyId: z.string() }),
  ),
});

type Stored = z.infer<typeof STORED>;

/**
 * What the file holds; nothing when there is no such file yet.
 * @throws Error of one line that names the file, when it cannot be read or is not what this class writes.
 */
export function readKeyFile(file: string, placement: Placement): { keys: Key[]; aliases: Alias[] } {
  try {
    return restore(parse(readFileSync(file, 'utf8')), placement);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { keys: [], aliases: [] };
    const reason = error instanceof Error ? error.message : String(error);
    // Without a cause: the errors of JSON.parse quote the text, which has private keys in it.
    throw new Error(`The embedded KMS cannot use its key file ${file}: ${reason}`);
  }
}

function parse(text: string): Stored {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
  const parsed = STORED.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Error(`${issue?.path.join('.') || 'its content'} is wrong (${issue?.message})`);
}

function restore(stored: Stored, placement: Placement): { keys: Key[]; aliases: Alias[] } {
  if (stored.region !== placement.region || stored.account !== placement.account) {
    throw new Error(`its keys belong to account ${stored.account} in ${stored.region}`);
  }
  const keys = new Map(stored.keys.map((record) => [record.id, restoreKey(record, placement)]));
  const aliases = stored.aliases.map(({ keyId, ...alias }) => {
    const key = keys.get(keyId);
    if (key === undefined) throw new Error(`${alias.name} names a key that it does not hold`);
    return { ...alias, key };
  });
  return { keys: [...keys.values()], aliases };
}

function restoreKey(record: Stored['keys'][number], placement: Placement): Key {
  const { privateKey, policy, tags, ...rest } = record;
  try {
    const der = Buffer.from(privateKey, 'base64');
    return {
      ...rest,
      ...loadMaterial(record.spec, createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })),
      arn: kmsArn(placement, `key/${record.id}`),
      tags: new Map(tags),
      policy: { text: policy, document: readPolicy(policy) },
      deletionAt: record.deletionAt,
      lastUsage: record.lastUsage,
    };
  } catch (error) {
    throw new Error(`key ${record.id} is damaged (${error instanceof Error ? error.message : String(error)})`);
  }
}

function render({ keys, aliases }: Contents, { region, account }: Placement): string {
  const stored: Stored = {
    format: 'countersign-embedded-kms-1',
    region,
    account,
    keys: Array.from(keys, ({ arn, publicKeyInfo, signer, ...key }) => ({
      ...key,
      tags: [...key.tags],
      policy: key.policy.text,
      privateKey: key.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    })),
    aliases: Array.from(aliases, ({ key, ...alias }) => ({ ...alias, keyId: key.id })),
  };
  return `${JSON.stringify(stored, null, 1)}\n`;
}

/** Replaces the file in one step: a crash leaves either the old content or the new. */
export async function writeKeyFile(file: string, contents: Contents, placement: Placement): Promise<void> {
  const text = render(contents, placement);
  await mkdir(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}.tmp`;
  try {
    await writePrivately(unfinished, text);
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

async function writePrivately(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
