/**
 * What dynamic registration makes of a partner: its keys beside those of the operator, and nothing that the operator has not left open.
 * One operation serves the first registration and every later one, since new metadata replace the old (RFC 7592 2.2).
 */

import { type ClientMetadata, refuseMetadata } from './client-metadata.ts';
import type { Registration } from './client-registration.ts';
import type { DocumentKey } from './document-key.ts';
import { accept, type Result } from './errors.ts';
import type { EpochSeconds, Partner, PartnerCredential } from './partner.ts';
import { credentialConflicts, withDocumentKeys } from './partner-credential.ts';
import type { PartnerSource } from './partner-source.ts';
import type { BindingRule, TokenPolicy } from './token-policy.ts';

/** The partner as its people have registered it. The version goes up by one. */
export const registerClient = (
  partner: Partner,
  metadata: ClientMetadata,
  registration: Registration,
  now: EpochSeconds,
): Result<Partner> => {
  const { name, contact } = metadata;
  const { onboarding: _used, source: before, ...rest } = partner;
  const source = sourceAfter(before, metadata.jwksUri);
  if (!source.ok) return source;
  const registered = partner.credentials.filter(isOperators);
  const own = metadata.keys.map((key) => ownCredential(key, partner.credentials));
  const [conflict] = credentialConflicts([...registered, ...own], '/jwks/keys');
  if (conflict !== undefined) return refuseMetadata(`${conflict.pointer}: ${conflict.detail}`);
  return accept({
    ...rest,
    ...(name === undefined ? {} : { name }),
    ...(contact === undefined ? {} : { contact }),
    ...(source.value === undefined ? {} : { source: source.value }),
    credentials: withDocumentKeys([...registered, ...own], documentKeys(partner, source.value)),
    tokenPolicy: boundPolicy(partner.tokenPolicy, metadata.binding),
    registration,
    version: partner.version + 1,
    updatedAt: now,
  });
};

/** The partner without what its people have registered (RFC 7592 2.3). What the operator has said of it stays, and so does its name. */
export const deregisterClient = (partner: Partner, now: EpochSeconds): Partner => {
  const { registration: _ended, source: before, ...rest } = partner;
  const source = before?.selfRegistered ? undefined : before;
  return {
    ...rest,
    ...(source === undefined ? {} : { source }),
    credentials: withDocumentKeys(partner.credentials.filter(isOperators), documentKeys(partner, source)),
    version: partner.version + 1,
    updatedAt: now,
  };
};

const isOperators = ({ source }: PartnerCredential): boolean => source === 'registered';

/** Keys of a document that is no longer followed must not outlive it. */
const documentKeys = ({ source: before, credentials }: Partner, after: PartnerSource | undefined) =>
  before !== undefined && before.type === after?.type && before.url === after.url
    ? credentials.filter(({ source }) => source === 'document')
    : [];

/** Where an operator has said where the keys are, the partner can repeat that and not contradict it. */
const sourceAfter = (
  before: PartnerSource | undefined,
  jwksUri: string | undefined,
): Result<PartnerSource | undefined> => {
  const given = before?.selfRegistered ? undefined : before;
  if (jwksUri === undefined) return accept(given);
  if (given === undefined) return accept({ type: 'jwks_uri', url: jwksUri, selfRegistered: true });
  return given.type === 'jwks_uri' && given.url === jwksUri
    ? accept(given)
    : refuseMetadata('/jwks_uri: the operator has registered another address for the keys of this client');
};

/** A key that stays keeps the terms that an operator has set for it since. */
const ownCredential = (key: DocumentKey, stored: readonly PartnerCredential[]): PartnerCredential => {
  const known = stored.find(({ thumbprint, source }) => thumbprint === key.thumbprint && source === 'self-registered');
  const { label, notBefore, expiresAt, addedAt = key.addedAt } = known ?? {};
  return {
    ...key,
    source: 'self-registered',
    addedAt,
    ...(label === undefined ? {} : { label }),
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
};

/** Only ever narrower: what an operator asks of tokens is not the partner's to change, and what it has asked for itself stays. */
const boundPolicy = (policy: TokenPolicy, wanted: ClientMetadata['binding']): TokenPolicy => {
  const open: readonly (BindingRule | undefined)[] = wanted === 'mtls' ? [undefined, 'mtls-optional'] : [undefined];
  return wanted !== undefined && open.includes(policy.binding) ? { ...policy, binding: wanted } : policy;
};
