/** Tokens of the profile made at will, with the throw-away keys of the fixtures: good ones, and good ones with something wrong. */

import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { base64url } from 'jose';
import { CLOCK, keys, manifest } from './fixtures.ts';

export const APP = {
  acs: '00000001-0000-0000-c000-000000000000',
  exchange: '00000002-0000-0ff1-ce00-000000000000',
  sharepoint: '00000003-0000-0ff1-ce00-000000000000',
  lync: '00000004-0000-0ff1-ce00-000000000000',
  hrapp: '3d1f9a52-7c4e-4b0d-9a6e-5b2c8f7e1d90',
  hrIssuer: '11111111-1111-1111-1111-111111111111',
} as const;
export const REALM = {
  org: 'contoso.example',
  sharepoint: '5f0b3c52-6f0e-4c53-9a55-2f6f3f1b8d10',
  tenant: '9b6c1d7e-0c8a-4f0e-8f43-6f1f0a2c7e55',
  otherTenant: 'c2a4b9d1-5e33-4d0b-8a21-90f7d6e4b3a2',
} as const;

export const EXCHANGE = `${APP.exchange}@${REALM.org}`;
export const TO_LYNC = `${APP.lync}/sfbpool.contoso.example@${REALM.org}`;
const TO_EXCHANGE_TENANT = `${APP.exchange}/mail.contoso.example@${REALM.tenant}`;
const TO_STS = `${APP.acs}/sts.example.net@${REALM.tenant}`;

type Members = Readonly<Record<string, unknown>>;

/** Members that are `undefined` are left out. */
export interface Draft {
  /** Name of the key that signs. */
  readonly key: string;
  readonly header: Members;
  readonly claims: Members;
  /** There for a token about a user. */
  readonly outerHeader?: Members;
  readonly outer?: Members;
  /** In the place of the empty signature of the unsigned part. */
  readonly outerSignature?: string;
}

export type Changes = Partial<Draft>;

const privateKeys = new Map<string, KeyObject>();
const privateKey = (name: string): KeyObject => {
  const known = privateKeys.get(name) ?? createPrivateKey({ key: { ...keys[name] }, format: 'jwk' });
  privateKeys.set(name, known);
  return known;
};

export const encode = (value: unknown): string => base64url.encode(JSON.stringify(value));

export const signed = (key: string, header: string, payload: string): string => {
  const input = `${base64url.encode(header)}.${base64url.encode(payload)}`;
  return `${input}.${base64url.encode(sign('RSA-SHA256', Buffer.from(input), privateKey(key)))}`;
};

export const actorToken = ({ key, header, claims }: Draft): string =>
  signed(key, JSON.stringify(header), JSON.stringify(claims));

/** What stands around it in compact form. */
export const around = ({ outerHeader, outer, outerSignature = '' }: Draft, actortoken: unknown): string =>
  `${encode({ typ: 'JWT', alg: 'none', ...outerHeader })}.${encode({ ...outer, actortoken })}.${outerSignature}`;

export const tokenOf = (draft: Draft): string =>
  draft.outer === undefined ? actorToken(draft) : around(draft, actorToken(draft));

/** With these members in place of its own. */
export const changed = (draft: Draft, { key, header, claims, outer, ...rest }: Changes): Draft => ({
  ...draft,
  ...rest,
  key: key ?? draft.key,
  header: { ...draft.header, ...header },
  claims: { ...draft.claims, ...claims },
  ...(draft.outer === undefined ? {} : { outer: { ...draft.outer, ...outer } }),
});

/** @param key whose certificate it names. */
export const headerOf = (key: string): Members => ({ typ: 'JWT', alg: 'RS256', x5t: manifest.x5t[key] });

const onPremises = (seconds: number) => ({ nbf: String(CLOCK), exp: String(CLOCK + seconds) });

const APPLICATION: Draft = {
  key: 'exchange',
  header: headerOf('exchange'),
  claims: { aud: TO_LYNC, iss: EXCHANGE, ...onPremises(28_800), nameid: EXCHANGE },
};

const KIM = { smtp: 'kim.akers@contoso.example', sip: 'kim@contoso.example', upn: 'kim@contoso.example' };
const SID = { nameid: 's-1-5-21-1004336348-1177238915-682003330-1104', nii: 'urn:office:idp:activedirectory' };

const USER: Draft = {
  ...changed(APPLICATION, { claims: { trustedfordelegation: 'true' } }),
  outer: { aud: TO_LYNC, iss: EXCHANGE, ...onPremises(3_600), ...SID, ...KIM },
};

const STS = `${APP.acs}@${REALM.tenant}`;
const HRAPP = `${APP.hrapp}@${REALM.tenant}`;

const VOUCHED: Draft = {
  key: 'sts',
  header: { ...headerOf('sts'), kid: manifest.x5t.sts },
  claims: {
    aud: TO_EXCHANGE_TENANT,
    ...{ exp: CLOCK + 86_400, iat: CLOCK - 300, nbf: CLOCK - 300 },
    ...{ identityprovider: STS, iss: STS, nameid: HRAPP },
    ...{ oid: '7c1f2a60-54a1-4a3b-a9b0-2a7f0c1d9e44', sub: '7c1f2a60-54a1-4a3b-a9b0-2a7f0c1d9e44' },
    trustedfordelegation: 'true',
  },
};

const VOUCHED_USER: Draft = {
  ...VOUCHED,
  outer: {
    ...{ aud: TO_EXCHANGE_TENANT, exp: CLOCK + 300, iat: CLOCK, iss: HRAPP, nbf: CLOCK },
    ...{ nameid: '10032001e2cbe43b', nii: 'urn:federation:MicrosoftOnline', ...KIM },
  },
};

const ASSERTION: Draft = {
  key: 'exchange',
  header: headerOf('exchange'),
  claims: {
    aud: TO_STS,
    iss: `${APP.exchange}@${REALM.tenant}`,
    ...onPremises(600),
    nameid: `${APP.exchange}@${REALM.tenant}`,
  },
};

const TO_SHAREPOINT = `${APP.sharepoint}/sharepoint.contoso.example@${REALM.sharepoint}`;
const BROKERED_APP = `${APP.hrapp}@${REALM.sharepoint}`;

const BROKERED: Draft = {
  key: 'partner',
  header: headerOf('partner'),
  claims: {
    ...{ aud: TO_SHAREPOINT, iss: `${APP.hrIssuer}@${REALM.sharepoint}`, ...onPremises(43_200) },
    ...{ nameid: BROKERED_APP, trustedfordelegation: 'true' },
  },
  outer: { aud: TO_SHAREPOINT, iss: BROKERED_APP, ...onPremises(43_200), ...SID },
};

/** Good in all but that its maker, who may speak of users, has not been told to. */
export const RESERVED = { recipient: 'reserved', draft: USER } as const;

/** Tokens that are accepted, and by whom. */
export const GOOD = {
  application: { recipient: 'lync', draft: APPLICATION },
  user: { recipient: 'lync', draft: USER },
  vouched: { recipient: 'exchange', draft: VOUCHED },
  vouchedUser: { recipient: 'exchange', draft: VOUCHED_USER },
  brokered: { recipient: 'sharepoint', draft: BROKERED },
  assertion: { recipient: 'sts', draft: ASSERTION },
} as const;
