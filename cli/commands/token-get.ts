/**
 * `countersign token get`: a token as a partner would get it, by any way of proving who it is and any grant.
 */
import type { Command } from 'commander';
import { addGrantOptions, type GrantOptions, readGrant } from '../grant-options.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { discoverIssuer } from '../issuer.ts';
import { show } from '../output.ts';
import { addProofOptions, type ProofOptions, readProof } from '../proof-options.ts';
import { readSettings } from '../settings.ts';
import { requireOneInput } from '../token-input.ts';
import { requestToken } from '../token-request.ts';

interface GetOptions extends ProofOptions, GrantOptions {
  readonly client: string;
  readonly issuer?: string;
}

const FILES = [
  'key',
  'secretFile',
  'assertionFile',
  'tlsCert',
  'tlsKey',
  'tlsCa',
  'dpopKey',
  'grantAssertionFile',
  'subjectTokenFile',
] as const;

export function addTokenGet(group: Command, io: Io): void {
  const command = group
    .command('get')
    .description('get an access token as a partner; prints the token alone')
    .requiredOption('--client <id>', 'client id of the partner');
  addGrantOptions(addProofOptions(command))
    .option('--issuer <url>', 'issuer URL, where it is not the endpoint itself')
    .addHelpText(
      'after',
      `${examples(
        'token get --client billing --key billing.private.jwk.json --resource https://ledger.example.com',
        'token get --client billing --key billing.pem --scope "entries.read entries.write" --json',
        'token get --client gateway --tls-cert gateway.crt --tls-key gateway.key',
        'token get --client deploy --assertion-file /var/run/secrets/tokens/countersign',
        'token get --client legacy --secret-file legacy.secret --auth client_secret_post',
        'token get --client billing --key k.json --dpop-key dpop.jwk.json',
        'token get --client crm --key k.json --grant token-exchange --subject-token-file incoming.jwt',
        'token get --client crm --key k.json --resource https://mail.contoso.com --trusted-for-delegation',
      )}\n  $ curl -H "Authorization: Bearer $(countersign token get --client billing --key k.json)" https://...`,
    )
    .action(async (options: GetOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      requireOneInput(...FILES.map((name) => options[name]));
      const parameters = await readGrant(io, options);
      const { proof, tls, dpop } = await readProof(io, options);
      const issuer = await discoverIssuer(settings, options.issuer, tls?.ca);
      const answer = await requestToken(issuer, { client: options.client, proof, parameters, dpop, tls });
      if (dpop !== undefined && options.dpopKey === undefined) {
        io.stderr.write('countersign: the token is bound to a key that is gone now; to use it, pass --dpop-key FILE\n');
      }
      show(io, settings.json, answer, () => answer.access_token);
    });
}
