/** Tokens of another time, of another issuer, or for somebody else. */

import { decodeJwt } from 'jose';
import { seconds } from '../support/forgery.ts';
import type { Case, Cell } from './cases.ts';
import { row } from './cells.ts';
import { BILLING, forge, newToken, SISTER, STRANGER, tokenOfElsewhere } from './world.ts';

/** What the owner of several resources is told of a token for one of them. */
const tellsClaims = (because: string): Cell => ({
  because,
  tells: (_world, { token }) => {
    const { aud, scope } = decodeJwt(token);
    return { active: true, token_type: 'Bearer', aud, scope };
  },
});

export const FOREIGN: Readonly<Record<string, readonly Case[]>> = {
  'expired or not yet valid': [
    {
      name: 'expired a second ago',
      issue: async (world) => ({ token: await forge(world, { iat: seconds() - 600, exp: seconds() - 1 }) }),
      cells: row('token_expired', 'token_expired', 'expired'),
    },
    {
      name: 'not yet valid',
      issue: async (world) => ({ token: await forge(world, { iat: seconds() + 120 }) }),
      cells: row('token_not_yet_valid', 'token_not_yet_valid', 'not_yet_valid'),
    },
  ],
  'living longer than its key may make one': [
    {
      name: 'living longer than its key may make one',
      issue: async (world) => ({ token: await forge(world, { exp: seconds() + 3_700 }) }),
      cells: row('token_lifetime', 'token_lifetime', {
        refused: 'inactive',
        because: 'it does not know how long tokens may live, and learns it by introspection',
      }),
    },
  ],
  'of another realm or deployment': [
    {
      name: 'of another realm, for a resource of the same name',
      issue: async (world) => ({ token: await newToken(world, world.places.contoso) }),
      cells: row('token_key_unknown', 'token_key_unknown', 'key_unknown'),
    },
    {
      name: 'of another deployment, for a resource of the same name',
      issue: async (world) => ({ token: await tokenOfElsewhere(world) }),
      cells: row('token_key_unknown', 'token_key_unknown', 'key_unknown'),
    },
    {
      name: 'that says it is of another realm, by a key of this one',
      issue: async (world) => ({ token: await forge(world, { iss: world.places.contoso.issuer }) }),
      cells: row('token_issuer', 'token_issuer', 'issuer'),
    },
  ],
  'for another resource of the same owner': [
    {
      name: 'for another resource of the same owner',
      issue: async (world, place) => ({ token: await newToken(world, place, { audience: SISTER }) }),
      cells: row(
        'token_audience',
        tellsClaims('the caller owns that resource as well: it has to compare `aud`'),
        'audience',
      ),
    },
  ],
  'for a resource of another owner': [
    {
      name: 'for a resource of another owner',
      issue: async (world, place) => ({ token: await newToken(world, place, { audience: STRANGER }) }),
      cells: row('token_audience', 'token_foreign', 'audience'),
    },
  ],
  'for several resources at once': [
    {
      name: 'for several resources',
      issue: async (world) => ({ token: await forge(world, { aud: [BILLING, STRANGER] }) }),
      cells: row('token_malformed', 'token_malformed', {
        refused: 'inactive',
        because: 'RFC 9068 allows several, which our service never issues',
      }),
    },
  ],
  'without the scope that the request needs': [
    {
      name: 'without the scope that is needed',
      issue: async (world, place) => ({ token: await newToken(world, place, { scopes: ['write'] }) }),
      cells: row(
        'scope_missing',
        tellsClaims('what a request needs only the caller knows: it has to look at `scope`'),
        'scope',
      ),
    },
  ],
};
