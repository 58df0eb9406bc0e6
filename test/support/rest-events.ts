/** Events of Lambda authorizers of REST APIs, as API Gateway makes them (developer guide, "Input to a Lambda authorizer"). */

import type { APIGatewayRequestAuthorizerEvent, APIGatewayTokenAuthorizerEvent } from 'aws-lambda';

export const METHOD_ARN = 'arn:aws:execute-api:eu-central-1:111122223333:abcdef1234/prod/GET/invoices/7';
export const STAGE = 'arn:aws:execute-api:eu-central-1:111122223333:abcdef1234/prod/*';
export const REST_HOST = 'abcdef1234.execute-api.eu-central-1.amazonaws.com';

export const tokenEvent = (authorizationToken: string, methodArn = METHOD_ARN): APIGatewayTokenAuthorizerEvent => ({
  type: 'TOKEN',
  methodArn,
  authorizationToken,
});

interface Shown {
  /** With the letter case of the caller; several values for one that was repeated. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** PEM that the TLS handshake proved. */
  readonly certificate?: string;
  /** As the caller's URL has it, with the stage. */
  readonly path?: string;
}

export const requestEvent = ({ headers = {}, certificate, path = '/prod/invoices/7' }: Shown = {}) => {
  const all = Object.entries(headers).map(([name, values]) => [name, [values].flat()] as const);
  const clientCert =
    certificate === undefined
      ? null
      : {
          ...{ clientCertPem: certificate, serialNumber: '01', subjectDN: 'CN=crm', issuerDN: 'CN=authority' },
          validity: { notBefore: '', notAfter: '' },
        };
  return {
    type: 'REQUEST',
    methodArn: METHOD_ARN,
    resource: '/invoices/{id}',
    path: '/invoices/7',
    httpMethod: 'GET',
    headers: Object.fromEntries(all.map(([name, values]) => [name, values.at(-1)])),
    multiValueHeaders: Object.fromEntries(all.map(([name, values]) => [name, [...values]])),
    pathParameters: { id: '7' },
    queryStringParameters: {},
    multiValueQueryStringParameters: {},
    stageVariables: {},
    requestContext: {
      ...{ resourceId: '123456', resourcePath: '/invoices/{id}', httpMethod: 'GET', path, stage: 'prod' },
      ...{ accountId: '111122223333', protocol: 'HTTP/1.1', apiId: 'abcdef1234', requestId: 'request-1' },
      ...{ domainName: REST_HOST, domainPrefix: 'abcdef1234', requestTimeEpoch: 1_700_000_000_000 },
      authorizer: undefined,
      identity: {
        ...{ accessKey: null, accountId: null, apiKey: null, apiKeyId: null, caller: null, clientCert },
        ...{ cognitoAuthenticationProvider: null, cognitoAuthenticationType: null, cognitoIdentityId: null },
        ...{ cognitoIdentityPoolId: null, principalOrgId: null, sourceIp: '192.0.2.1', user: null },
        ...{ userAgent: 'curl/8', userArn: null },
      },
    },
  } satisfies APIGatewayRequestAuthorizerEvent;
};
