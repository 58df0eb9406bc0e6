/** Assertions and tokens as an attacker writes them: any header, any payload, any signature. */

import { randomUUID, sign } from 'node:crypto';
import { base64url, exportPKCS8 } from 'jose';
import type { TestPartner } from './service.ts';

export const seconds = (): number => Math.floor(Date.now() / 1_000);

/** Claims of an assertion that would be good now. */
export const goodClaims = (partner: TestPartner, issuer: string, changes: object = {}) => ({
  iss: partner.id,
  sub: partner.id,
  aud: issuer,
  jti: randomUUID(),
  iat: seconds(),
  exp: seconds() + 60,
  ...changes,
});

export const goodHeader = (partner: TestPartner, changes: object = {}) => ({
  alg: partner.alg,
  kid: `${partner.id}-key`,
  ...changes,
});

const encode = (part: object | string): string =>
  base64url.encode(typeof part === 'string' ? part : JSON.stringify(part));

/** A compact JWS whose parts are taken as they are; `makeSignature` gets the signing input. */
export const compactOf = (
  header: object | string,
  payload: object | string,
  makeSignature: (input: string) => Uint8Array | Promise<Uint8Array>,
): Promise<string> => withSignature(`${encode(header)}.${encode(payload)}`, makeSignature);

const withSignature = async (
  input: string,
  makeSignature: (input: string) => Uint8Array | Promise<Uint8Array>,
): Promise<string> => `${input}.${base64url.encode(await makeSignature(input))}`;

/** A right signature of an ES256 or RS256 partner, made by node:crypto and not by the library that verifies it. */
export const signedBy =
  (partner: Pick<TestPartner, 'privateKey'>) =>
  async (input: string): Promise<Uint8Array> =>
    sign('sha256', Buffer.from(input), { key: await exportPKCS8(partner.privateKey), dsaEncoding: 'ieee-p1363' });

/** Replaces one part of a compact JWS. */
export const withPart = (jws: string, index: 0 | 1 | 2, part: string): string =>
  jws
    .split('.')
    .map((each, at) => (at === index ? part : each))
    .join('.');

export const partOf = (jws: string, index: 0 | 1 | 2): string => jws.split('.')[index] ?? '';
