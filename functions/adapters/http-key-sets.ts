/** The public key sets, fetched as a verifier does: through the door, over the network. */

import type { PublicKeySets } from '../ports.ts';

/** A key set is some KB from our own API; what takes longer is asked for again by the next run. */
const TIMEOUT_MS = 5_000;

/** @param urls the JWKS URL of every Region that serves the realm. */
export const httpKeySets = (urls: readonly string[]): PublicKeySets => ({
  name: async (kid) => (await Promise.all(urls.map((url) => names(url, kid)))).every(Boolean),
});

/** A key set that cannot be had names nothing: activation waits, nothing else does. */
const names = async (url: string, kid: string): Promise<boolean> => {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
    if (!answer.ok) return false;
    const { keys } = (await answer.json()) as { readonly keys?: readonly { readonly kid?: unknown }[] };
    return Array.isArray(keys) && keys.some((key) => key.kid === kid);
  } catch {
    return false;
  }
};
