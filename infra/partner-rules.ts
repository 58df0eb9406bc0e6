/**
 * What is checked of partners when the app is synthesized, so that a mistake shows in the editor and not half-way through a
 * deployment. The functions have more rules and the last word; a test keeps these from contradicting theirs.
 */
import { X509Certificate } from 'node:crypto';
import { Token } from 'aws-cdk-lib';
import type { PartnerAudience, PartnerDefinition } from './partner-definition.ts';

/** Client ids stand in paths, log lines and table keys as they are. */
export const isPartnerId = (value: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/.test(value);

export const isRealmName = (value: string): boolean => /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/.test(value);

const URI = /^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?@!$&'()*+,;=%[\]-]{1,511}$/;

/** An absolute URI without fragment (RFC 8707 2, RFC 3986 4.3). */
export const isAudienceUri = (value: string): boolean => value.length <= 512 && URI.test(value) && URL.canParse(value);

/** RFC 6749 3.3. */
export const isScopeToken = (value: string): boolean => /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/.test(value);

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv', 'seed'];

/** Whether a JWK holds what must never leave its owner (RFC 7518 6, RFC 8037 2). */
const isPrivateKey = (jwk: Readonly<Record<string, unknown>>): boolean =>
  jwk.kty === 'oct' || PRIVATE_MEMBERS.some((name) => jwk[name] !== undefined);

const EXPOSED =
  'private or symmetric key material. Make a new key pair, register its public half, and treat this key as exposed: it stands ' +
  'in the sources of this app, and in every template made from them';

/** Values that only the deployment knows cannot be looked at here. */
const isWrong = (value: string, isRight: (value: string) => boolean): boolean =>
  !Token.isUnresolved(value) && !isRight(value);

/** What is wrong with a list of scopes. */
export const scopeProblems = (scopes: readonly string[], what: string): string[] => {
  if (scopes.length === 0 && !Token.isUnresolved(scopes)) return [`${what} needs at least one scope`];
  const wrong = scopes.filter((scope) => isWrong(scope, isScopeToken));
  return wrong.map(
    (scope) => `"${scope}" of ${what} is not a scope: printable ASCII without blank, quote and backslash`,
  );
};

/** What is wrong with the name of a partner and of its realm. */
export const nameProblems = (partnerId: string | undefined, realm: string): string[] => [
  ...(partnerId !== undefined && isWrong(partnerId, isPartnerId)
    ? [`partnerId "${partnerId}" must be 1 to 128 letters, digits and ._~- and start with a letter or digit`]
    : []),
  ...(isWrong(realm, isRealmName)
    ? [`realm "${realm}" must be 1 to 63 lower-case letters, digits, dots and hyphens`]
    : []),
];

/** What is wrong with the name of an audience. */
export const audienceProblem = (audience: string): string[] =>
  isWrong(audience, isAudienceUri)
    ? [`audience "${audience}" must be an absolute URI without fragment, of at most 512 characters`]
    : [];

/** What is wrong with the audiences of a partner. */
export const audienceProblems = (audiences: readonly PartnerAudience[]): string[] => {
  const uris = audiences.map(({ audience }) => audience);
  return [
    ...uris.flatMap(audienceProblem),
    ...uris
      .filter((audience, index) => uris.indexOf(audience) < index)
      .map((audience) => `audience "${audience}" stands twice`),
    ...audiences.flatMap(({ audience, scopes }) => scopeProblems(scopes, `audience "${audience}"`)),
  ];
};

const MAX_INTROSPECTORS = 10;

/** What is wrong with those whom the audiences of a partner let ask. */
export const introspectorProblems = (
  audiences: readonly PartnerAudience[],
  owner: { readonly service: object; readonly partnerId: string; readonly realm: string },
): string[] =>
  audiences.flatMap(({ audience, introspectors = [] }) => {
    const what = `introspector of "${audience}"`;
    const problems = introspectors.flatMap(({ service, partnerId, realm }) => [
      ...(service === owner.service ? [] : [`"${partnerId}", ${what}, is of another deployment`]),
      ...(realm === owner.realm ? [] : [`"${partnerId}", ${what}, is of realm ${realm}, not ${owner.realm}`]),
      ...(partnerId === owner.partnerId ? [`"${partnerId}" owns "${audience}" and may introspect anyway`] : []),
    ]);
    const isTooMany = new Set(introspectors.map(({ partnerId }) => partnerId)).size > MAX_INTROSPECTORS;
    return isTooMany ? [...problems, `"${audience}" has more than ${MAX_INTROSPECTORS} introspectors`] : problems;
  });

const certificateProblems = (certificate: string, name: string): string[] => {
  if (Token.isUnresolved(certificate)) return [];
  if (certificate.includes('PRIVATE KEY')) return [`${name} holds ${EXPOSED}`];
  try {
    new X509Certificate(certificate.includes('-----') ? certificate : Buffer.from(certificate, 'base64'));
    return [];
  } catch {
    return [`${name} is no X.509 certificate as PEM or base64 of DER`];
  }
};

const keyProblems = ({ credentials = [], jwks = { keys: [] } }: PartnerDefinition): string[] => [
  ...jwks.keys.flatMap((jwk, index) => (isPrivateKey(jwk) ? [`jwks.keys[${index}] is ${EXPOSED}`] : [])),
  ...credentials.flatMap(({ jwk, certificate }, index) => {
    const name = `credentials[${index}]`;
    if ((jwk === undefined) === (certificate === undefined)) return [`${name} must have either jwk or certificate`];
    if (jwk !== undefined) return isPrivateKey(jwk) ? [`${name}.jwk is ${EXPOSED}`] : [];
    return certificateProblems(certificate ?? '', `${name}.certificate`);
  }),
];

const isDocumentUrl = (value: string): boolean => {
  const url = URL.parse(value);
  return url !== null && url.protocol === 'https:' && url.username === '' && url.password === '' && url.hash === '';
};

const sourceProblems = ({ jwksUri, metadataUrl, metadata }: PartnerDefinition): string[] => {
  const given = Object.entries({ jwksUri, metadataUrl, metadata }).filter(([, value]) => value !== undefined);
  return [
    ...(given.length > 1 ? [`has ${given.map(([name]) => name).join(' and ')}, of which it may have one`] : []),
    ...given
      .filter(([, value]) => typeof value === 'string' && isWrong(value, isDocumentUrl))
      .map(([name, value]) => `${name} "${value}" must be an https URL without credentials and fragment`),
  ];
};

/** RFC 8705 2.1.2: one of them, so that nobody wonders whether a certificate has to speak of one or of all. */
const tlsProblems = ({ tlsSubject }: PartnerDefinition): string[] => {
  const names = Object.entries(tlsSubject ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  return tlsSubject === undefined || names.length === 1
    ? []
    : [`tlsSubject has ${names.join(' and ') || 'nothing'}, of which it must have one`];
};

const federationProblems = ({ federation = [] }: PartnerDefinition): string[] =>
  federation.flatMap(({ issuer, claims }) =>
    Object.hasOwn(claims, 'sub')
      ? []
      : [`federation with "${issuer}" says nothing of sub: every workload of that issuer would be this partner`],
  );

const trustProblems = ({ trustedIssuer, issuer, metadataUrl, metadata }: PartnerDefinition): string[] =>
  trustedIssuer === true && [issuer, metadataUrl, metadata].every((each) => each === undefined)
    ? ['is a trustedIssuer without issuer, metadataUrl and metadata, one of which must tell by what name']
    : [];

const PRINCIPAL =
  /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;

/** `<application id>@<realm>`, as the Microsoft profile names who calls. */
export const isPrincipal = (value: string): boolean => PRINCIPAL.test(value);

const microsoftProblems = ({ microsoft, issuer, trustedIssuer }: PartnerDefinition): string[] => {
  if (microsoft === undefined) return [];
  const { issuedBy, actors = [] } = microsoft;
  const isVouchedFor = issuedBy === 'authorization-server';
  return [
    ...[issuer ?? [], ...actors]
      .flat()
      .filter((name) => isWrong(name, isPrincipal))
      .map((name) => `"${name}" is no <application id>@<realm>, as the Microsoft profile has it`),
    ...(isVouchedFor && trustedIssuer === true ? ['is an authorization server, and has its tokens from one'] : []),
    ...(isVouchedFor && actors.length > 0 ? ['names actors, and does not issue its own tokens'] : []),
  ];
};

/** Everything that is wrong with what was said of a partner. */
export const definitionProblems = (definition: PartnerDefinition): string[] => [
  ...keyProblems(definition),
  ...sourceProblems(definition),
  ...tlsProblems(definition),
  ...federationProblems(definition),
  ...trustProblems(definition),
  ...microsoftProblems(definition),
];
