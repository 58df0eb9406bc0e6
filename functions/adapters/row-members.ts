/** Members of a row, each checked as it is read: what is not as this version of the code writes it is a fault of ours. */

import type { JWK } from 'jose';
import { KEY_ATTRIBUTES } from '../config.ts';
import { isJwsAlgorithm, type JwsAlgorithm } from '../core/algorithms.ts';
import type { Row } from './registry-keys.ts';

const { partition, sort } = KEY_ATTRIBUTES;

/** A row of the registry is not what this version of the code writes. */
export class MalformedRowError extends Error {
  override readonly name = 'MalformedRowError';
}

const wrong = (row: Row, member: string): MalformedRowError =>
  new MalformedRowError(`row ${String(row[partition])} / ${String(row[sort])}: ${member} is missing or malformed`);

export const text = (row: Row, member: string): string => {
  const value = row[member];
  if (typeof value !== 'string') throw wrong(row, member);
  return value;
};

export const whole = (row: Row, member: string): number => {
  const value = row[member];
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrong(row, member);
  return value;
};

export const flag = (row: Row, member: string): boolean => {
  const value = row[member];
  if (typeof value !== 'boolean') throw wrong(row, member);
  return value;
};

export const texts = (row: Row, member: string): readonly string[] => {
  const value = row[member];
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) throw wrong(row, member);
  return value;
};

const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Rows within a row, each told where it stands, for what is said when it is malformed. */
export const list = (row: Row, member: string): readonly Row[] => {
  const value = row[member];
  if (!Array.isArray(value) || !value.every(isRow)) throw wrong(row, member);
  return value.map((each, index) => ({ ...each, ...place(row, `${member}[${index}]`) }));
};

/** A row within a row, told where it stands. */
export const nested = (row: Row, member: string): Row => {
  const value = row[member];
  if (!isRow(value)) throw wrong(row, member);
  return { ...value, ...place(row, member) };
};

/** Rows within a row by name, each told where it stands. */
export const entries = (row: Row, member: string): readonly (readonly [string, Row])[] =>
  Object.entries(record(row, member)).map(([name, value]) => [
    name,
    nested({ ...place(row, member), [name]: value }, name),
  ]);

const place = (row: Row, member: string): Row => ({ [partition]: row[partition], [sort]: `${row[sort]} ${member}` });

/** A mark that is either there or not. */
export const held = (row: Row): true => {
  if (row.hold !== true) throw wrong(row, 'hold');
  return true;
};

export const jwk = (row: Row, member: string): JWK => {
  const value = row[member];
  if (!isRow(value) || typeof value.kty !== 'string') throw wrong(row, member);
  return { ...value, kty: value.kty };
};

export const algorithm = (row: Row, member: string): JwsAlgorithm => {
  const value = row[member];
  if (!isJwsAlgorithm(value)) throw wrong(row, member);
  return value;
};

export const oneOf = <Value extends string>(row: Row, member: string, values: readonly Value[]): Value => {
  const found = values.find((value) => value === row[member]);
  if (found === undefined) throw wrong(row, member);
  return found;
};

export const optionalTime = <Member extends string>(
  row: Row,
  member: Member,
): { readonly [name in Member]?: number } =>
  row[member] === undefined ? {} : ({ [member]: whole(row, member) } as { readonly [name in Member]?: number });

export const optionalTimes = <Member extends string>(
  row: Row,
  members: readonly Member[],
): { readonly [name in Member]?: number } => Object.assign({}, ...members.map((member) => optionalTime(row, member)));

export const optionalText = <Member extends string>(
  row: Row,
  member: Member,
): { readonly [name in Member]?: string } =>
  row[member] === undefined ? {} : ({ [member]: text(row, member) } as { readonly [name in Member]?: string });

/** Names with texts, such as tags. */
export const textMap = (row: Row, member: string): Readonly<Record<string, string>> => {
  const value = row[member];
  if (!isRow(value) || !Object.values(value).every((each) => typeof each === 'string')) throw wrong(row, member);
  return value as Readonly<Record<string, string>>;
};

/** A value that is kept as it is. */
export const record = (row: Row, member: string): Row => {
  const value = row[member];
  if (!isRow(value)) throw wrong(row, member);
  return value;
};
