/**
 * What a resource says to Exchange, SharePoint and Skype for Business when they come without a token (MS-XOAUTH 3.2.5.2): from it they make
 * the name of the audience, `<client_id>/<host>@<realm>`, and choose who signs.
 */

export interface MicrosoftResource {
  /** The application id of this resource, a GUID: the first part of the audience that callers put together. */
  readonly clientId: string;
  /** Clients made after the samples of SharePoint take a GUID only. */
  readonly realm: string;
  /** `<application id>@<realm>`, with `*` for any realm: a caller picks one that it can reach. @default - callers sign by themselves */
  readonly trustedIssuers?: readonly string[];
  /** Where people log on; servers have no use for it. */
  readonly authorizationUri?: string;
}

export interface MicrosoftChallenge extends MicrosoftResource {
  /** RFC 6750 3.1. Leave it out where the request had no token. */
  readonly error?: string;
  readonly errorDescription?: string;
}

const GUID = /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/;
const REALM = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const ISSUER = /^[A-Za-z0-9][A-Za-z0-9@.*:/_~-]{0,255}$/;
const URI_CHARACTERS = /^https:\/\/[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,512}$/;
/** RFC 6750 3 */
const WORDS = /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,256}$/;

/**
 * The value of `WWW-Authenticate`. The realm comes first and no blank follows a comma: clients look for the very text `Bearer realm="`.
 * @throws TypeError for values that could not be read out of it again.
 */
export const microsoftChallenge = (challenge: MicrosoftChallenge): string => {
  const { clientId, realm, trustedIssuers = [], authorizationUri, error, errorDescription } = challenge;
  const parameters = [
    parameter('realm', realm, REALM),
    parameter('client_id', clientId, GUID),
    trustedIssuers.length === 0 ? [] : parameter('trusted_issuers', trustedIssuers, ISSUER),
    parameter('authorization_uri', authorizationUri, URI_CHARACTERS),
    parameter('error', error, WORDS),
    parameter('error_description', errorDescription, WORDS),
  ];
  return `Bearer ${parameters.flat().join(',')}`;
};

const parameter = (name: string, value: string | readonly string[] | undefined, form: RegExp): readonly string[] => {
  if (value === undefined) return [];
  const values = [value].flat();
  if (!values.every((each) => form.test(each))) throw new TypeError(`${name}: not of the form that it has to have`);
  return [`${name}="${values.join(',')}"`];
};
