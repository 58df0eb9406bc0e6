/**
 * How an API says to Exchange, SharePoint and Skype for Business what tokens it wants: the challenge of MS-XOAUTH 3.2.5.2 in the answer
 * 401, from which they make the name of the token's audience.
 */
import { Token } from 'aws-cdk-lib';
import * as rest from 'aws-cdk-lib/aws-apigateway';

/** That an API takes the tokens of those servers, and what it says of itself. */
export interface MicrosoftOptions {
  /** `client_id`: the application id of the realm's Microsoft profile, a GUID in lower case. */
  readonly applicationId: string;
  /** `realm`: one of the realms of that profile. Clients that were made after the samples of SharePoint take a GUID only. */
  readonly realm: string;
  /**
   * Issuers whose tokens are taken, `<application id>@<realm>`, with `*` for any realm: a caller picks the one that it can reach.
   * @default - not said: callers make their tokens themselves
   */
  readonly trustedIssuers?: readonly string[];
  /** `authorization_uri`: where people log on, which servers have no use for. */
  readonly authorizationUri?: string;
}

const APPLICATION_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const REALM = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
/** A principal, or a URL pattern as SharePoint Online names Entra. No quote of either kind, no comma. */
const ISSUER = /^[A-Za-z0-9][A-Za-z0-9@.*:/_~-]{0,255}$/;
const URI_CHARACTERS = /^https:\/\/[A-Za-z0-9._~:/?@!$&()*+;=%[\]-]{1,512}$/;

const isWrong = (value: string, pattern: RegExp): boolean => !Token.isUnresolved(value) && !pattern.test(value);

/** Everything that is wrong with what was said. API Gateway sends the value as it stands: nothing in it may end a quote. */
export const microsoftProblems = (options: MicrosoftOptions | undefined): string[] => {
  if (options === undefined) return [];
  const { applicationId, realm, trustedIssuers = [], authorizationUri } = options;
  return [
    ...(isWrong(applicationId, APPLICATION_ID)
      ? [`microsoft.applicationId "${applicationId}" must be a GUID in lower case`]
      : []),
    ...(isWrong(realm, REALM) ? [`microsoft.realm "${realm}" must be a DNS name or a GUID, in lower case`] : []),
    ...trustedIssuers
      .filter((issuer) => isWrong(issuer, ISSUER))
      .map((issuer) => `microsoft.trustedIssuers "${issuer}" must be <application id>@<realm>`),
    ...(authorizationUri !== undefined && isWrong(authorizationUri, URI_CHARACTERS)
      ? [`microsoft.authorizationUri "${authorizationUri}" must be an https URL without quotes and commas`]
      : []),
  ];
};

/** `realm` comes first and no blank follows a comma: clients made after the samples look for the very text `Bearer realm="`. */
const challengeOf = ({ applicationId, realm, trustedIssuers = [], authorizationUri }: MicrosoftOptions): string => {
  const parameters = [
    ['realm', realm],
    ['client_id', applicationId],
    ...(trustedIssuers.length === 0 ? [] : [['trusted_issuers', trustedIssuers.join(',')]]),
    ...(authorizationUri === undefined ? [] : [['authorization_uri', authorizationUri]]),
  ];
  return `Bearer ${parameters.map(([name, value]) => `${name}="${value}"`).join(',')}`;
};

/**
 * Lets the API answer every 401 with the challenge. A REST API has one such answer for all its methods, and for each reason: no token, and
 * one that the authorizer does not accept.
 */
export const addChallenge = (api: rest.RestApi, options: MicrosoftOptions): rest.GatewayResponse =>
  api.addGatewayResponse('CountersignChallenge', {
    type: rest.ResponseType.UNAUTHORIZED,
    // In single quotes a header is sent as it stands (API Gateway developer guide, "Set up gateway responses").
    responseHeaders: { 'WWW-Authenticate': `'${challengeOf(options)}'` },
  });
