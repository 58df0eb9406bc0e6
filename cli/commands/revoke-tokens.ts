/**
 * What ends tokens that are out: `countersign partner revoke-tokens`, `grant revoke-tokens` and `token revoke`. Who may get new ones is
 * not changed by any of them.
 */
import type { Command } from 'commander';
import { createAdminClient, createDeploymentClient } from '../admin-client.ts';
import { grant, partner, realm } from '../admin-records.ts';
import { confirm } from '../confirmation.ts';
import { misuse } from '../failure.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { printable, show } from '../output.ts';
import { readSettings, type Settings } from '../settings.ts';
import { readTokenArgument } from '../token-input.ts';
import { decodeToken } from '../token-view.ts';

interface Consent {
  readonly yes?: boolean;
}

interface GrantOptions extends Consent {
  readonly client: string;
  readonly audience: string;
}

const WHEN = 'those of before are refused after at most 30 seconds where we are asked, and new ones can be had.';

export function addPartnerRevokeTokens(group: Command, io: Io): void {
  group
    .command('revoke-tokens')
    .description('end all tokens that a partner has, and those in which it is the subject or acts; it can get new ones')
    .argument('<id>', 'client id of the partner')
    .option('--yes', 'do not ask')
    .addHelpText('after', examples('partner revoke-tokens billing', 'partner revoke-tokens billing --yes'))
    .action(async (id: string, { yes = false }: Consent, command: Command) => {
      const settings = readSettings(command, io.env);
      const client = createAdminClient(settings, io);
      const { name } = await client.get(['partners', id], partner);
      await confirm(io, `Revoke all tokens of partner ${name === undefined ? id : `${id} (${name})`}?`, yes);
      const { record } = await client.post(['partners', id, 'revoke-tokens'], undefined, partner);
      show(io, settings.json, record, () => printable(`The tokens of partner ${id} are revoked: ${WHEN}`));
    });
}

export function addGrantRevokeTokens(group: Command, io: Io): void {
  group
    .command('revoke-tokens')
    .description('end all tokens that a partner has for an audience; it can get new ones')
    .requiredOption('--client <partner>', 'partner that has the grant')
    .requiredOption('--audience <uri>', 'audience that it may call')
    .option('--yes', 'do not ask')
    .addHelpText('after', examples('grant revoke-tokens --client billing --audience https://ledger.example.com'))
    .action(async ({ client: id, audience, yes = false }: GrantOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const client = createAdminClient(settings, io);
      await confirm(io, `Revoke all tokens of partner ${id} for ${audience}?`, yes);
      const { record } = await client.post(['grants', 'revoke-tokens'], { client: id, audience }, grant);
      show(io, settings.json, record, () =>
        printable(`The tokens of partner ${id} for ${audience} are revoked: ${WHEN}`),
      );
    });
}

export function addTokenRevoke(group: Command, io: Io): void {
  group
    .command('revoke')
    .description('end one access token; only its id and its time are sent')
    .argument('[token]', 'the token, or - for standard input', '-')
    .addHelpText('after', examples('token revoke eyJhbGciOi...', 'token revoke - < leaked.jwt'))
    .action(async (argument: string, _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const named = nameOf(await readTokenArgument(io, argument));
      await requireIssuer(settings, io, named.issuer);
      const body = { tokenId: named.tokenId, expiresAt: named.expiresAt };
      await createAdminClient(settings, io).command(['tokens', 'revoke'], body);
      show(io, settings.json, { revoked: body }, () =>
        printable(`Token ${named.tokenId} is revoked: it is refused after at most 30 seconds where we are asked.`),
      );
    });
}

interface TokenName {
  readonly tokenId: string;
  /** RFC 3339 */
  readonly expiresAt: string;
  readonly issuer: string | undefined;
}

/** @throws Failure (2) for what has no id or no end; the message does not repeat it. */
function nameOf(token: string): TokenName {
  const { jti, exp, iss } = decodeToken(token).claims;
  const isTimed = typeof exp === 'number' && exp >= 0 && exp < END_OF_TIME;
  if (typeof jti !== 'string' || jti === '' || !isTimed) throw misuse('not an access token: it has no jti or no exp');
  // Parts of a second must not let it outlive its revocation.
  return { tokenId: jti, expiresAt: new Date(Math.ceil(exp) * 1_000).toISOString(), issuer: iss };
}

/** The first second that RFC 3339 has no spelling for. */
const END_OF_TIME = 253_402_300_799;

/** A revocation in another realm than the token's would be taken, and would end nothing. */
async function requireIssuer(settings: Settings, io: Io, issuer: string | undefined): Promise<void> {
  const { issuer: own } = await createDeploymentClient(settings, io).get(['realms', settings.realm], realm);
  if (issuer === own) return;
  throw misuse(printable(`the token is not of realm ${settings.realm} (${own}), but of ${issuer ?? 'nobody'}`));
}
