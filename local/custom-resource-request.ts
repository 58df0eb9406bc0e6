/**
 * One request of CloudFormation to the function behind a custom resource, and its answer.
 * Source: CloudFormation reference, "Custom resource request objects" and "Custom resource response objects".
 */

import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type AnswerListener, MAX_ANSWER_BYTES } from './answer-listener.ts';
import type { Functions } from './functions.ts';
import type { JsonObject } from './service.ts';
import { StartError } from './start-error.ts';
import { firstProblem } from './template/document.ts';
import type { CustomResourceAnswer } from './template/resource-types.ts';

/** A custom resource as the template declares it. */
export interface CustomResource {
  readonly logicalId: string;
  readonly type: string;
  readonly serviceToken: string;
  /** Resolved, every scalar as text, `ServiceToken` among them. */
  readonly properties: JsonObject;
}

export type CustomResourceRequest =
  | { readonly kind: 'Create'; readonly resource: CustomResource }
  | {
      readonly kind: 'Update';
      readonly resource: CustomResource;
      readonly physicalId: string;
      readonly before: JsonObject;
    }
  | { readonly kind: 'Delete'; readonly resource: CustomResource; readonly physicalId: string };

export interface Requester {
  readonly functions: Pick<Functions, 'find' | 'invoke'>;
  readonly listener: AnswerListener;
  readonly stackId: string;
}

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);

const answerSchema = z.object({
  Status: z.enum(['SUCCESS', 'FAILED']),
  Reason: z.string().optional(),
  PhysicalResourceId: z.string().min(1).max(1024),
  StackId: z.string(),
  RequestId: z.string(),
  LogicalResourceId: z.string(),
  Data: z.record(z.string(), scalar).optional(),
});

const DONE = { Create: 'created', Update: 'updated', Delete: 'deleted' } as const;

/**
 * Invokes the function and waits until it is done.
 * @throws StartError with the reason when it failed, did not answer, or answered what CloudFormation does not take.
 */
export async function requestResource(
  request: CustomResourceRequest,
  { functions, listener, stackId }: Requester,
): Promise<CustomResourceAnswer> {
  const { logicalId, type, serviceToken } = request.resource;
  const failed = (reason: string): StartError =>
    new StartError(`${logicalId} (${type}) could not be ${DONE[request.kind]}: ${reason}`);
  const provider = functions.find(serviceToken);
  if (provider === undefined) throw failed(`no function of the template has the ARN ${serviceToken}`);
  const box = listener.open();
  const event = { ...eventOf(request), ResponseURL: box.url, StackId: stackId, RequestId: randomUUID() };
  // CloudFormation invokes asynchronously; whatever the function returns reaches nobody.
  const result = await functions.invoke(serviceToken, event);
  const body = box.take();
  if (body === undefined) {
    const why = result.ok ? '' : `; ${result.error.errorType}: ${result.error.errorMessage}`;
    throw failed(`${provider.name} ended without an answer to ResponseURL${why}`);
  }
  const answer = parseAnswer(body, event, failed);
  if (answer.Status === 'FAILED') throw failed(answer.Reason ?? 'the function gave no reason');
  return { physicalId: answer.PhysicalResourceId, data: answer.Data ?? {} };
}

function eventOf(request: CustomResourceRequest) {
  const { logicalId, type, serviceToken, properties } = request.resource;
  return {
    RequestType: request.kind,
    ServiceToken: serviceToken,
    LogicalResourceId: logicalId,
    ResourceType: type,
    ResourceProperties: properties,
    ...(request.kind === 'Create' ? {} : { PhysicalResourceId: request.physicalId }),
    ...(request.kind === 'Update' ? { OldResourceProperties: request.before } : {}),
  };
}

type Question = Readonly<Record<'StackId' | 'RequestId' | 'LogicalResourceId', string>>;

function parseAnswer(body: string, question: Question, failed: (reason: string) => StartError) {
  const size = Buffer.byteLength(body);
  if (size > MAX_ANSWER_BYTES) throw failed(`the answer has ${size} bytes, at most ${MAX_ANSWER_BYTES} are taken`);
  const parsed = answerSchema.safeParse(parseJson(body));
  if (!parsed.success) throw failed(`the answer is not understood: ${firstProblem(parsed.error)}`);
  for (const name of ['StackId', 'RequestId', 'LogicalResourceId'] as const) {
    if (parsed.data[name] !== question[name]) throw failed(`the answer has another ${name} than the request`);
  }
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
