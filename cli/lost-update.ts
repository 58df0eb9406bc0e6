/**
 * Changes to what others may be changing too: each is sent with the version it was made from, and a lost race is told as one.
 */
import { Failure } from './failure.ts';
import { ServiceRefusal } from './service-refusal.ts';

interface Versioned {
  readonly version: number;
}

/** Somebody else was faster; nothing was changed. */
class LostUpdate extends Failure {
  constructor(what: string) {
    super(1, `${what} was changed by somebody else since it was read, and nothing was done; look again`);
    this.name = 'LostUpdate';
  }
}

/**
 * Runs a change that was made from `read`.
 * @param again reads the record anew: a 409 is a lost race only if there is another version now, else it says what it says.
 * @param what is changed, for the message.
 * @throws LostUpdate, or whatever `change` throws.
 */
export async function changeKnown<Kept>(
  read: Versioned,
  change: () => Promise<Kept>,
  again: () => Promise<Versioned | undefined>,
  what: string,
): Promise<Kept> {
  try {
    return await change();
  } catch (error) {
    if (!(error instanceof ServiceRefusal) || error.status !== 409) throw error;
    if ((await again())?.version === read.version) throw error;
    throw new LostUpdate(what);
  }
}

interface Switchable extends Versioned {
  readonly enabled: boolean;
}

/**
 * Enables or disables something. A lost race is run once more: whatever else was changed meanwhile, this says nothing about it.
 * @param patch sends the change.
 */
export async function setEnabled<T extends Switchable>(
  enabled: boolean,
  read: () => Promise<T>,
  patch: (body: { readonly version: number; readonly enabled: boolean }) => Promise<T>,
  what: string,
): Promise<T> {
  const attempt = async (): Promise<T> => {
    const current = await read();
    if (current.enabled === enabled) return current;
    return changeKnown(current, () => patch({ version: current.version, enabled }), read, what);
  };
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof LostUpdate) return attempt();
    throw error;
  }
}
