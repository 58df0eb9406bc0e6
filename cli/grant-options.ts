/**
 * The options that say what `token get` asks for: the grant with what belongs to it, audience, scopes, authorization details.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { misuse } from './failure.ts';
import { CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE } from './grant-type.ts';
import { parseJson } from './http.ts';
import type { Io } from './io.ts';
import { isObject } from './key-material.ts';
import { defined } from './option-values.ts';
import { readToken } from './token-input.ts';

export interface GrantOptions {
  readonly grant?: keyof typeof GRANTS;
  readonly grantAssertionFile?: string;
  readonly subjectTokenFile?: string;
  readonly subjectTokenType?: string;
  readonly resource?: string;
  readonly scope?: string;
  readonly authorizationDetails?: string;
  readonly trustedForDelegation?: boolean;
}

const GRANTS = {
  'client-credentials': CLIENT_CREDENTIALS,
  'jwt-bearer': JWT_BEARER,
  'token-exchange': TOKEN_EXCHANGE,
} as const;

/** RFC 8693 section 3 */
const TOKEN_TYPES = 'urn:ietf:params:oauth:token-type:';

export const addGrantOptions = (command: Command): Command =>
  command
    .option('--resource <uri>', 'audience of the token (RFC 8707)')
    .option('--scope <scopes>', 'scopes, separated by spaces')
    .option('--authorization-details <json>', 'JSON list of authorization details (RFC 9396)', parseDetails)
    .addOption(new Option('--grant <type>', 'what the token is given for').choices(Object.keys(GRANTS)))
    .option('--grant-assertion-file <file>', 'with --grant jwt-bearer: the JWT to exchange (RFC 7523)')
    .option('--subject-token-file <file>', 'with --grant token-exchange: the token to exchange (RFC 8693)')
    .option('--subject-token-type <type>', 'access_token (the default), jwt, or a whole URN')
    .option(
      '--trusted-for-delegation',
      'for a server of the Microsoft profile: with this token its holder can be every user there',
    );

/**
 * The parameters of the request that are not about who asks.
 * @throws Failure (2) for options of another grant, and for files that hold no token.
 */
export async function readGrant(io: Io, options: GrantOptions): Promise<Readonly<Record<string, string>>> {
  const { grant = 'client-credentials', resource, scope, authorizationDetails } = options;
  const own = await readOwn(io, grant, options);
  return {
    grant_type: GRANTS[grant],
    ...own,
    ...defined({ resource, scope, authorization_details: authorizationDetails }),
    ...(options.trustedForDelegation === true ? { trusted_for_delegation: 'true' } : {}),
  };
}

async function readOwn(io: Io, grant: keyof typeof GRANTS, options: GrantOptions): Promise<Record<string, string>> {
  const { grantAssertionFile, subjectTokenFile, subjectTokenType } = options;
  if (grant !== 'jwt-bearer' && grantAssertionFile !== undefined) {
    throw misuse('--grant-assertion-file goes with --grant jwt-bearer');
  }
  if (grant !== 'token-exchange' && (subjectTokenFile ?? subjectTokenType) !== undefined) {
    throw misuse('--subject-token-file and --subject-token-type go with --grant token-exchange');
  }
  if (grant === 'client-credentials') return {};
  const path = grant === 'jwt-bearer' ? grantAssertionFile : subjectTokenFile;
  if (path === undefined) {
    throw misuse(`no token: pass --${grant === 'jwt-bearer' ? 'grant-assertion' : 'subject-token'}-file FILE`);
  }
  const token = await readToken(io, path);
  return grant === 'jwt-bearer'
    ? { assertion: token }
    : { subject_token: token, subject_token_type: tokenType(subjectTokenType) };
}

const tokenType = (name = 'access_token'): string => (name.includes(':') ? name : TOKEN_TYPES + name);

/** RFC 9396 section 2: a list of objects, each of a type. It is sent as it was written. */
function parseDetails(text: string): string {
  const details = parseJson(text);
  const isDetail = (value: unknown): boolean => isObject(value) && typeof value.type === 'string';
  if (!Array.isArray(details) || details.length === 0 || !details.every(isDetail)) {
    throw new InvalidArgumentError('Not a JSON list of objects that each have a "type".');
  }
  return text;
}
