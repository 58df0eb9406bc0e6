/**
 * Dynamic client registration: the people of a partner register its keys with the token that an operator has given them once (RFC 7591
 * 3), and keep them with the one they get for it (RFC 7592 2). Who has no good token learns nothing, not even why.
 */

import type { AuditFacts, Decided } from '../core/audit.ts';
import { type ClientInformation, clientInformation } from '../core/client-information.ts';
import { type ClientMetadata, parseClientMetadata } from '../core/client-metadata.ts';
import type { Registration } from '../core/client-registration.ts';
import { hashSecret } from '../core/client-secret.ts';
import { accept, type Result } from '../core/errors.ts';
import type { EpochSeconds, PartnerWithGrants } from '../core/partner.ts';
import { newRefresh, type RefreshStatus } from '../core/partner-source.ts';
import { type RealmDefaults, type RealmTerms, realmTerms } from '../core/realm.ts';
import { buildRegistrationToken, type RegistrationTokenKind } from '../core/registration-token.ts';
import { updateProblem } from '../core/registration-update.ts';
import { deregisterClient, registerClient } from '../core/self-registration.ts';
import { parseStrictJson } from '../core/strict-json.ts';
import { type Clock, Outage, type PartnerRegistry, type RealmRegistry, type Secrets } from '../ports.ts';
import { isSameSource } from './manage-partners.ts';
import { openRegistration } from './open-registration.ts';

export interface RegisterClientPorts {
  readonly registry: Pick<PartnerRegistry, 'findPartner' | 'updatePartner'>;
  readonly realms: Pick<RealmRegistry, 'findRealm'>;
  readonly secrets: Secrets;
  readonly clock: Clock;
}

export interface RegistrationRequest {
  /** As the path names it: the realm's name or an alias. */
  readonly realm: string;
  /** As the path names it; there is none when a client registers. */
  readonly client?: string;
  /** Of the `Authorization` header, if there is one (RFC 6750 2.1). */
  readonly token: string | undefined;
}

/** A request with metadata: JSON, bounded, or why there is none. It is not looked at before the token. */
export interface MetadataRequest extends RegistrationRequest {
  readonly body: Result<string>;
}

type Decision<Value> = Promise<Decided<Value>>;

/** Where a decision is about to change something: the partner is as it was found. */
interface Opened {
  readonly found: PartnerWithGrants;
  readonly realm: RealmTerms;
  readonly token: string;
}

const MAX_ATTEMPTS = 4;

export type RegisterClient = ReturnType<typeof registerClients>;

/** Every operation throws Outage when DynamoDB did not answer. */
export const registerClients = ({ registry, realms, secrets, clock }: RegisterClientPorts, defaults: RealmDefaults) => {
  const open = async (
    kind: RegistrationTokenKind,
    request: RegistrationRequest,
    learn: (facts: AuditFacts) => void,
  ): Promise<Result<Opened>> => {
    const opened = await openRegistration({ registry, realms }, kind, request, clock.now(), learn);
    if (!opened.ok) return opened;
    const { realm, ...rest } = opened.value;
    return accept({ ...rest, realm: realmTerms(realm, defaults) });
  };

  /**
   * The token is looked at anew with every attempt: of several who use an onboarding token at once, the first one to write has used
   * it up for the others. Somebody else's change of the partner is no reason to refuse.
   */
  const change = async <Value>(
    look: () => Promise<Result<Opened>>,
    decide: (
      opened: Opened,
    ) => Promise<Result<{ readonly wanted: PartnerWithGrants['partner']; readonly value: Value }>>,
  ): Promise<Result<Value>> => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const opened = await look();
      if (!opened.ok) return opened;
      const decided = await decide(opened.value);
      if (!decided.ok) return decided;
      const { found } = opened.value;
      const { wanted, value } = decided.value;
      const saved = await registry.updatePartner(wanted, found, followedAnew(found, wanted, clock.now()));
      if (saved === 'saved') return accept(value);
    }
    throw new Outage('dynamodb:TransactWriteItems', new Error('the partner is being changed all the time'));
  };

  /** @param keep the registration as it is to be, under which token. */
  const write = (
    look: () => Promise<Result<Opened>>,
    read: (opened: Opened) => Promise<Result<ClientMetadata>>,
    keep: (opened: Opened, metadata: ClientMetadata) => { readonly registration: Registration; readonly token: string },
    learn: (facts: AuditFacts) => void,
  ): Promise<Result<ClientInformation>> =>
    change(look, async (opened) => {
      const metadata = await read(opened);
      if (!metadata.ok) return metadata;
      learn(factsOf(metadata.value));
      const { registration, token } = keep(opened, metadata.value);
      const wanted = registerClient(opened.found.partner, metadata.value, registration, clock.now());
      if (!wanted.ok) return wanted;
      const { method } = registration;
      return accept({ wanted: wanted.value, value: clientInformation(wanted.value, method, opened.realm, token) });
    });

  const parse = (
    body: Result<string>,
    { realm, found }: Opened,
    methods: Registration['methods'],
  ): Promise<Result<ClientMetadata>> =>
    body.ok
      ? parseClientMetadata(
          parseStrictJson(body.value),
          { methods, grantTypes: realm.grantTypes, known: ownKeys(found) },
          clock.now(),
        )
      : Promise.resolve(body);

  return {
    /** RFC 7591 3.1 */
    register: (request: MetadataRequest): Decision<ClientInformation> =>
      recorded('register', (learn) =>
        write(
          () => open('onboarding', request, learn),
          (opened) => parse(request.body, opened, opened.found.partner.onboarding?.methods ?? []),
          ({ found: { partner } }, { method }) => {
            const token = buildRegistrationToken('registration', partner.id, secrets.next());
            const methods = partner.onboarding?.methods ?? [];
            return { registration: { hash: hashSecret(token), createdAt: clock.now(), methods, method }, token };
          },
          learn,
        ),
      ),

    /** RFC 7592 2.1 */
    read: (request: RegistrationRequest): Decision<ClientInformation> =>
      recorded('read', async (learn) => {
        const opened = await open('registration', request, learn);
        if (!opened.ok) return opened;
        const { found, realm, token } = opened.value;
        return accept(clientInformation(found.partner, registrationOf(found).method, realm, token));
      }),

    /** RFC 7592 2.2. The token stays the same: whoever holds it has shown it, and a lost answer must not lock anybody out. */
    update: (request: MetadataRequest): Decision<ClientInformation> =>
      recorded('update', (learn) =>
        write(
          () => open('registration', request, learn),
          async (opened) => {
            const problem = request.body.ok
              ? updateProblem(parseStrictJson(request.body.value), opened.found.partner.id)
              : undefined;
            return problem ?? parse(request.body, opened, registrationOf(opened.found).methods);
          },
          ({ found, token }, { method }) => ({ registration: { ...registrationOf(found), method }, token }),
          learn,
        ),
      ),

    /** RFC 7592 2.3 */
    remove: (request: RegistrationRequest): Decision<void> =>
      recorded('remove', (learn) =>
        change(
          () => open('registration', request, learn),
          async ({ found }) => accept({ wanted: deregisterClient(found.partner, clock.now()), value: undefined }),
        ),
      ),
  };
};

const recorded = async <Value>(
  operation: NonNullable<AuditFacts['operation']>,
  decide: (learn: (facts: AuditFacts) => void) => Promise<Result<Value>>,
): Decision<Value> => {
  let facts: AuditFacts = { operation };
  const result = await decide((more) => {
    facts = { ...facts, ...more };
  });
  return { result, facts };
};

const factsOf = ({ method, keys, jwksUri }: ClientMetadata): AuditFacts => ({
  method,
  ...(jwksUri === undefined ? { keys: keys.map(({ thumbprint }) => thumbprint) } : { jwksUri }),
});

const ownKeys = ({ partner: { credentials } }: PartnerWithGrants) =>
  credentials.filter(({ source }) => source === 'self-registered');

/** A partner whose registration access token was good has a registration. */
const registrationOf = ({ partner: { registration } }: PartnerWithGrants): Registration => {
  if (registration === undefined) throw new Error('a registration access token without a registration');
  return registration;
};

/** Its document is looked at soon when it is another, and when a key goes that may have stood in front of the same one in there. */
const followedAnew = (
  { partner: before, refresh }: PartnerWithGrants,
  wanted: PartnerWithGrants['partner'],
  now: EpochSeconds,
): RefreshStatus | undefined => {
  const { realm, id, source, credentials } = wanted;
  const isLess = before.credentials.some(({ thumbprint }) =>
    credentials.every((each) => each.thumbprint !== thumbprint),
  );
  if (source === undefined || (isSameSource(before, wanted) && !isLess)) return undefined;
  return { ...newRefresh(realm, id, now), version: (refresh?.version ?? 0) + 1 };
};
