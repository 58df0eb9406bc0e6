/**
 * A signed token taken apart for people: header and claims, with times in words. Looking is not verifying.
 */
import { decodeJwt, decodeProtectedHeader, type JWTPayload, type ProtectedHeaderParameters } from 'jose';
import { misuse } from './failure.ts';
import type { Io } from './io.ts';
import { describeTime, record } from './output.ts';

export interface TokenParts {
  readonly header: ProtectedHeaderParameters;
  readonly claims: JWTPayload;
}

/** NumericDate claims (RFC 7519 section 4.1, OpenID Connect `auth_time`). */
const TIME_CLAIMS: ReadonlySet<string> = new Set(['exp', 'nbf', 'iat', 'auth_time', 'updated_at']);

/** @throws Failure (2) when the text is not a JWS in compact form; the message does not repeat it. */
export function decodeToken(token: string): TokenParts {
  try {
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  } catch {
    throw misuse('not a signed JWT (three base64url parts with JSON inside)');
  }
}

export function describeToken(io: Io, { header, claims }: TokenParts, nowMs: number): string {
  const pairs = (members: object) =>
    Object.entries(members).map(([name, value]) => [`  ${name}`, describeMember(name, value, nowMs)] as const);
  return ['header', record(io, pairs(header)), 'claims', record(io, pairs(claims))].join('\n');
}

function describeMember(name: string, value: unknown, nowMs: number): string {
  if (typeof value === 'number' && TIME_CLAIMS.has(name)) return describeTime(value, nowMs);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
