/** OAuth scope strings (RFC 6749 3.3). */

const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const MAX_SCOPE_TOKEN_LENGTH = 128;

/** Enough for any real request; bounds what a caller can make us compare. */
export const MAX_SCOPES = 64;

/**
 * Characters of all scopes of one grant together. A token carries them, and has to fit into the header that carries it:
 * servers commonly take 8 KB.
 */
export const MAX_SCOPE_LENGTH = 2_048;

export const isScopeToken = (value: string): boolean =>
  value.length <= MAX_SCOPE_TOKEN_LENGTH && SCOPE_TOKEN.test(value);

/** Splits a `scope` parameter; order kept, repetitions dropped. `undefined`: not a scope string, or too many scopes. */
export const parseScope = (value: string): readonly string[] | undefined => {
  const tokens = value.split(' ');
  if (tokens.length > MAX_SCOPES || !tokens.every(isScopeToken)) return undefined;
  return [...new Set(tokens)];
};

export const formatScope = (scopes: readonly string[]): string => scopes.join(' ');
