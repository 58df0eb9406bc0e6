/** Tokens that were good until an operator ended them, or until their resource or client asked for more. */

import { decodeJwt, decodeProtectedHeader } from 'jose';
import { callAdmin, changePartner } from '../support/service.ts';
import type { Case } from './cases.ts';
import { row } from './cells.ts';
import type { Presented } from './validators.ts';
import { newToken, operate, type Place, type World } from './world.ts';

const issue = async (world: World, place: Place): Promise<Presented> => ({ token: await newToken(world, place) });

const claimsOf = ({ token }: Presented) => {
  const { client_id, jti, exp = 0 } = decodeJwt(token);
  return { client: String(client_id), tokenId: jti, expiresAt: new Date(exp * 1_000).toISOString() };
};

const grantQuery = ({ audience }: Place, presented: Presented): string =>
  `/grants?client=${claimsOf(presented).client}&audience=${encodeURIComponent(audience)}`;

/** Sets the rule of the place's resource. */
const askFor =
  (binding: string): NonNullable<Case['end']> =>
  async (world, place) => {
    const { audience } = place;
    const found = await operate(world, place, 'GET', `/audiences?audience=${encodeURIComponent(audience)}`);
    const [{ version } = { version: 0 }] = found.items as readonly { readonly version: number }[];
    await operate(world, place, 'PATCH', '/audiences', { audience, version, tokenPolicy: { binding } });
  };

const SEEN_BY_INTROSPECTION = 'inactive';

export const ENDED: Readonly<Record<string, readonly Case[]>> = {
  'revoked: the token, all of its client, all of its grant': [
    {
      name: 'revoked by itself',
      issue,
      end: (world, place, presented) => {
        const { tokenId, expiresAt } = claimsOf(presented);
        return operate(world, place, 'POST', '/tokens/revoke', { tokenId, expiresAt });
      },
      cells: row('token_revoked', 'token_revoked', SEEN_BY_INTROSPECTION),
    },
    {
      name: 'revoked with all tokens of its client',
      issue,
      end: (world, place, presented) =>
        operate(world, place, 'POST', `/partners/${claimsOf(presented).client}/revoke-tokens`),
      cells: row('token_too_old', 'token_too_old', SEEN_BY_INTROSPECTION),
    },
    {
      name: 'revoked with all tokens of its grant',
      issue,
      end: (world, place, presented) =>
        operate(world, place, 'POST', '/grants/revoke-tokens', {
          client: claimsOf(presented).client,
          audience: place.audience,
        }),
      cells: row('token_too_old', 'token_too_old', SEEN_BY_INTROSPECTION),
    },
  ],
  'its grant, a scope of it, or its client is gone or disabled': [
    {
      name: 'of a grant that was removed',
      issue,
      end: (world, place, presented) => operate(world, place, 'DELETE', grantQuery(place, presented)),
      cells: row('grant_missing', 'grant_missing', SEEN_BY_INTROSPECTION),
    },
    {
      name: 'with a scope that its grant has lost',
      issue: async (world, place) => ({
        token: await newToken(world, place, { scopes: ['read', 'write'], scope: 'read' }),
      }),
      end: (world, place, presented) =>
        operate(world, place, 'POST', '/grants', {
          ...{ client: claimsOf(presented).client, audience: place.audience, scopes: ['write'] },
        }),
      cells: row('scope_not_granted', 'scope_not_granted', SEEN_BY_INTROSPECTION),
    },
    {
      name: 'of a client that was disabled',
      issue,
      end: ({ service }, _place, presented) => changePartner(service, claimsOf(presented).client, { enabled: false }),
      cells: row('client_disabled', 'client_disabled', SEEN_BY_INTROSPECTION),
    },
    {
      name: 'of a client that was removed',
      issue,
      end: async (world, place, presented) => {
        await operate(world, place, 'DELETE', `/partners/${claimsOf(presented).client}`);
      },
      cells: row('client_unknown', 'client_unknown', SEEN_BY_INTROSPECTION),
    },
  ],
  'its realm is disabled': [
    {
      name: 'of a realm that was disabled',
      at: 'closing',
      issue,
      end: async ({ service }, { realm }) => {
        const { body } = await callAdmin(service, 'GET', `/admin/realms/${realm}`);
        await callAdmin(service, 'PATCH', `/admin/realms/${realm}`, { version: body.version, enabled: false });
      },
      cells: row(
        'realm_disabled',
        { refused: 'realm_disabled', because: 'nobody can prove to be anybody in that realm: the answer is 401' },
        { refused: '503: introspection', because: 'nobody answers in that realm, which is no word on a token' },
      ),
    },
  ],
  'its signing key is revoked': [
    {
      name: 'by a signing key that was revoked',
      at: 'rolling',
      // The library reads the list of revoked keys once a minute.
      issue: async (world, place) => ({ ...(await issue(world, place)), later: 61 }),
      end: (world, place, { token }) =>
        operate(world, place, 'POST', `/keys/${decodeProtectedHeader(token).kid}/revoke`, { breakGlass: true }),
      cells: row('token_key_unknown', 'token_key_unknown', 'key_revoked'),
    },
  ],
  'not bound, though resource or client ask for it by now': [
    {
      name: 'unbound, of before its resource asked for DPoP',
      at: 'proving',
      issue,
      end: askFor('dpop'),
      cells: row('token_unbound', 'token_unbound', SEEN_BY_INTROSPECTION),
    },
    {
      name: 'unbound, of before its resource asked for certificates',
      at: 'certified',
      issue,
      end: askFor('mtls'),
      cells: row('token_unbound', 'token_unbound', SEEN_BY_INTROSPECTION),
    },
    {
      name: 'unbound, of before its client asked for DPoP',
      issue,
      end: ({ service }, _place, presented) =>
        changePartner(service, claimsOf(presented).client, { tokenPolicy: { binding: 'dpop' } }),
      cells: row('token_unbound', 'token_unbound', SEEN_BY_INTROSPECTION),
    },
  ],
};
