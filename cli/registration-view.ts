/**
 * A registered client on the terminal, as its authorization server tells it.
 */
import type { Io } from './io.ts';
import { isObject } from './key-material.ts';
import { record } from './output.ts';
import type { Registered } from './registration.ts';

/** @param path where the registration access token is kept. */
export function describeClient(io: Io, { metadata, file }: Registered, path: string): string {
  const {
    token_endpoint_auth_method: method,
    client_name: name,
    contacts,
    jwks,
    jwks_uri: uri,
    grant_types,
  } = metadata;
  const keys: readonly unknown[] = isObject(jwks) && Array.isArray(jwks.keys) ? jwks.keys : [];
  const rest = [
    ['name', textOf(name)],
    ['contact', listOf(contacts)],
    ['proves itself by', textOf(method)],
    ...keys.map((key) => ['key', isObject(key) ? textOf(key.kid) : undefined] as const),
    ['keys from', textOf(uri)],
    ['grant types', listOf(grant_types)],
  ] as const;
  return record(io, [
    ['client id', file.client_id],
    ['issuer', file.issuer],
    ...rest,
    ['registration', `in ${path}: keep it to yourself, it can change these keys`],
  ]);
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const listOf = (value: unknown): string | undefined =>
  Array.isArray(value) ? value.map(String).join(', ') : undefined;
