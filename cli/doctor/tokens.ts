/**
 * A token each way. The service says what it, or the other server, finds in one that was made or captured; here that becomes a step.
 */
import type { AdminClient } from '../admin-client.ts';
import { type Diagnosis, diagnosis, type Partner } from '../admin-records.ts';
import { Failure, misuse } from '../failure.ts';
import { type Io, inputName, readInput } from '../io.ts';
import type { Issuer } from '../issuer.ts';
import { requestToken, type TokenRequest } from '../token-request.ts';
import { verifyToken } from '../token-verification.ts';
import { failed, ok, type Step, warning } from './step.ts';

const MAX_TOKEN_LENGTH = 32_768;
const TO = 'token to the partner';
const FROM = 'token from the partner';

/** Tries it dry: nothing is issued or used up. */
export const diagnose = async (client: AdminClient, partner: string, token: string): Promise<Diagnosis> =>
  (await client.post(['tokens', 'diagnose'], { partner, token }, diagnosis)).record;

/** A token as it stands in a log or a file, with or without `Bearer`. @throws Failure (2) */
export async function readCaptured(io: Io, path: string): Promise<string> {
  const token = (await readInput(io, path)).trim().replace(/^(?:authorization:\s*)?bearer\s+/i, '');
  if (token === '' || token.length > MAX_TOKEN_LENGTH || /\s/.test(token))
    throw misuse(`${inputName(path)} does not hold one token`);
  return token;
}

const accepted = (name: string, { audience, actor, subject, expiresAt }: Diagnosis): Step =>
  ok(name, `good at ${audience}, by ${actor}${subject === actor ? '' : `, about ${subject}`}, until ${expiresAt}`);

const refusedBy = (name: string, { fault, step, finding, remedy }: Diagnosis): Step =>
  failed(name, `${finding} [${fault}, step ${step}]`, remedy ?? 'See docs/microsoft.md.');

/** Of a token of ours: what the server would say to it, as far as that is documented. */
export const toPartner = (found: Diagnosis): Step => {
  if (found.direction !== 'to-partner')
    return failed(
      TO,
      'it is no token of the Microsoft profile',
      'countersign audience set URL --profile microsoft-s2s',
    );
  return found.accepted ? accepted(TO, found) : refusedBy(TO, found);
};

/** Of a token that was captured. */
export function fromPartner({ id, grants }: Partner, found: Diagnosis): Step {
  if (found.direction === 'to-partner')
    return failed(FROM, 'this realm has made it', 'Capture one that the other server sends, before it reaches us.');
  if (!found.accepted) return refusedBy(FROM, found);
  if (found.partner !== id)
    return failed(FROM, `it is good, and from partner ${found.partner}`, `countersign doctor ${found.partner}`);
  const host = /\/([^/@]+)@/.exec(found.audience ?? '')?.[1]?.toLowerCase();
  const isGranted = grants.some(({ audience }) => URL.canParse(audience) && new URL(audience).host === host);
  if (found.forTokenEndpoint === true ? grants.length > 0 : isGranted) return accepted(FROM, found);
  const remedy = `countersign grant add --client ${id} --audience https://${host} --scope SCOPE`;
  return failed(FROM, `it is good, but the partner has no grant on an audience at ${host}`, remedy);
}

/** Nobody tells us their time but the tokens they make. @param claims of the signed part. */
export function checkTheirClock({ nbf, iat }: Readonly<Record<string, unknown>>, nowMs: number): Step {
  const name = 'clock of the partner';
  const made = Number(iat ?? nbf);
  const ahead = Math.round(made - nowMs / 1000);
  if (!(ahead > 30)) return ok(name, 'its token is not from the future');
  const remedy = 'w32tm /query /status on that server: it has to follow the domain, and the domain NTP.';
  return ahead > 300
    ? failed(name, `${ahead} s ahead of this machine`, remedy)
    : warning(name, `${ahead} s ahead of this machine`, remedy);
}

/** @returns the token, or the step that says why there is none. */
export async function getToken(name: string, issuer: Issuer, request: TokenRequest): Promise<string | Step> {
  try {
    return (await requestToken(issuer, request)).access_token;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const remedy =
      'The reason stands in the log of the token function, with the client id. Is there a grant, and is the key registered?';
    return failed(name, `the token endpoint: ${error.message}`, remedy);
  }
}

export async function checkByKeys(token: string, issuer: Issuer): Promise<Step> {
  try {
    const { claims } = await verifyToken(token, issuer, undefined);
    return ok('token of the partner', `issued for ${String(claims.aud)}, and good by the keys at ${issuer.jwks_uri}`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return failed('token of the partner', error.message, 'Compare the kid of its header with countersign key list.');
  }
}
