/**
 * The trust document of Exchange, SharePoint, Skype for Business and ACS, `…/metadata/json/1`, in the three spellings in which
 * these products publish it. Read strictly: whoever gets a document of his own accepted signs as the partner.
 */

import { type DocumentKeys, gatherKeys } from './document-key.ts';
import { accept, type Result, refuse } from './errors.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { readMicrosoftKey } from './microsoft-key.ts';
import type { EpochSeconds } from './partner.ts';
import type { InputProblem } from './public-key.ts';

interface MicrosoftMetadata extends DocumentKeys {
  /** `<application id>@<realm>`, as it stands there: `iss` of the partner's tokens is compared with it letter by letter. */
  readonly issuer: string;
}

/** Members that no JWK Set has. SharePoint has the first only, ACS the others. */
const MARKS = ['serviceName', 'allowedAudiences', 'endpoints', 'realm'];
const KEY_MARKS = ['keyvalue', 'keyValue', 'keyinfo', 'keyInfo'];

/** Whether the document is one of these, good or bad. */
export const isMicrosoftMetadata = (document: JsonObject): boolean =>
  Array.isArray(document.keys) &&
  (MARKS.some((name) => Object.hasOwn(document, name)) ||
    document.keys.some((entry) => isJsonObject(entry) && KEY_MARKS.some((name) => Object.hasOwn(entry, name))));

/** @param entries the member `keys`. */
export const readMicrosoftMetadata = async (
  document: JsonObject,
  entries: readonly unknown[],
  now: EpochSeconds,
): Promise<Result<MicrosoftMetadata, readonly InputProblem[]>> => {
  const { issuer } = document;
  const problems = [...versionProblems(document), ...issuerProblems(document), ...endpointProblems(document)];
  if (problems.length > 0 || typeof issuer !== 'string') return refuse(problems);
  const gathered = await gatherKeys(entries, (entry, pointer) => readMicrosoftKey(entry, pointer, now), {
    pointer: '/keys',
    detail: 'there is no key in it',
    code: 'metadata_no_keys',
  });
  return gathered.ok ? accept({ issuer, ...gathered.value }) : gathered;
};

const versionProblems = ({ version }: JsonObject): readonly InputProblem[] =>
  version === undefined || (typeof version === 'string' && /^1(?:\.\d{1,3})?$/.test(version))
    ? []
    : [{ pointer: '/version', detail: 'version 1 of this format is understood', code: 'metadata_malformed' }];

/** Application id and realm, which is a DNS name or a GUID. */
const ISSUER = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)$/i;

const issuerProblems = ({ issuer, realm, serviceName }: JsonObject): readonly InputProblem[] => {
  if ([realm, issuer].some((text) => typeof text === 'string' && text.includes('*'))) {
    const detail = 'a realm of * would speak for every realm there is; register the document of one realm';
    return [{ pointer: '/issuer', detail, code: 'metadata_wildcard_issuer' }];
  }
  const [, applicationId, ownRealm] = ISSUER.exec(typeof issuer === 'string' ? issuer : '') ?? [];
  const wrong = (pointer: string, detail: string): InputProblem => ({ pointer, detail, code: 'metadata_issuer' });
  if (applicationId === undefined) return [wrong('/issuer', 'an issuer is <application id>@<realm>')];
  return [
    ...(realm === undefined || realm === ownRealm ? [] : [wrong('/realm', 'the issuer has another realm')]),
    ...(serviceName === undefined || serviceName === applicationId
      ? []
      : [wrong('/serviceName', 'the issuer has another application id')]),
  ];
};

const MALFORMED_ENDPOINTS: InputProblem = {
  pointer: '/endpoints',
  detail: 'endpoints are a list of objects',
  code: 'metadata_malformed',
};

/** We ask none of them for anything; but readers take the one with this protocol, and fail or differ where there are two. */
const endpointProblems = ({ endpoints = [] }: JsonObject): readonly InputProblem[] => {
  if (!Array.isArray(endpoints) || !endpoints.every(isJsonObject)) return [MALFORMED_ENDPOINTS];
  const issuing = endpoints.filter(({ protocol }) => protocol === 'OAuth2').length;
  return issuing <= 1
    ? []
    : [
        {
          pointer: '/endpoints',
          detail: `one endpoint of the protocol OAuth2 is wanted, and there are ${issuing}`,
          code: 'metadata_several_oauth2_endpoints',
        },
      ];
};
