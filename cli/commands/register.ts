/**
 * `countersign register`: the partner's own people register its public key, with the token that an operator gave them (RFC 7591).
 */
import type { Command } from 'commander';
import { misuse } from '../failure.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { discoverIssuer } from '../issuer.ts';
import { addMetadataOptions, type MetadataOptions, readMetadata } from '../metadata-options.ts';
import { show } from '../output.ts';
import { register, registrationText } from '../registration.ts';
import { describeClient } from '../registration-view.ts';
import { keepOnce } from '../secret-file.ts';
import { readSettings } from '../settings.ts';
import { readSecret, requireOneInput } from '../token-input.ts';

interface RegisterOptions extends MetadataOptions {
  readonly issuer?: string;
  readonly onboardingTokenFile: string;
  readonly out: string;
}

export function addRegisterCommand(program: Command, io: Io): void {
  const command = program
    .command('register')
    .description("register your application's public key with an onboarding token; private keys are refused")
    .option('--issuer <url>', 'issuer URL, where it is not the endpoint itself')
    .requiredOption('--onboarding-token-file <file>', 'what the operator gave you (- for standard input)');
  addMetadataOptions(command)
    .option('-o, --out <file>', 'what you change the registration with goes there (mode 0600)', 'registration.json')
    .addHelpText(
      'after',
      examples(
        'register --issuer https://tokens.example.com --onboarding-token-file billing.token --jwks keys/billing.jwks.json',
        'register --issuer https://tokens.example.com --onboarding-token-file - --jwks-uri https://billing.example.com/jwks',
        'register --issuer https://tokens.example.com --onboarding-token-file t --certificate billing.crt --out billing.json',
      ),
    )
    .action(async (options: RegisterOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const { onboardingTokenFile, jwks, jwksUri, certificate, out } = options;
      requireOneInput(onboardingTokenFile, jwks, certificate);
      if ((jwks ?? jwksUri ?? certificate) === undefined) {
        throw misuse('no key: pass --jwks FILE, --jwks-uri URL or --certificate FILE');
      }
      const said = await readMetadata(io, options);
      const token = await readSecret(io, onboardingTokenFile, 'an onboarding token');
      const issuer = await discoverIssuer(settings, options.issuer);
      const metadata = { token_endpoint_auth_method: 'private_key_jwt', ...said };
      const made = await keepOnce(out, () => register(issuer, token, metadata), registrationText);
      show(io, settings.json, { ...made.metadata, file: out }, () => describeClient(io, made, out));
    });
}
