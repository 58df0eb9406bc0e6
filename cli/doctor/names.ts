/**
 * Who is who, and who may call whom: names, hosts, grants and users, as both sides must have them.
 */
import type { Audience, Grant, Partner, Realm } from '../admin-records.ts';
import { failed, ok, type Step, skipped, warning } from './step.ts';

const PRINCIPAL = /^[0-9A-Fa-f-]{36}@[A-Za-z0-9.-]+$/;

export function checkPartner({ id, enabled, trustLevel }: Partner): Step {
  return enabled
    ? ok('partner', `${id} is enabled, with the trust level ${trustLevel}`)
    : failed('partner', `${id} is disabled: nothing of it is taken`, `countersign partner enable ${id}`);
}

export function checkRealm({ name, enabled, policy }: Realm, { microsoft }: Partner): Step {
  if (!enabled) return failed('realm', `${name} is disabled`, `countersign realm enable ${name}`);
  if (microsoft === undefined) return ok('realm', `${name} is enabled`);
  if (policy.microsoft === undefined) {
    const remedy = `countersign realm set ${name} --application-identifier GUID --microsoft-realm NAME --host HOST`;
    return failed('realm', `${name} takes no part in the Microsoft profile, and the partner does`, remedy);
  }
  return ok('realm', `${name} is ${principalOf(policy.microsoft)}`);
}

type MicrosoftRealm = NonNullable<Realm['policy']['microsoft']>;

export const principalOf = ({ applicationId, realms: [own = ''] }: MicrosoftRealm): string => `${applicationId}@${own}`;

/** `iss` and `nameid` of its tokens are compared with this, letter by letter. */
export function checkName({ id, issuer }: Partner, realm: MicrosoftRealm | undefined): Step {
  const name = 'name of the partner';
  const remedy = `countersign partner set ${id} --issuer GUID@REALM, as in its own document (issuer)`;
  if (issuer === undefined || !PRINCIPAL.test(issuer))
    return failed(name, `${issuer ?? 'there is none'}: not <application id>@<realm>`, remedy);
  if (realm !== undefined && issuer === principalOf(realm))
    return failed(name, `${issuer} is the name of this realm too`, 'Give this realm an application id of its own.');
  return ok(name, issuer);
}

const hostOf = (audience: string): string => (URL.canParse(audience) ? new URL(audience).host : '');

/** What it may call here. A host that is not in the realm's list is refused in every token. */
export function checkCallsToUs({ id, grants }: Partner, realm: MicrosoftRealm | undefined): Step {
  const name = 'calls to us';
  if (grants.length === 0) {
    const remedy = `countersign grant add --client ${id} --audience URL --scope SCOPE, unless only we call it`;
    return warning(name, 'it has no grant: it gets no token, and no token of it is taken', remedy);
  }
  const told = grants.map(({ audience, scopes }) => `${audience} (${scopes.join(' ')})`).join(', ');
  const missing =
    realm === undefined
      ? []
      : grants.map(({ audience }) => hostOf(audience)).filter((host) => !isIn(realm.hosts, host));
  if (realm === undefined || missing.length === 0) return ok(name, told);
  const all = [...new Set([...realm.hosts, ...missing])].map((host) => `--host ${host}`).join(' ');
  return warning(name, `${told}; but tokens for ${missing.join(', ')} are refused`, `countersign realm set ${all}`);
}

const isIn = (hosts: readonly string[], host: string): boolean =>
  hosts.some((each) => each.toLowerCase() === host.toLowerCase());

/** @param count of users that are registered, at least as far as it was looked. */
export function checkUsers({ id, trustLevel, microsoft }: Partner, realm: MicrosoftRealm, count: number): Step {
  const name = 'tokens about users';
  if (microsoft?.userTokens !== true) {
    const remedy = `countersign partner set ${id} --accept-user-tokens --trust-level full, if it is to speak for every user`;
    return skipped(name, 'not accepted', remedy);
  }
  if (trustLevel !== 'full')
    return failed(
      name,
      `accepted, but not with the trust level ${trustLevel}`,
      `countersign partner set ${id} --trust-level full`,
    );
  if (realm.users === 'as-stated') return ok(name, 'users are who the server says');
  return count === 0
    ? failed(name, 'nobody is registered: every token is refused', 'countersign user add, or user import')
    : ok(name, 'registered users only');
}

/** @param owned audiences of the partner, each with the grants on it. */
export function checkCallsToThem(
  { id, microsoft }: Partner,
  owned: readonly { readonly audience: Audience; readonly grants: readonly Grant[] }[],
): Step {
  const name = 'calls to it';
  const add = `countersign audience add https://HOST --owner ${id} --scope SCOPE${microsoft === undefined ? '' : ' --profile microsoft-s2s'}`;
  if (owned.length === 0) return skipped(name, 'it owns no audience: nobody gets a token for it', add);
  const told = owned.map(
    ({ audience, grants }) => `${audience.audience}: ${grants.map(({ client }) => client).join(', ') || 'nobody'}`,
  );
  const other = owned.find(
    ({ audience }) => microsoft !== undefined && audience.tokenPolicy.profile !== 'microsoft-s2s',
  );
  if (other !== undefined) {
    const remedy = `If it is the server itself: countersign audience set ${other.audience.audience} --profile microsoft-s2s`;
    return warning(
      name,
      `tokens for ${other.audience.audience} are of RFC 9068, which such a server does not take`,
      remedy,
    );
  }
  return owned.some(({ grants }) => grants.length > 0)
    ? ok(name, told.join('; '))
    : warning(
        name,
        'nobody has a grant on what it owns',
        'countersign grant add --client CLIENT --audience URL --scope SCOPE',
      );
}
