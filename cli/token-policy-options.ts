/**
 * The options that say what a partner's or an audience's tokens must be like.
 */
import { type Command, Option } from 'commander';
import { BINDINGS, PROFILES, type TokenPolicy } from './declaration.ts';
import { parseAlgorithm } from './key-material.ts';
import { defined, parseCount } from './option-values.ts';

export interface TokenPolicyOptions {
  readonly tokenSeconds?: number;
  readonly algorithm?: string;
  readonly binding?: TokenPolicy['binding'];
  readonly profile?: TokenPolicy['profile'];
}

/** The members of a token policy by the names that `--unset` knows them by. */
export const TOKEN_POLICY_NAMES = {
  'token-seconds': 'accessTokenSeconds',
  algorithm: 'algorithm',
  binding: 'binding',
  profile: 'profile',
} as const;

export function addTokenPolicyOptions(command: Command): Command {
  return command
    .option('--token-seconds <number>', 'longest lifetime of its tokens', parseCount)
    .option('--algorithm <alg>', "signing algorithm of its tokens (default: the realm's)", parseAlgorithm)
    .addOption(
      new Option(
        '--binding <kind>',
        'its tokens must be bound to a key or certificate; mtls-optional: to a certificate where there is one',
      ).choices(BINDINGS),
    )
    .addOption(new Option('--profile <name>', 'form of its tokens').choices(PROFILES));
}

/** The members that were given. */
export function readTokenPolicy({ tokenSeconds, algorithm, binding, profile }: TokenPolicyOptions): TokenPolicy {
  // parseAlgorithm has let through nothing but names of the list.
  const named = algorithm as TokenPolicy['algorithm'];
  return defined({ accessTokenSeconds: tokenSeconds, algorithm: named, binding, profile });
}

/** `lifetime 600 s, ES256, bound by dpop` */
export function describeTokenPolicy(policy: TokenPolicy | Readonly<Record<string, unknown>>): string | undefined {
  const { accessTokenSeconds, algorithm, binding, profile } = policy;
  const parts = [
    accessTokenSeconds === undefined ? undefined : `lifetime ${accessTokenSeconds} s`,
    algorithm,
    binding === undefined ? undefined : `bound by ${binding}`,
    profile === undefined ? undefined : `profile ${profile}`,
  ];
  return parts.filter((part) => part !== undefined).join(', ') || undefined;
}
