/**
 * The names of the Microsoft profile as the simulated servers take them apart: who calls, who is called, and which products there are. Like
 * everything in this folder it is written from the protocol's description alone, and shares no code with the service.
 */

export interface Principal {
  readonly app: string;
  readonly realm: string;
}

export interface Target extends Principal {
  readonly host: string;
}

/** @returns `undefined`: there is not exactly one sign of each, with something between them. */
export const readPrincipal = (text: unknown): Principal | undefined => {
  const [app, realm, ...rest] = typeof text === 'string' ? text.split('@') : [];
  return app && realm && rest.length === 0 && !app.includes('/') ? { app, realm } : undefined;
};

export const readTarget = (text: unknown): Target | undefined => {
  const [front, realm, ...rest] = typeof text === 'string' ? text.split('@') : [];
  const [app, host, ...more] = front?.split('/') ?? [];
  return app && host && realm && rest.length === 0 && more.length === 0 ? { app, host, realm } : undefined;
};

/** Whether an entry of `trusted_issuers` means this issuer; `*` stands for every realm. */
export const isMeant = (entry: string, issuer: string): boolean => {
  const [wanted, is] = [readPrincipal(entry), readPrincipal(issuer)];
  return wanted !== undefined && wanted.app === is?.app && (wanted.realm === '*' || wanted.realm === is.realm);
};

export type ProductName = 'exchange' | 'sharepoint' | 'skype';

export interface Product {
  readonly app: string;
  readonly title: string;
  readonly metadataPath: string;
}

/** Application ids and places of the metadata document, which are the same in every installation. */
export const PRODUCTS: Readonly<Record<ProductName, Product>> = {
  exchange: {
    app: '00000002-0000-0ff1-ce00-000000000000',
    title: 'Exchange',
    metadataPath: '/autodiscover/metadata/json/1',
  },
  sharepoint: {
    app: '00000003-0000-0ff1-ce00-000000000000',
    title: 'SharePoint',
    metadataPath: '/_layouts/15/metadata/json/1',
  },
  skype: { app: '00000004-0000-0ff1-ce00-000000000000', title: 'Skype for Business', metadataPath: '/metadata/json/1' },
};

/** An account of the directory that the servers of an organization share. Letters are lower case. */
export interface Account {
  readonly id: string;
  readonly upn?: string;
  readonly smtp?: string;
  readonly sip?: string;
  readonly sid?: string;
}
