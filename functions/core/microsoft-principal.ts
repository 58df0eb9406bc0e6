/**
 * The names of the Microsoft server-to-server profile: `<application id>@<realm>` for who calls, and
 * `<application id>/<host>@<realm>` for who is called (MS-XOAUTH 3.2.5.6). Compared letter by letter, but for hosts, whose case does not matter.
 */

const GUID = '[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}';
/** A GUID or a DNS name. `*` speaks for every realm there is, and is none. */
const REALM = '[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?';
const HOST = '[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::[1-9][0-9]{0,4})?';

const PRINCIPAL = new RegExp(`^(${GUID})@(${REALM})$`);
const TARGET = new RegExp(`^(${GUID})/(${HOST})@(${REALM})$`);
const APPLICATION_ID = new RegExp(`^${GUID}$`);
const REALM_NAME = new RegExp(`^${REALM}$`);
const AUTHORITY = new RegExp(`^${HOST}$`);

/** Who calls: an application of a realm. */
export interface Principal {
  readonly applicationId: string;
  readonly realm: string;
}

/** Who is called: an application of a realm, at one of its hosts. */
export interface Target extends Principal {
  /** With its port, where that is not the scheme's own. */
  readonly host: string;
}

/** @returns `undefined`: not `<application id>@<realm>`. */
export const parsePrincipal = (text: unknown): Principal | undefined => {
  const [, applicationId, realm] = (typeof text === 'string' && PRINCIPAL.exec(text)) || [];
  return applicationId === undefined || realm === undefined ? undefined : { applicationId, realm };
};

/** @returns `undefined`: not `<application id>/<host>@<realm>`, with exactly one of each sign. */
export const parseTarget = (text: unknown): Target | undefined => {
  const [, applicationId, host, realm] = (typeof text === 'string' && TARGET.exec(text)) || [];
  return applicationId === undefined || host === undefined || realm === undefined
    ? undefined
    : { applicationId, host, realm };
};

export const formatPrincipal = ({ applicationId, realm }: Principal): string => `${applicationId}@${realm}`;

export const formatTarget = ({ applicationId, host, realm }: Target): string => `${applicationId}/${host}@${realm}`;

export const isApplicationId = (text: string): boolean => APPLICATION_ID.test(text);

/** What stands behind the `@`. */
export const isMicrosoftRealm = (text: string): boolean => REALM_NAME.test(text);

/** A host as it stands in such names. */
export const isAuthority = (text: string): boolean => AUTHORITY.test(text);

export const isSameHost = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/** The host that a resource is called by: the authority of its URL, as those who call it build the name (MS-SPS2SAUTH 3.1.5). */
export const authorityOf = (resource: string): string | undefined =>
  URL.canParse(resource) ? new URL(resource).host || undefined : undefined;
