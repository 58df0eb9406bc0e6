/** Both parts of a token, made as the products on premises make them, and taken apart as the .NET handler of the products does. */

import type { ServerCertificate } from './certificates.ts';
import type { Account } from './names.ts';

type Claims = Readonly<Record<string, unknown>>;

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export const signJwt = (certificate: ServerCertificate, claims: Claims, header: object = {}): string => {
  const input = `${part({ typ: 'JWT', alg: 'RS256', x5t: certificate.x5t, ...header })}.${part(claims)}`;
  return `${input}.${certificate.sign(input)}`;
};

export interface Lifetime {
  readonly from: number;
  readonly to: number;
}

/** Text, as on premises. */
export const textTimes = ({ from, to }: Lifetime) => ({ nbf: String(from), exp: String(to) });

/** The identifiers of a user: the SID by which Active Directory knows it where there is one, and every address. */
const userClaims = ({ sid, upn, smtp, sip }: Account): Claims => ({
  nameid: sid ?? upn,
  ...(sid === undefined ? {} : { nii: 'urn:office:idp:activedirectory' }),
  ...(upn === undefined ? {} : { upn }),
  ...(smtp === undefined ? {} : { smtp }),
  ...(sip === undefined ? {} : { sip }),
});

/** The unsigned token about a user around an actor token, which has said who the issuer of this one is. */
export const outerToken = (actorToken: string, account: Account, lifetime: Lifetime): string => {
  const claims = readJwt(actorToken)?.claims ?? {};
  const outer = {
    ...{ aud: claims.aud, iss: claims.nameid, ...textTimes(lifetime) },
    ...userClaims(account),
    actortoken: actorToken,
  };
  return `${part({ typ: 'JWT', alg: 'none' })}.${part(outer)}.`;
};

export interface ReadJwt {
  readonly header: Claims;
  readonly claims: Claims;
  /** What is signed. */
  readonly input: string;
  readonly signature: string;
}

const SHAPE = /^[A-Za-z0-9-_]+\.[A-Za-z0-9-_]+\.[A-Za-z0-9-_]*$/;

/** @returns `undefined`: not three parts, or not JSON. */
export const readJwt = (token: string): ReadJwt | undefined => {
  if (!SHAPE.test(token)) return undefined;
  const [header = '', claims = '', signature = ''] = token.split('.');
  try {
    return { header: readPart(header), claims: readPart(claims), input: `${header}.${claims}`, signature };
  } catch {
    return undefined;
  }
};

const readPart = (text: string): Claims => {
  const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object');
  return value as Claims;
};

/** The products turn the claim's text into a 64-bit number, so that it does not matter whether it is one. */
export const toInt64 = (value: unknown): number | undefined => {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && /^\s*[+-]?\d{1,15}\s*$/.test(text) ? Number(text) : undefined;
};
