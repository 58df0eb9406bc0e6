/**
 * A token taken apart for people: header and claims, with times in words, and of a token of the Microsoft profile about a user the
 * actor token within. Looking is not verifying.
 */
import { decodeJwt, decodeProtectedHeader, type JWTPayload, type ProtectedHeaderParameters } from 'jose';
import { misuse } from './failure.ts';
import type { Io } from './io.ts';
import { describeTime, record } from './output.ts';

export interface TokenParts {
  readonly header: ProtectedHeaderParameters;
  readonly claims: JWTPayload;
  /** The signed token that an unsigned one holds (MS-XOAUTH); not among the claims then. */
  readonly actor?: TokenParts;
}

/** NumericDate claims (RFC 7519 section 4.1, OpenID Connect `auth_time`). */
const TIME_CLAIMS: ReadonlySet<string> = new Set(['exp', 'nbf', 'iat', 'auth_time', 'updated_at']);

/** @throws Failure (2) when the text is not a JWS in compact form; the message does not repeat it. */
export function decodeToken(token: string): TokenParts {
  const parts = decodeParts(token);
  if (parts === undefined) throw misuse('not a signed JWT (three base64url parts with JSON inside)');
  const { actortoken, ...claims } = parts.claims;
  const actor = typeof actortoken === 'string' ? decodeParts(actortoken) : undefined;
  return actor === undefined ? parts : { header: parts.header, claims, actor };
}

function decodeParts(token: string): TokenParts | undefined {
  try {
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  } catch {
    return undefined;
  }
}

/** Whether a token is of the Microsoft profile, good or bad: unsigned, or about an application by `nameid`. */
export function isActorToken(token: string): boolean {
  const parts = decodeParts(token);
  return parts?.header.alg === 'none' || /^[^@/]+@[^@/]+$/.test(String(parts?.claims.nameid ?? ''));
}

export function describeToken(io: Io, parts: TokenParts, nowMs: number): string {
  const own = describeOne(io, parts, nowMs);
  return parts.actor === undefined ? own : `${own}\nactor token\n${describeOne(io, parts.actor, nowMs)}`;
}

function describeOne(io: Io, { header, claims }: TokenParts, nowMs: number): string {
  const pairs = (members: object) =>
    Object.entries(members).map(([name, value]) => [`  ${name}`, describeMember(name, value, nowMs)] as const);
  return ['header', record(io, pairs(header)), 'claims', record(io, pairs(claims))].join('\n');
}

function describeMember(name: string, value: unknown, nowMs: number): string {
  if (typeof value === 'number' && TIME_CLAIMS.has(name)) return describeTime(value, nowMs);
  // As the products on premises write them.
  if (typeof value === 'string' && TIME_CLAIMS.has(name) && /^\d{1,12}$/.test(value))
    return describeTime(Number(value), nowMs);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
