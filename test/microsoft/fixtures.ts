/** The fixtures of the Microsoft profile, read: tokens and documents with what each has to come to, throw-away keys, and who trusts whom. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JWK } from 'jose';

const FIXTURES = join(import.meta.dirname, '../fixtures/microsoft-s2s');

/** @param file below the folder of the fixtures. */
export const fixtureText = (file: string): string => readFileSync(join(FIXTURES, file), 'utf8').trim();
const fixture = <Shape>(file: string): Shape => JSON.parse(fixtureText(file)) as Shape;

interface TokenEntry {
  readonly name: string;
  readonly file: string;
  readonly recipient: string;
  /** `accept`, or the code of the refusal. */
  readonly expect: string;
  readonly why: string;
}

interface Manifest {
  /** Seconds since the epoch at which all of it holds. */
  readonly clock: number;
  /** Thumbprints of the certificates, by the names of the keys. */
  readonly x5t: Readonly<Record<string, string>>;
  readonly tokens: readonly TokenEntry[];
  readonly metadata: readonly { readonly file: string; readonly expect: string }[];
}
export const manifest: Manifest = fixture('manifest.json');
export const keys: Readonly<Record<string, JWK>> = fixture('test-keys.json');

interface TrustedServer {
  readonly name: string;
  readonly issuer: string;
  readonly enabled: boolean;
  readonly metadata?: string;
  readonly certificate?: string;
}

export interface TrustedPartner extends TrustedServer {
  readonly trustLevel: 'Full' | 'Application' | 'User';
  readonly acceptSecurityIdentifierInformation?: boolean;
  readonly trustBroker?: boolean;
  readonly actors?: readonly string[];
  readonly useOAuthServer?: boolean;
}

export interface TrustConfig {
  readonly users: readonly ({ readonly id: string } & Readonly<
    Record<'sid' | 'upn' | 'smtp' | 'sip' | 'puid', string>
  >)[];
  readonly recipients: Readonly<
    Record<
      string,
      {
        readonly applicationId: string;
        readonly hosts: readonly string[];
        readonly realms: readonly string[];
        readonly authServers: readonly TrustedServer[];
        readonly partners: readonly TrustedPartner[];
      }
    >
  >;
}
export const trustConfig: TrustConfig = fixture('trust-config.json');
/** Bearer tokens for one of the recipients; the others are tokens of other kinds. */
export const bearerTokens = manifest.tokens.filter(({ recipient }) => recipient in trustConfig.recipients);

/** A document as an operator pastes it. */
export const document = (file: string): unknown => fixture(file);

export const CLOCK = manifest.clock;
/** Before the certificate that expires on the eve has done so: when everybody was registered. */
export const REGISTERED_AT = CLOCK - 3 * 86_400;
