/** What is said of an authorizer, with its defaults filled in, checked when the app is synthesized, and made into a stable construct id. */
import { createHash } from 'node:crypto';
import { Duration, Token } from 'aws-cdk-lib';
import { DEFAULT_REALM, NUMBER_SETTINGS, type Settings } from '../functions/config.ts';
import { type MicrosoftOptions, microsoftProblems } from './microsoft-challenge.ts';
import { audienceProblem, nameProblems, scopeProblems } from './partner-rules.ts';

/** Whose tokens an authorizer accepts. */
export interface AuthorizerOptions {
  /** The `aud` of the tokens. */
  readonly audience: string;
  /**
   * What a token has to have, every one. For routes that differ, make one authorizer for each set of scopes.
   * @default - none: being for the audience is enough
   */
  readonly scopes?: readonly string[];
  /** @default - the default realm */
  readonly realm?: string;
  /**
   * How long API Gateway keeps a decision: at most five minutes. A token that is revoked meanwhile is accepted for that long, tokens
   * count as expired that much earlier, and tokens that are bound to a key or certificate are all refused.
   * @default - the setting authorizerCacheSeconds of the service, which is 0 by default: decisions are not kept
   */
  readonly resultsCacheTtl?: Duration;
  /**
   * Base URL that callers use, without a trailing slash, if it is not of one of API Gateway's domain names: of a CDN in front, say.
   * DPoP proofs are made for it (RFC 9449 4.2).
   * @default - the domain names of API Gateway alone, custom ones included
   */
  readonly resourceUrl?: string;
  /**
   * Takes tokens of Exchange, SharePoint and Skype for Business as well, as partners of the realm make them for this audience. Decided on by
   * the partner's grant, as for every token; the realm and the partner have to take part in the Microsoft profile.
   * @default - they are refused
   */
  readonly microsoft?: MicrosoftOptions;
  /**
   * Construct id below the service. Needed where another option is a value that only the deployment knows.
   * @default - made from all other options: a change of any makes another function
   */
  readonly id?: string;
}

/** The same, complete. */
export interface ResolvedAuthorizer {
  readonly id: string;
  readonly audience: string;
  /** Sorted, each once. */
  readonly scopes: readonly string[];
  readonly realm: string;
  readonly resultsCacheTtl: Duration;
  readonly resourceUrl: string | undefined;
  readonly microsoft: MicrosoftOptions | undefined;
  /** Equal for authorizers that may be one. */
  readonly key: string;
}

/** @throws Error naming everything that is wrong with them. */
export const resolveAuthorizer = (options: AuthorizerOptions, settings: Settings): ResolvedAuthorizer => {
  const { audience, realm = DEFAULT_REALM, resourceUrl, microsoft } = options;
  const scopes = [...new Set(options.scopes ?? [])].toSorted();
  const resultsCacheTtl = options.resultsCacheTtl ?? Duration.seconds(settings.authorizerCacheSeconds);
  const wrong = problems({ ...options, audience, realm, scopes, resultsCacheTtl });
  if (wrong.length > 0) throw new Error(`Authorizer for ${audience}: ${wrong.join('; ')}`);
  // What is not said leaves no trace in the id.
  const profile = microsoft === undefined ? [] : [microsoft];
  const key = JSON.stringify([audience, scopes, realm, resultsCacheTtl.toSeconds(), resourceUrl, ...profile]);
  return {
    id: options.id ?? idOf(audience, key),
    audience,
    scopes,
    realm,
    resultsCacheTtl,
    resourceUrl,
    microsoft,
    key,
  };
};

const { min, max } = NUMBER_SETTINGS.authorizerCacheSeconds;

const problems = (given: AuthorizerOptions & Pick<ResolvedAuthorizer, 'scopes' | 'realm' | 'resultsCacheTtl'>) => {
  const { audience, scopes, realm, resultsCacheTtl, resourceUrl, id } = given;
  const seconds = resultsCacheTtl.toSeconds({ integral: false });
  const late = [audience, resourceUrl, JSON.stringify(given.microsoft ?? {})].some((value) =>
    Token.isUnresolved(value),
  );
  return [
    ...audienceProblem(audience),
    ...nameProblems(undefined, realm),
    ...(scopes.length === 0 ? [] : scopeProblems(scopes, 'the authorizer')),
    ...(Number.isInteger(seconds) && seconds >= min && seconds <= max
      ? []
      : [`resultsCacheTtl must be ${min} to ${max} whole seconds, and is ${seconds}`]),
    ...(resourceUrl === undefined || Token.isUnresolved(resourceUrl) || isBaseUrl(resourceUrl)
      ? []
      : [
          `resourceUrl "${resourceUrl}" must be an https URL in canonical form, without trailing slash, query or fragment`,
        ]),
    ...microsoftProblems(given.microsoft),
    ...(late && id === undefined
      ? ['it needs an id, since only the deployment will know its audience, resourceUrl or microsoft']
      : []),
  ];
};

const isBaseUrl = (value: string): boolean => {
  const url = URL.parse(value);
  return (
    url?.protocol === 'https:' && value === `${url.origin}${url.pathname}`.replace(/\/$/, '') && !value.endsWith('/')
  );
};

/** Legible, and another one for other options. */
const idOf = (audience: string, key: string): string => {
  const name = audience.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(0, 48);
  return `${name}-${createHash('sha256').update(key).digest('hex').slice(0, 8)}`;
};
