/**
 * The private keys of a service's rings, as the embedded KMS keeps them in a data directory. Nobody has them in a real
 * deployment; a test needs them to sign what the service itself would never sign.
 */

import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, importPKCS8 } from 'jose';
import * as z from 'zod';
import type { Service } from './service.ts';

export interface RingKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
}

const keyFile = z.object({ keys: z.array(z.object({ privateKey: z.base64() })) });
const published = z.object({ keys: z.array(z.object({ kid: z.string(), alg: z.string() })) });

/** The published keys of a service that was started with this data directory, in the order of its JWKS. */
export const ringKeys = async (service: Service, dataDirectory: string): Promise<readonly RingKey[]> => {
  const stored = keyFile.parse(JSON.parse(await readFile(join(dataDirectory, 'kms.json'), 'utf8')));
  const pems = new Map<string, string>();
  for (const { privateKey } of stored.keys) {
    const key = createPrivateKey({ key: Buffer.from(privateKey, 'base64'), format: 'der', type: 'pkcs8' });
    const kid = await calculateJwkThumbprint(await exportJWK(createPublicKey(key)));
    pems.set(kid, key.export({ format: 'pem', type: 'pkcs8' }).toString());
  }
  const { keys } = published.parse(await (await fetch(new URL('/jwks', service.deployment.url))).json());
  return Promise.all(
    keys.map(async ({ kid, alg }) => ({
      kid,
      alg,
      privateKey: await importPKCS8(pems.get(kid) ?? '', alg, { extractable: true }),
    })),
  );
};
