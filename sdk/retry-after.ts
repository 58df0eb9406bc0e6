/** `Retry-After` (RFC 9110 10.2.3), in seconds or as a date. */

/**
 * @param now milliseconds since the epoch, by the clock of whoever waits.
 * @returns undefined when there is none, or none that makes sense.
 */
export const retryAfterSeconds = (headers: Headers, now: number): number | undefined => {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  // The server's own `Date` is what its date is to be compared with.
  const told = Date.parse(headers.get('date') ?? '');
  const seconds = Math.ceil((Date.parse(text) - (Number.isNaN(told) ? now : told)) / 1_000);
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
};
