/**
 * Who may sign requests here: principals with temporary credentials of the shape that STS gives to role sessions.
 * Credentials live in memory only and are new in every run.
 */
import { randomBytes } from 'node:crypto';
import type { Policy } from './policy.ts';

/** A role session and the identity policies of its role. */
export interface Principal {
  /** `arn:aws:sts::<account>:assumed-role/<role>/<session>`: what denials name. */
  readonly arn: string;
  /** `arn:aws:iam::<account>:role/<path and role>`: what policies name. */
  readonly roleArn: string;
  readonly account: string;
  readonly policies: readonly Policy[];
  /** The function whose code has these credentials; undefined for everybody else. */
  readonly sourceFunctionArn?: string;
}

/** What `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` of the principal are. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

export interface Registration extends Credentials {
  readonly principal: Principal;
  /** Milliseconds since the epoch; undefined for as long as the process lives. */
  readonly expiresAt: number | undefined;
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export class CredentialStore {
  readonly #registrations = new Map<string, Registration>();

  /** New random credentials for the principal; earlier ones stay valid. `expiresAt` in milliseconds since the epoch. */
  register(principal: Principal, options: { readonly expiresAt?: number } = {}): Credentials {
    const credentials: Credentials = {
      accessKeyId: `ASIA${Array.from(randomBytes(16), (byte) => BASE32.charAt(byte % BASE32.length)).join('')}`,
      secretAccessKey: randomBytes(30).toString('base64'),
      sessionToken: randomBytes(192).toString('base64'),
    };
    this.#registrations.set(credentials.accessKeyId, { ...credentials, principal, expiresAt: options.expiresAt });
    return credentials;
  }

  find(accessKeyId: string): Registration | undefined {
    return this.#registrations.get(accessKeyId);
  }
}
