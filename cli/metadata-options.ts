/**
 * The options that describe a client to its authorization server (RFC 7591), for `register` and `registration update`.
 */
import { X509Certificate } from 'node:crypto';
import { type Command, Option } from 'commander';
import { type Io, inputName, readBytes, readInput } from './io.ts';
import { collectValues, defined } from './option-values.ts';
import { parseCertificate, parsePublicJwks, requireHttps } from './public-keys.ts';
import { REGISTRABLE_METHODS } from './registrable-method.ts';
import type { ClientMetadata } from './registration.ts';

export interface MetadataOptions {
  readonly jwks?: string;
  readonly jwksUri?: string;
  readonly certificate?: string;
  readonly method?: string;
  readonly name?: string;
  readonly contact?: readonly string[];
}

export const addMetadataOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--jwks <file>', 'its public keys: JWKS or JWK (- for standard input)').conflicts([
        'jwksUri',
        'certificate',
      ]),
    )
    .addOption(new Option('--jwks-uri <url>', 'where it publishes them (https)').conflicts('certificate'))
    .option(
      '--certificate <file>',
      'its TLS certificate, PEM or DER: self_signed_tls_client_auth unless said otherwise',
    )
    .addOption(new Option('--method <method>', 'how it proves itself').choices(REGISTRABLE_METHODS))
    .option('--name <name>', 'name for people')
    .option('--contact <text>', 'who answers for it; repeat for more', collectValues);

/**
 * Only what was given.
 * @throws Failure (2) for files that are not what they should be, above all private keys, before anything is sent.
 */
export async function readMetadata(io: Io, options: MetadataOptions): Promise<ClientMetadata> {
  const { jwks, jwksUri, certificate, method, name, contact } = options;
  const usual = certificate === undefined ? undefined : 'self_signed_tls_client_auth';
  if (jwksUri !== undefined) requireHttps(jwksUri);
  return defined({
    token_endpoint_auth_method: method ?? usual,
    jwks: await readKeys(io, jwks, certificate),
    jwks_uri: jwksUri,
    client_name: name,
    contacts: contact,
  });
}

/** RFC 8705 section 2.2.2: a self-signed certificate is known by the `x5c` of its key. */
const CERTIFICATE_MEMBERS = ['x5c'];

async function readKeys(
  io: Io,
  jwks: string | undefined,
  certificate: string | undefined,
): Promise<object | undefined> {
  if (jwks !== undefined) {
    return { keys: await parsePublicJwks(await readInput(io, jwks), inputName(jwks), CERTIFICATE_MEMBERS) };
  }
  if (certificate === undefined) return undefined;
  const der = parseCertificate(await readBytes(io, certificate), inputName(certificate));
  const key = new X509Certificate(Buffer.from(der, 'base64')).publicKey.export({ format: 'jwk' });
  const text = JSON.stringify({ ...key, x5c: [der] });
  return { keys: await parsePublicJwks(text, inputName(certificate), CERTIFICATE_MEMBERS) };
}
