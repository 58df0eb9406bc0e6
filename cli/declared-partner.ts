/**
 * From a declared partner to what the admin API takes: files are read, keys get their names, shorthand is written out.
 */
import { resolve } from 'node:path';
import type { DeclaredCredential, DeclaredPartner } from './declaration.ts';
import { misuse } from './failure.ts';
import type { Io } from './io.ts';
import { inputName, readBytes, readInput } from './io.ts';
import { defined } from './option-values.ts';
import type { CredentialBody, PartnerDefinition } from './partner-definition.ts';
import { parseCertificate, parseMetadata, parsePublicJwks } from './public-keys.ts';

/**
 * @param directory what file names are relative to.
 * @throws Failure (2) for files and keys that are not what they should be.
 */
export async function definePartner(io: Io, declared: DeclaredPartner, directory: string): Promise<PartnerDefinition> {
  const { id, audiences: _audiences, grants: _grants, credentials = [], jwks, jwksFile, ...rest } = declared;
  const { metadataFile, ...members } = rest;
  const place = `partner ${id}`;
  const read = async (path: string): Promise<string> => readInput(io, resolve(directory, path));
  const sets = jwksFile === undefined ? jwks && JSON.stringify(jwks) : await read(jwksFile);
  const shorthand = sets === undefined ? [] : await parsePublicJwks(sets, jwksFile ?? `the jwks of ${place}`);
  const own = credentials.map((each, index) =>
    readCredential(io, each, directory, `credential ${index + 1} of ${place}`),
  );
  const document = metadataFile === undefined ? undefined : parseMetadata(await read(metadataFile), metadataFile);
  return {
    ...members,
    ...defined({ metadata: document ?? members.metadata }),
    credentials: [...shorthand.map((jwk) => ({ jwk })), ...(await Promise.all(own))],
  };
}

async function readCredential(
  io: Io,
  { jwk, jwkFile, certificate, certificateFile, ...terms }: DeclaredCredential,
  directory: string,
  place: string,
): Promise<CredentialBody> {
  if (certificate !== undefined) return { certificate: parseCertificate(Buffer.from(certificate), place), ...terms };
  if (certificateFile !== undefined) {
    const bytes = await readBytes(io, resolve(directory, certificateFile));
    return { certificate: parseCertificate(bytes, inputName(certificateFile)), ...terms };
  }
  const text = jwkFile === undefined ? JSON.stringify(jwk) : await readInput(io, resolve(directory, jwkFile));
  const [key, ...others] = await parsePublicJwks(text, jwkFile ?? place);
  if (key === undefined || others.length > 0) throw misuse(`${jwkFile ?? place} must hold one key`);
  return { jwk: key, ...terms };
}
