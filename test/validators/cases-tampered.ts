/** Tokens that were changed, things that are no access tokens, and headers that hold more or less than one. */

import { createHmac, createPublicKey } from 'node:crypto';
import { base64url, decodeJwt } from 'jose';
import { compactOf, partOf, signedBy, withPart } from '../support/forgery.ts';
import { assertionOf } from '../support/service.ts';
import { introspect } from '../support/token-state.ts';
import type { Case, Cell, Cells } from './cases.ts';
import { row } from './cells.ts';
import type { Presented } from './validators.ts';
import { forge, newToken, type Place, type World } from './world.ts';

/** Makes something of a good token, or in place of it. */
type Change = (token: string, world: World, place: Place) => string | Promise<string>;

const changed = (name: string, change: Change, cells: Cells): Case => ({
  name,
  issue: async (world, place) => ({ token: await change(await newToken(world, place), world, place) }),
  cells,
});

const json = (value: object): string => base64url.encode(JSON.stringify(value));
const withHeader = (token: string, header: object): string => withPart(token, 0, json(header));
const flipped = (part: string): string => `${part.startsWith('A') ? 'B' : 'A'}${part.slice(1)}`;

const SIGNATURE = row('token_signature', 'token_signature', 'signature');
const ALGORITHM = row('token_signature', 'token_signature', 'algorithm');
const MALFORMED = row('token_malformed', 'token_malformed', 'malformed');
const TYPE = row('token_typ', 'token_typ', 'typ');

const TAMPERED: readonly Case[] = [
  changed(
    'with another scope',
    (token) => withPart(token, 1, json({ ...decodeJwt(token), scope: 'read write' })),
    SIGNATURE,
  ),
  changed('with another end', (token) => withPart(token, 1, json({ ...decodeJwt(token), exp: 2 ** 32 })), SIGNATURE),
  changed('with another signature', (token) => withPart(token, 2, flipped(partOf(token, 2))), SIGNATURE),
  changed(
    'of algorithm none, without a signature',
    (token, { rs256 }) => withPart(withHeader(token, { alg: 'none', typ: 'at+jwt', kid: rs256.kid }), 2, ''),
    MALFORMED,
  ),
  changed(
    'of algorithm none, with its signature',
    (token, { rs256 }) => withHeader(token, { alg: 'none', typ: 'at+jwt', kid: rs256.kid }),
    ALGORITHM,
  ),
  changed('of algorithm HS256, with the public key as the secret', (token, world) => hmacOf(token, world), ALGORITHM),
  changed(
    'that names the key of another ring',
    (_token, world) => forge(world, {}, { kid: world.es256.kid }),
    row('token_signature', 'token_signature', 'key_unsuitable'),
  ),
  changed(
    'that names no key that there is',
    (_token, world) => forge(world, {}, { kid: 'mallory' }),
    row('token_key_unknown', 'token_key_unknown', 'key_unknown'),
  ),
  changed(
    'by the key of a client, which its token names and brings along',
    async (_token, world, { issuer }) =>
      assertionOf(world.owner, issuer, {
        header: { typ: 'at+jwt', jwk: world.owner.publicJwk },
        claims: { client_id: 'billing', aud: world.places.home.audience, scope: 'read' },
      }),
    row('token_key_unknown', 'token_key_unknown', 'key_unknown'),
  ),
  changed(
    'with a critical header',
    (token, { rs256 }) => {
      const header = { alg: 'RS256', typ: 'at+jwt', kid: rs256.kid, crit: ['urn:x'], 'urn:x': 1 };
      return compactOf(header, decodeJwt(token), signedBy(rs256));
    },
    row('token_malformed', 'token_malformed', 'critical_header'),
  ),
  // 252 of 256 bytes: whole groups of characters, so that it is still well-formed.
  changed('without its end', (token) => token.slice(0, -6), SIGNATURE),
  changed('without its signature', (token) => token.split('.').slice(0, 2).join('.'), MALFORMED),
  changed('with a part more', (token) => `${token}.AAAA`, MALFORMED),
];

const OTHERS: readonly Case[] = [
  changed('of the type JWT', (_token, world) => forge(world, {}, { typ: 'JWT' }), TYPE),
  changed('of no type', (_token, world) => forge(world, {}, { typ: undefined }), TYPE),
  changed(
    'that is an ID token',
    (_token, world) => forge(world, { client_id: undefined, scope: undefined, nonce: 'n' }, { typ: 'JWT' }),
    TYPE,
  ),
  changed('that is a client assertion', (_token, { owner }, { issuer }) => assertionOf(owner, issuer), TYPE),
  changed(
    'that is the signed answer of an introspection',
    async (token, { service, owner }) =>
      (await introspect(service, owner, token, { accept: 'application/token-introspection+jwt' })).text,
    TYPE,
  ),
  changed(
    'that is the signed list of revoked keys',
    async (_token, { service }) => (await (await fetch(`${service.issuer}/revoked-keys`)).text()).trim(),
    TYPE,
  ),
];

const hmacOf = async (token: string, { service, rs256 }: World): Promise<string> => {
  const { keys } = (await (await fetch(`${service.issuer}/jwks`)).json()) as { keys: Record<string, string>[] };
  const jwk = keys.find(({ kid }) => kid === rs256.kid) ?? {};
  const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'pem', type: 'spki' });
  return compactOf({ alg: 'HS256', typ: 'at+jwt', kid: rs256.kid }, decodeJwt(token), (input) =>
    createHmac('sha256', pem).update(input).digest(),
  );
};

/** A good token, wrongly presented. */
const shown = (name: string, show: (token: string) => Omit<Presented, 'token'>, cells: Cells): Case => ({
  name,
  issue: async (world, place) => {
    const token = await newToken(world, place);
    return { token, ...show(token) };
  },
  cells,
});

/** Introspection is asked with what stands behind the scheme. */
const behind = (token: string, rest: (token: string) => string): Omit<Presented, 'token'> => ({
  authorization: [`Bearer ${rest(token)}`],
  asked: [rest(token)],
});

const ASKED_TWICE: Cell = {
  refused: 'parameter_duplicated',
  because: 'the parameter `token` is repeated: the answer is 400',
};
const NO_HEADER: Cell = {
  because: 'it sees no header, and the token is good',
  tells: () => ({ active: true, token_type: 'Bearer' }),
};

const HEADERS: readonly Case[] = [
  shown(
    'with a space within',
    (token) => behind(token, (jws) => `${jws.slice(0, 40)} ${jws.slice(40)}`),
    row('token_missing', 'token_malformed', 'authorization_malformed'),
  ),
  shown(
    'with a tab before it',
    (token) => behind(token, (jws) => `\t${jws}`),
    row('token_missing', 'token_malformed', 'authorization_malformed'),
  ),
  shown(
    'beside another one in the same header',
    (token) => behind(token, (jws) => `${jws} ${jws}`),
    row('token_missing', 'token_malformed', 'authorization_malformed'),
  ),
  shown(
    'beside another one behind a comma',
    (token) => behind(token, (jws) => `${jws}, Bearer ${jws}`),
    row('token_missing', 'token_malformed', 'authorization_malformed'),
  ),
  shown(
    'in two headers',
    (token) => ({ authorization: [`Bearer ${token}`, `Bearer ${token}`], asked: [token, token] }),
    row('token_missing', ASKED_TWICE, 'authorization_malformed', {
      'REST API, TOKEN': {
        refused: 'token_missing',
        because: 'its event has one value: it is shown the two as API Gateway would have to join them',
      },
    }),
  ),
];

const SCHEMES: readonly Case[] = [
  shown(
    'under another scheme',
    (token) => ({ authorization: [`Basic ${token}`] }),
    row('token_missing', NO_HEADER, 'no_token'),
  ),
];

export const WRONG: Readonly<Record<string, readonly Case[]>> = {
  'changed, cut off, or not signed by a key of the realm': TAMPERED,
  'a JWT of another kind: ID token, client assertion, answer of an introspection': OTHERS,
  'several tokens, or one with a space within': HEADERS,
  'under a scheme that is no token scheme': SCHEMES,
};
