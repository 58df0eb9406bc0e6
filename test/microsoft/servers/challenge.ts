/** The answer to a request without a good token, written as each product writes it and read as each reads that of others (MS-XOAUTH 3.2.5.4). */

import type { ProductName } from './names.ts';

export interface Challenge {
  /** Application id of whoever sends it. */
  readonly clientId: string;
  readonly realm?: string;
  readonly trustedIssuers?: readonly string[];
}

/** The values of `WWW-Authenticate`. */
export const writeChallenge = (product: ProductName, { clientId, realm, trustedIssuers = [] }: Challenge): string[] => {
  if (product === 'sharepoint') return [`Bearer realm="${realm ?? ''}",client_id="${clientId}"`];
  const issuers = `Bearer client_id="${clientId}", trusted_issuers="${trustedIssuers.join(',')}"`;
  return product === 'exchange' ? [issuers, 'Basic realm="mail"'] : [`${issuers}, realm="${realm ?? ''}"`];
};

/** @throws Error for what the product cannot make anything of. */
export const readChallenge = (product: ProductName, headers: readonly string[]): Challenge =>
  product === 'sharepoint' ? readNaively(headers.join(', ')) : readParameters(headers);

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The sample of SharePoint looks for a text and takes the 36 characters behind it, which have to be a GUID. */
const readNaively = (header: string): Challenge => {
  const after = (text: string): string => {
    const at = header.indexOf(text);
    const found = at < 0 ? '' : header.slice(at + text.length, at + text.length + 36);
    if (!GUID.test(found)) throw new Error(`no GUID behind ${text}`);
    return found;
  };
  return { realm: after('Bearer realm="'), clientId: after('client_id="') };
};

const readParameters = (headers: readonly string[]): Challenge => {
  const bearer = headers.find((each) => each.startsWith('Bearer '));
  const parameter = (name: string) => new RegExp(`[ ,]${name}="([^"]*)"`).exec(bearer ?? '')?.[1];
  const [clientId, realm, issuers] = ['client_id', 'realm', 'trusted_issuers'].map(parameter);
  if (clientId === undefined) throw new Error('no client_id in the challenge');
  return {
    clientId,
    ...(realm === undefined ? {} : { realm }),
    ...(issuers === undefined ? {} : { trustedIssuers: issuers.split(',') }),
  };
};
