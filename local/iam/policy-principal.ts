/**
 * The Principal element of resource and trust policies: whom a statement is about.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
 */
import { expectMembers, expectOneOrMany, expectString } from './policy-json.ts';
import { type PolicyPlace, UnsupportedPolicyError } from './unsupported-policy-error.ts';

export type PrincipalMatch =
  | { readonly kind: 'anyone' }
  /** The account: its root user, and, in an Allow, the account's IAM policies to decide for everyone else in it. */
  | { readonly kind: 'account'; readonly account: string }
  | { readonly kind: 'role'; readonly arn: string }
  | { readonly kind: 'session'; readonly arn: string }
  | { readonly kind: 'service'; readonly service: string };

const ACCOUNT = /^\d{12}$/;
const ACCOUNT_ROOT = /^arn:aws[a-z-]*:iam::(\d{12}):root$/;
const ROLE = /^arn:aws[a-z-]*:iam::\d{12}:role\/[^*?]+$/;
const SESSION = /^arn:aws[a-z-]*:sts::\d{12}:assumed-role\/[^/*?]+\/[^/*?]+$/;
const SERVICE = /^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$/;

/** @throws UnsupportedPolicyError for users, federated and canonical principals, and for anything malformed. */
export function parsePrincipals(value: unknown, place: PolicyPlace): PrincipalMatch[] {
  if (value === undefined) throw new UnsupportedPolicyError(place, 'Principal', 'missing');
  if (value === '*') return [{ kind: 'anyone' }];
  return expectMembers(value, 'Principal', place).flatMap(([type, names]) => {
    const element = `Principal.${type}`;
    const parse = type === 'AWS' ? parseAwsPrincipal : type === 'Service' ? parseService : undefined;
    if (parse === undefined) throw new UnsupportedPolicyError(place, element, 'unknown kind of principal');
    return expectOneOrMany(names, element, place, (name) => {
      const principal = parse(expectString(name, element, place));
      if (principal === undefined)
        throw new UnsupportedPolicyError(place, element, `unsupported principal ${String(name)}`);
      return principal;
    });
  });
}

function parseAwsPrincipal(name: string): PrincipalMatch | undefined {
  if (name === '*') return { kind: 'anyone' };
  const account = ACCOUNT.test(name) ? name : ACCOUNT_ROOT.exec(name)?.[1];
  if (account !== undefined) return { kind: 'account', account };
  if (ROLE.test(name)) return { kind: 'role', arn: name };
  return SESSION.test(name) ? { kind: 'session', arn: name } : undefined;
}

function parseService(name: string): PrincipalMatch | undefined {
  return SERVICE.test(name) ? { kind: 'service', service: name } : undefined;
}
