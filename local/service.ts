/**
 * The seam between the local AWS endpoint and the embedded services behind it.
 * An embedded service answers calls and says what IAM must allow first; it never decides about permissions itself.
 */

export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  readonly [member: string]: Json | undefined;
}

/** One question to IAM: may the caller do `action` on `resource`? Every one of a call's questions must be answered yes. */
export interface AuthorizationRequest {
  /** IAM action name, e.g. `kms:Sign`. */
  readonly action: string;
  /** ARN of the resource, or `*` where the action takes none. */
  readonly resource: string;
  /** Condition keys of this call, in AWS's own spelling (`kms:KeySpec`, `aws:RequestTag/x`, `dynamodb:LeadingKeys`). */
  readonly context: Readonly<Record<string, string | readonly string[]>>;
  /**
   * The resource's own policy document. For a KMS key it is always present and must allow as well
   * (directly, or by delegating to IAM through the account's root principal).
   */
  readonly resourcePolicy?: JsonObject;
}

/** An AWS service that runs inside this process and speaks its real JSON protocol through the local endpoint. */
export interface EmbeddedService {
  /** SigV4 service name, also the first word of its IAM actions. */
  readonly name: string;
  /** What stands before the dot of `X-Amz-Target`, e.g. `TrentService`. */
  readonly targetPrefix: string;
  /** Content type of requests and answers, e.g. `application/x-amz-json-1.1`. */
  readonly contentType: string;
  /** @throws AwsError when the call's input names a resource that does not exist. */
  authorizations(operation: string, input: JsonObject): readonly AuthorizationRequest[];
  /** @throws AwsError for everything the real service answers with an error. */
  call(operation: string, input: JsonObject): Promise<JsonObject>;
  close(): Promise<void>;
}

/** Where a service lives: what its ARNs are made of. */
export interface Placement {
  readonly region: string;
  readonly account: string;
}

/** Milliseconds since the epoch; handed in so that tests own the time. */
export type Clock = () => number;

/** An error as the AWS JSON protocols carry it: `{"__type": type, "message": message, ...members}`. */
export class AwsError extends Error {
  readonly type: string;
  readonly status: number;
  readonly members: JsonObject;

  constructor(type: string, message: string, options: { status?: number; members?: JsonObject } = {}) {
    super(message);
    this.name = 'AwsError';
    this.type = type;
    this.status = options.status ?? 400;
    this.members = options.members ?? {};
  }
}
