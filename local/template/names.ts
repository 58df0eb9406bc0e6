/**
 * Physical names and identifiers of a stack's resources, as CloudFormation and the services would make them,
 * but derived from stack and logical id alone: a restart on the same data finds its tables and keys again.
 */

import { createHash } from 'node:crypto';

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const LOWER = 'abcdefghijklmnopqrstuvwxyz0123456789';

const derive = (seed: string, alphabet: string, length: number): string =>
  Array.from(createHash('sha256').update(seed).digest().subarray(0, length), (byte) =>
    alphabet.charAt(byte % alphabet.length),
  ).join('');

/** `<stack>-<logical id>-<12 letters>`, shortened in the middle parts to `maxLength` as CloudFormation does. */
export function physicalName(stack: string, logicalId: string, maxLength: number): string {
  const suffix = derive(`name/${stack}/${logicalId}`, UPPER, 12);
  return `${`${stack}-${logicalId}`.slice(0, maxLength - suffix.length - 1)}-${suffix}`;
}

/** An identifier as API Gateway makes them: ten lower-case letters and digits. */
export const gatewayId = (stack: string, logicalId: string): string =>
  derive(`gateway/${stack}/${logicalId}`, LOWER, 10);

/** A role's unique id, `AROA` and 17 letters (IAM user guide, "IAM identifiers"). */
export const roleId = (stack: string, logicalId: string): string =>
  `AROA${derive(`role/${stack}/${logicalId}`, UPPER, 17)}`;

/** A UUID that stays the same for this stack and purpose. */
export function stableUuid(stack: string, purpose: string): string {
  const hex = createHash('sha256').update(`uuid/${stack}/${purpose}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
