/** Bound tokens with everybody who is not the owner of their key, and tokens that are not bound where a proof comes along. */

import { decodeJwt } from 'jose';
import { freshProof, tokenHash } from '../support/dpop.ts';
import type { Case, Cell, Cells } from './cases.ts';
import { row } from './cells.ts';
import type { Presented } from './validators.ts';
import { certificateToken, dpopToken, forge, newToken, type World } from './world.ts';

const TELLS_BINDING: Cell = {
  because: 'it sees no request: the caller has to check the proof by `cnf`',
  tells: (_world, { token }) => {
    const { cnf } = decodeJwt<{ readonly cnf: { readonly jkt?: string } }>(token);
    return { active: true, token_type: cnf.jkt === undefined ? 'Bearer' : 'DPoP', cnf };
  },
};

/** An authorizer of the type TOKEN is told the header `Authorization` alone, so it refuses whatever would have to be proved. */
export const NOTHING_PROVED: Cell = {
  refused: 'token_binding',
  because: 'it sees neither proof nor certificate, so it refuses all bound tokens',
};

const possession = (authorizers: string, library: string): Cells =>
  row(authorizers, TELLS_BINDING, library, { 'REST API, TOKEN': NOTHING_PROVED });

const proofOf =
  ({ dpopKey }: World, token: string, claims: object = {}) =>
  (url: string): string =>
    freshProof(dpopKey, { htu: url, ath: tokenHash(token), ...claims });

/** With a good proof, made anew for each request, but for the changes. */
export const withDpop = async (world: World, claims: object = {}): Promise<Presented> => {
  const token = await dpopToken(world);
  return { token, authorization: [`DPoP ${token}`], proof: proofOf(world, token, claims) };
};

/** The claims of a proof are not good. */
const wrongProof = (name: string, claims: object, authorizers: string, library: string): Case => ({
  name: `bound to a DPoP key, with a proof ${name}`,
  issue: (world) => withDpop(world, claims),
  cells: possession(authorizers, library),
});

export const BOUND: Readonly<Record<string, readonly Case[]>> = {
  'bound to a DPoP key, without a good proof for this request': [
    {
      name: 'bound to a DPoP key, as a bearer token',
      issue: async (world) => ({ token: await dpopToken(world) }),
      cells: possession('token_binding', 'bound_token_as_bearer'),
    },
    {
      name: 'bound to a DPoP key, as a bearer token with a good proof',
      issue: async (world) => {
        const { token, proof } = await withDpop(world);
        return { token, ...(proof === undefined ? {} : { proof }) };
      },
      cells: possession('token_binding', 'bound_token_as_bearer'),
    },
    {
      name: 'bound to a DPoP key, without a proof',
      issue: async (world) => {
        const token = await dpopToken(world);
        return { token, authorization: [`DPoP ${token}`] };
      },
      cells: possession('token_binding', 'proof_missing'),
    },
    {
      name: 'bound to a DPoP key, with a certificate in place of the proof',
      issue: async (world) => {
        const token = await dpopToken(world);
        return { token, authorization: [`DPoP ${token}`], certificate: world.certificate };
      },
      cells: possession('token_binding', 'proof_missing'),
    },
    {
      name: 'bound to a DPoP key, with the proof of another key',
      issue: async (world) => {
        const presented = await withDpop(world);
        return { ...presented, proof: proofOf({ ...world, dpopKey: world.otherDpopKey }, presented.token) };
      },
      cells: possession('token_binding', 'proof_other_key'),
    },
    wrongProof('for another URL', { htu: 'https://mallory.example/invoices' }, 'dpop_url', 'proof_url'),
    wrongProof('for another method', { htm: 'POST' }, 'dpop_method', 'proof_method'),
    wrongProof('for another token', { ath: tokenHash('another') }, 'dpop_token_hash', 'proof_token_hash'),
    wrongProof('of an hour ago', { iat: Math.floor(Date.now() / 1_000) - 3_600 }, 'dpop_untimely', 'proof_untimely'),
    {
      name: 'bound to a DPoP key, with a proof that was used before',
      issue: async (world) => {
        const presented = await withDpop(world);
        const made = new Map<string, string>();
        const once = (url: string): string => {
          const proof = made.get(url) ?? proofOf(world, presented.token)(url);
          made.set(url, proof);
          return proof;
        };
        return { ...presented, proof: once };
      },
      again: true,
      cells: possession('dpop_replayed', 'proof_replayed'),
    },
  ],
  'not bound, under the scheme `DPoP`': [
    {
      name: 'unbound, under the scheme DPoP with a proof',
      issue: async (world, place) => {
        const token = await newToken(world, place);
        return { token, authorization: [`DPoP ${token}`], proof: proofOf(world, token) };
      },
      cells: row(
        'token_unbound',
        {
          because: 'it sees no scheme: it tells that the token is a bearer token',
          tells: () => ({ active: true, token_type: 'Bearer' }),
        },
        'not_bound',
      ),
    },
  ],
  'bound to a certificate, without that certificate': [
    {
      name: 'bound to a certificate, without one',
      issue: async (world) => ({ token: await certificateToken(world) }),
      cells: possession('token_binding', 'certificate_missing'),
    },
    {
      name: 'bound to a certificate, with another one',
      issue: async (world) => ({ token: await certificateToken(world), certificate: world.otherCertificate }),
      cells: possession('token_binding', 'certificate_other'),
    },
  ],
  'bound in a way that is not known': [
    {
      name: 'bound in a way that nobody knows',
      issue: async (world) => ({ token: await forge(world, { cnf: { kid: 'somebody' } }) }),
      cells: row('token_malformed', 'token_malformed', 'cnf_unknown'),
    },
  ],
};
