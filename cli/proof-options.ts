/**
 * The options that say how `token get` proves who it is: a private key, a secret, a token of another issuer, or a TLS
 * certificate.
 */
import { type Command, Option } from 'commander';
import type { ClientProof } from './client-proof.ts';
import { type DpopKey, generateDpopKey } from './dpop.ts';
import { misuse } from './failure.ts';
import { type Io, inputName, readInput } from './io.ts';
import { parseSigningKey } from './private-key.ts';
import { checkTlsIdentity, type TlsIdentity } from './tls-exchange.ts';
import { readSecret, readToken } from './token-input.ts';

export interface ProofOptions {
  readonly key?: string;
  readonly kid?: string;
  readonly alg?: string;
  readonly secretFile?: string;
  readonly auth?: 'client_secret_basic' | 'client_secret_post';
  readonly assertionFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly dpop?: boolean;
  readonly dpopKey?: string;
}

export const addProofOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--key <file>', 'private JWK or PKCS#8 PEM of the partner (- for standard input)').conflicts([
        'secretFile',
        'assertionFile',
      ]),
    )
    .option('--kid <kid>', "key id as registered (default: the JWK's own, or the RFC 7638 thumbprint)")
    .option('--alg <alg>', "algorithm as registered (default: the JWK's own, or the usual one of the key's kind)")
    .addOption(
      new Option('--secret-file <file>', 'client secret, where the realm allows it').conflicts('assertionFile'),
    )
    .addOption(
      new Option('--auth <method>', 'how the secret is sent (default: client_secret_basic)').choices([
        'client_secret_basic',
        'client_secret_post',
      ]),
    )
    .option('--assertion-file <file>', 'JWT of another issuer that proves the partner (federated identity)')
    .option('--tls-cert <file>', 'TLS client certificate, PEM: proves the partner, or binds the token')
    .option('--tls-key <file>', 'private key of the certificate, PEM')
    .option('--tls-ca <file>', 'CA of the service, PEM, trusted beside the usual ones')
    .option('--dpop', 'bind the token to a DPoP key (RFC 9449), made for this one token')
    .option('--dpop-key <file>', 'the same with your own private JWK or PEM');

/**
 * Reads files in order, since two cannot both be standard input.
 * @throws Failure (2) for options that say nothing or half of something, and for files that are not what they should be.
 */
export async function readProof(
  io: Io,
  options: ProofOptions,
): Promise<{ readonly proof: ClientProof; readonly tls: TlsIdentity | undefined; readonly dpop: DpopKey | undefined }> {
  const { key, secretFile, auth, kid, alg } = options;
  if (key === undefined && (kid !== undefined || alg !== undefined)) throw misuse('--kid and --alg go with --key');
  if (secretFile === undefined && auth !== undefined) throw misuse('--auth goes with --secret-file');
  const tls = await readTls(io, options);
  return { proof: await readClientProof(io, options, tls), tls, dpop: await readDpop(io, options) };
}

async function readClientProof(io: Io, options: ProofOptions, tls: TlsIdentity | undefined): Promise<ClientProof> {
  const { key, secretFile, assertionFile, auth = 'client_secret_basic' } = options;
  if (key !== undefined) {
    return { method: 'private_key_jwt', key: await parseSigningKey(await readInput(io, key), inputName(key), options) };
  }
  if (secretFile !== undefined) return { method: auth, secret: await readSecret(io, secretFile, 'a client secret') };
  if (assertionFile !== undefined) return { method: 'federated', assertion: await readToken(io, assertionFile) };
  if (tls?.certificate !== undefined) return { method: 'tls_client_auth' };
  throw misuse('nothing proves the partner: pass --key, --secret-file, --assertion-file, or --tls-cert and --tls-key');
}

async function readTls(io: Io, { tlsCert, tlsKey, tlsCa }: ProofOptions): Promise<TlsIdentity | undefined> {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) throw misuse('--tls-cert and --tls-key go together');
  if (tlsCert === undefined && tlsCa === undefined) return undefined;
  const ca = tlsCa === undefined ? undefined : await readInput(io, tlsCa);
  const identity: TlsIdentity =
    tlsCert === undefined || tlsKey === undefined
      ? { ca }
      : { ca, certificate: { cert: await readInput(io, tlsCert), key: await readInput(io, tlsKey) } };
  checkTlsIdentity(identity);
  return identity;
}

async function readDpop(io: Io, { dpop, dpopKey }: ProofOptions): Promise<DpopKey | undefined> {
  if (dpopKey !== undefined) return parseSigningKey(await readInput(io, dpopKey), inputName(dpopKey), {});
  return dpop === true ? generateDpopKey() : undefined;
}
