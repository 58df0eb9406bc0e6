/**
 * The options that bring a partner's public keys: from a file in one of three forms, or a document that speaks for the partner.
 */
import { type Command, Option } from 'commander';
import { misuse } from './failure.ts';
import { type Io, inputName, readBytes, readInput } from './io.ts';
import { parseAlgorithm } from './key-material.ts';
import { collectValues, defined, parseMoment } from './option-values.ts';
import type { CredentialBody, PartnerDefinition } from './partner-definition.ts';
import { parseCertificate, parseMetadata, parsePublicJwks, parsePublicPem, requireHttps } from './public-keys.ts';

export interface KeyOptions {
  readonly jwks?: string;
  readonly publicKey?: string;
  readonly certificate?: readonly string[];
  readonly alg?: string;
  readonly kid?: string;
  readonly label?: string;
  readonly notBefore?: string;
  readonly expiresAt?: string;
}

export interface DocumentOptions {
  readonly jwksUri?: string;
  readonly metadataUrl?: string;
  readonly metadataFile?: string;
  readonly metadata?: string;
}

/** @param jwksFlag what the option for JWKS files is called here. */
export function addKeyOptions(command: Command, jwksFlag = '--jwks <file>'): Command {
  const jwksName = new Option(jwksFlag).attributeName();
  return command
    .addOption(
      new Option(jwksFlag, 'JWKS or public JWK (- for standard input)').conflicts(['publicKey', 'certificate']),
    )
    .addOption(new Option('--public-key <file>', 'PEM public key or certificate').conflicts('certificate'))
    .option(
      '--certificate <file>',
      'X.509 certificate, PEM or DER; its dates and thumbprints count too; repeat for more',
      collectValues,
    )
    .addOption(
      new Option('--alg <alg>', 'algorithm of the key (RSA: RS256 unless said here; MSAL signs with PS256)').conflicts(
        jwksName,
      ),
    )
    .addOption(
      new Option('--kid <kid>', 'key id of the PEM key (default: RFC 7638 thumbprint)').conflicts([
        jwksName,
        'certificate',
      ]),
    )
    .option('--label <text>', 'name of the key for people')
    .option('--not-before <time>', 'the key counts from then on (RFC 3339, or a day)', parseMoment)
    .option('--expires-at <time>', 'the key counts until then (RFC 3339, or a day)', parseMoment);
}

export function addDocumentOptions(command: Command): Command {
  const others = ['jwksUri', 'metadataUrl', 'metadataFile', 'metadata'];
  const option = (flags: string, help: string): Option => {
    const made = new Option(flags, help);
    return made.conflicts(others.filter((name) => name !== made.attributeName()));
  };
  return command
    .addOption(option('--jwks-uri <url>', 'follow the keys that the partner publishes there (https)'))
    .addOption(
      option(
        '--metadata-url <url>',
        'follow this metadata document: RFC 8414, OIDC discovery or Microsoft metadata/json/1',
      ),
    )
    .addOption(option('--metadata-file <file>', 'read such a document once, from a file (- for standard input)'))
    .addOption(option('--metadata <url|file>', 'one of the two above, whichever it looks like'));
}

/** @throws Failure (2) for files that are not what they should be, above all private keys. */
export async function readCredentials(io: Io, options: KeyOptions): Promise<readonly CredentialBody[]> {
  const { label, notBefore, expiresAt } = options;
  const terms = defined({ label, notBefore, expiresAt });
  const keys = await readKeys(io, options);
  if (keys.length === 0 && Object.keys(terms).length > 0)
    throw misuse('no key for --label, --not-before or --expires-at');
  return keys.map((key) => ({ ...key, ...terms }));
}

async function readKeys(
  io: Io,
  { jwks, publicKey, certificate = [], alg, kid }: KeyOptions,
): Promise<CredentialBody[]> {
  if (jwks !== undefined) {
    return (await parsePublicJwks(await readInput(io, jwks), inputName(jwks))).map((jwk) => ({ jwk }));
  }
  if (publicKey !== undefined) {
    return [{ jwk: await parsePublicPem(await readInput(io, publicKey), inputName(publicKey), { alg, kid }) }];
  }
  if (kid !== undefined || (alg !== undefined && certificate.length === 0)) {
    throw misuse('--alg and --kid go with --public-key FILE');
  }
  const named = alg === undefined ? {} : { alg: parseAlgorithm(alg) };
  const files = await Promise.all(certificate.map(async (path) => [path, await readBytes(io, path)] as const));
  return files.map(([path, bytes]) => ({ certificate: parseCertificate(bytes, inputName(path)), ...named }));
}

/** @throws Failure (2) when the document is not one. */
export async function readDocument(
  io: Io,
  { jwksUri, metadataUrl, metadataFile, metadata }: DocumentOptions,
): Promise<Pick<PartnerDefinition, 'metadata' | 'jwksUri' | 'metadataUrl'>> {
  const isUrl = metadata !== undefined && /^https?:\/\//i.test(metadata);
  const url = metadataUrl ?? (isUrl ? metadata : undefined);
  const file = metadataFile ?? (isUrl ? undefined : metadata);
  for (const address of [jwksUri, url]) if (address !== undefined) requireHttps(address);
  const document = file === undefined ? undefined : parseMetadata(await readInput(io, file), inputName(file));
  return defined({ jwksUri, metadataUrl: url, metadata: document });
}
