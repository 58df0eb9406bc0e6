/** `nbf` and `exp` as the products write them: text on premises, numbers in the cloud, seconds in both. */

import { accept, type Result, refuse } from './errors.ts';
import type { JsonObject } from './json-object.ts';
import type { MicrosoftFault } from './microsoft-fault.ts';
import type { EpochSeconds } from './partner.ts';

/** What the products' own validator allows clocks to differ by. */
export const SKEW_SECONDS = 300;

/** The longest that each kind of issuer is known to give: SharePoint's twelve hours, and Entra's day with five minutes before it. */
export const SELF_ISSUED_SECONDS = 43_200;
export const AUTHORIZATION_SERVER_SECONDS = 87_000;

/** Digits only: `1e10`, `0x10` and blanks are numbers to JavaScript and nothing to those who wrote the token. */
const DIGITS = /^(?:0|[1-9][0-9]{0,11})$/;

const seconds = (value: unknown): EpochSeconds | undefined => {
  if (typeof value === 'string') return DIGITS.test(value) ? Number(value) : undefined;
  return Number.isSafeInteger(value) && DIGITS.test(String(value)) ? Number(value) : undefined;
};

/** @returns when it ends. */
export const checkLifetime = (
  claims: JsonObject,
  maxSeconds: number,
  now: EpochSeconds,
): Result<EpochSeconds, MicrosoftFault> => {
  const [notBefore, expiresAt] = [seconds(claims.nbf), seconds(claims.exp)];
  if (notBefore === undefined || expiresAt === undefined || expiresAt <= notBefore) return refuse('invalid_time_claim');
  if (expiresAt <= now - SKEW_SECONDS) return refuse('token_expired');
  if (notBefore > now + SKEW_SECONDS) return refuse('token_not_yet_valid');
  return expiresAt - notBefore > maxSeconds ? refuse('lifetime_too_long') : accept(expiresAt);
};
