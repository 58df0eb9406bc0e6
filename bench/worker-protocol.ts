/**
 * What the benchmark says to a worker process, and what the worker answers. One request at a time, over the IPC channel.
 */

import type { JsonWebKey } from 'node:crypto';
import type { Sample } from './rounds.ts';

/** The work of one worker process: one of the modules in workloads/. */
export type Assignment =
  | { readonly workload: 'function'; readonly directory: string; readonly memoryMegabytes: number }
  | {
      readonly workload: 'aws-calls';
      readonly calls: readonly ('sign' | 'claim')[];
      readonly audience: string;
      /** The text to be signed: as long as that of a token. */
      readonly signingInput: string;
    }
  | {
      readonly workload: 'bare-issue';
      readonly clientKey: JsonWebKey;
      readonly audience: string;
      readonly signs: boolean;
    }
  | {
      readonly workload: 'oidc-provider';
      readonly issuer: string;
      readonly client: string;
      readonly clientKey: JsonWebKey;
      readonly audience: string;
    }
  | { readonly workload: 'bare-verify'; readonly key: JsonWebKey }
  | {
      readonly workload: 'aws-jwt-verify';
      readonly key: JsonWebKey & { readonly kid: string };
      readonly issuer: string;
      readonly audience: string;
    };

/** A workload that is ready. */
export interface Workload {
  /** Does the work once. @throws Error when it did not succeed. */
  readonly operate?: (input: string) => unknown;
  /** Base URL, of a workload that is a server. */
  readonly origin?: string;
}

export type WorkerRequest =
  | { readonly kind: 'start'; readonly assignment: Assignment }
  /** Do the work once for each input; the inputs are not part of it. */
  | { readonly kind: 'run'; readonly inputs: readonly string[] }
  /** CPU time of this process so far. */
  | { readonly kind: 'cpu' };

export type WorkerAnswer =
  | { readonly kind: 'started'; readonly origin: string | undefined }
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'cpu'; readonly cpuMicroseconds: number }
  | { readonly kind: 'failed'; readonly message: string };
