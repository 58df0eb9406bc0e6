/** What operators say of the Microsoft profile, of a realm and of a partner, read and checked. */

import { accept, type Result, refuse } from './errors.ts';
import { isApplicationId, isAuthority, isMicrosoftRealm, isSameHost, parsePrincipal } from './microsoft-principal.ts';
import { MICROSOFT_ISSUERS, MICROSOFT_USERS, type MicrosoftPartner, type MicrosoftRealm } from './microsoft-profile.ts';
import type { Partner } from './partner.ts';
import type { InputProblem } from './public-key.ts';

export interface MicrosoftRealmInput {
  readonly applicationId: string;
  readonly realms: readonly string[];
  readonly hosts?: readonly string[] | undefined;
  readonly tokenHosts?: readonly string[] | undefined;
  readonly users?: string | undefined;
}

export interface MicrosoftPartnerInput {
  readonly issuedBy?: string | undefined;
  readonly actors?: readonly string[] | undefined;
  readonly userTokens?: boolean | undefined;
  readonly delegation?: boolean | undefined;
}

const MAX_REALMS = 10;
const MAX_HOSTS = 50;
const MAX_ACTORS = 50;

/** @param pointer of the object itself. */
export const parseMicrosoftRealm = (
  { applicationId, realms, hosts = [], tokenHosts = [], users: usersName = 'registered' }: MicrosoftRealmInput,
  pointer: string,
): Result<MicrosoftRealm, readonly InputProblem[]> => {
  const problems: InputProblem[] = [];
  const wrong = (member: string, detail: string) => problems.push({ pointer: `${pointer}/${member}`, detail });
  // Values are compared letter by letter, and other products fold some of them: one spelling only (MS-SPS2SAUTH 3.1.5).
  if (!isApplicationId(applicationId) || applicationId !== applicationId.toLowerCase())
    wrong('applicationId', 'an application id is a GUID in lower case');
  const [first, ...rest] = realms;
  if (first === undefined || !isListOf(realms, MAX_REALMS, isLowerRealm))
    wrong('realms', `1 to ${MAX_REALMS} different DNS names or GUIDs in lower case`);
  const hostRule = `up to ${MAX_HOSTS} different host names, with their port if it is not 443`;
  if (!isListOf(hosts, MAX_HOSTS, isAuthority)) wrong('hosts', hostRule);
  if (!isListOf(tokenHosts, MAX_HOSTS, isAuthority)) wrong('tokenHosts', hostRule);
  if (hosts.some((host) => tokenHosts.some((ours) => isSameHost(host, ours))))
    wrong('tokenHosts', 'a host is a resource, or ours, not both');
  const users = MICROSOFT_USERS.find((each) => each === usersName);
  if (users === undefined) wrong('users', `one of ${MICROSOFT_USERS.join(', ')}`);
  if (problems.length > 0 || first === undefined || users === undefined) return refuse(problems);
  return accept({ applicationId, realms: [first, ...rest], hosts: [...hosts], tokenHosts: [...tokenHosts], users });
};

const isLowerRealm = (text: string): boolean => isMicrosoftRealm(text) && text === text.toLowerCase();

const isListOf = (texts: readonly string[], max: number, isGood: (text: string) => boolean): boolean =>
  texts.length <= max && texts.every(isGood) && new Set(texts.map((text) => text.toLowerCase())).size === texts.length;

/**
 * @param isTrustedIssuer whether the partner is an authorization server: then it vouches for others, and nobody for it.
 * @param pointer of the object itself.
 */
export const parseMicrosoftPartner = (
  { issuedBy: issuedByName = 'itself', actors = [], userTokens = false, delegation = false }: MicrosoftPartnerInput,
  isTrustedIssuer: boolean,
  pointer: string,
): Result<MicrosoftPartner, readonly InputProblem[]> => {
  const problems: InputProblem[] = [];
  const wrong = (member: string, detail: string) => problems.push({ pointer: `${pointer}/${member}`, detail });
  const issuedBy = MICROSOFT_ISSUERS.find((each) => each === issuedByName);
  if (issuedBy === undefined) wrong('issuedBy', `one of ${MICROSOFT_ISSUERS.join(', ')}`);
  if (issuedBy === 'authorization-server' && isTrustedIssuer)
    wrong('issuedBy', 'an authorization server has its tokens from nobody else');
  if (!isListOf(actors, MAX_ACTORS, (text) => parsePrincipal(text) !== undefined))
    wrong('actors', `up to ${MAX_ACTORS} different principals, <application id>@<realm>`);
  if (issuedBy === 'authorization-server' && actors.length > 0)
    wrong('actors', 'only a partner that issues its own tokens can name other applications');
  if (problems.length > 0 || issuedBy === undefined) return refuse(problems);
  return accept({ issuedBy, actors: [...actors], userTokens, delegation });
};

/** Every token of that profile names its maker or its subject like that; without it nothing could be compared. */
export const microsoftIssuerProblems = ({
  microsoft,
  issuer,
}: Pick<Partner, 'microsoft' | 'issuer'>): readonly InputProblem[] =>
  microsoft === undefined || issuer === undefined || parsePrincipal(issuer) !== undefined
    ? []
    : [{ pointer: '/issuer', detail: 'with the Microsoft profile an issuer is <application id>@<realm>' }];
