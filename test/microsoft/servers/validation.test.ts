/**
 * The simulated servers against the fixtures, which somebody else has made: what they take and what they refuse, as each recipient of the
 * fixtures is set up. A double that took everything would prove nothing.
 */

import { describe, expect, it } from 'vitest';
import { bearerTokens, CLOCK, fixtureText, trustConfig } from '../fixtures.ts';
import { thumbprintOf } from './certificates.ts';
import { readDocument, type TrustDocument } from './metadata.ts';
import { PRODUCTS, type ProductName, readPrincipal } from './names.ts';
import { Trust } from './trust.ts';
import { type Recipient, Refused, validate } from './validation.ts';

const PRODUCT_OF = new Map<string, ProductName>([
  ['exchange', 'exchange'],
  ['sharepoint', 'sharepoint'],
  ['lync', 'skype'],
]);

const recipientOf = (name: string, product: ProductName): Recipient => {
  const trust = new Trust(product);
  const { hosts, realms, authServers, partners } = trustConfig.recipients[name] ?? never();
  for (const { metadata } of authServers) trust.pin(readDocument(product, fixtureText(metadata ?? '')));
  for (const { issuer, metadata, certificate, trustLevel, useOAuthServer, enabled, trustBroker } of partners) {
    if (!enabled) continue;
    const { app, realm } = readPrincipal(issuer) ?? never();
    if (useOAuthServer === true) trust.addVouchedFor({ app, realm, trustLevel });
    else if (metadata !== undefined) trust.pin(readDocument(product, fixtureText(metadata)), trustLevel, trustBroker);
    else trust.pin(documentOf(issuer, certificate ?? ''), trustLevel, trustBroker);
  }
  return {
    ...{ app: PRODUCTS[product].app, realms, hosts, trust, accounts: trustConfig.users },
    ...{ acceptsSecurityIdentifiers: name !== 'exchange', tellsFormsApart: product === 'sharepoint' },
  };
};

const never = (): never => {
  throw new Error('not in the fixtures');
};

const documentOf = (issuer: string, file: string): TrustDocument => {
  const value = fixtureText(file).replaceAll(/-----[A-Z ]+-----|\s/g, '');
  return { issuer, keys: new Map([[thumbprintOf(value), value]]) };
};

const verdict = (name: string, product: ProductName, token: string): string => {
  try {
    validate(recipientOf(name, product), token, CLOCK);
    return 'accept';
  } catch (error) {
    if (error instanceof Refused) return error.category;
    throw error;
  }
};

const shown = bearerTokens.flatMap((token) => {
  const product = PRODUCT_OF.get(token.recipient);
  return product === undefined ? [] : [{ ...token, product }];
});

/** What the products are not known to look at, and the service does. */
const NOT_SEEN = ['neg-duplicate-member', 'neg-actor-typ-at-jwt'];

/** The categories in which it says so, by ours. */
const SAID: readonly (readonly [RegExp, string])[] = [
  [/^(?:invalid_signature|key_not_found|forbidden_header|partner_disabled)$/, 'invalid_signature'],
  [
    /^(?:issuer_key_mismatch|actor_not_partner|issuer_not_authorized_for_actor|issuer_actor_mismatch)$/,
    'invalid_issuer',
  ],
  [/^(?:audience_|actor_outer_audience|unsupported_alg)/, 'invalid_client'],
];

describe('a simulated server', () => {
  it.each(shown)('$name: $expect', ({ name, recipient, product, file, expect: expected }) => {
    const is = verdict(recipient, product, fixtureText(file));
    if (expected === 'accept' || NOT_SEEN.includes(name)) expect(is).toBe('accept');
    else expect(is).toBe(SAID.find(([ours]) => ours.test(expected))?.[1] ?? 'invalid_token');
  });
});
