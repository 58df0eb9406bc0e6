/** What it may cost us to look for somebody who has proved nothing. */

/** Such a caller can make us read no more than once in this many seconds. */
export const UNPROVEN_MAX_AGE_SECONDS = 5;
