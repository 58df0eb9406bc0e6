/**
 * The parts of a CloudFormation template that the runner reads, checked once when the file is read.
 * Source: CloudFormation user guide, "Template anatomy".
 */

import { z } from 'zod';
import type { Json, JsonObject } from '../service.ts';
import { StartError } from '../start-error.ts';

const json: z.ZodType<Json> = z.json();
const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

const resource = z.object({
  Type: z.string(),
  Properties: jsonObject.default({}),
  Condition: z.string().optional(),
  DependsOn: z
    .union([z.string(), z.array(z.string())])
    .default([])
    .transform((names) => [names].flat()),
  DeletionPolicy: z.string().optional(),
  UpdateReplacePolicy: z.string().optional(),
});

const output = z.object({
  Value: json,
  Condition: z.string().optional(),
  Export: z.object({ Name: json }).optional(),
});

const document = z.object({
  Resources: z.record(z.string(), resource),
  Outputs: z.record(z.string(), output).default({}),
  Parameters: z.record(z.string(), z.object({ Type: z.string(), Default: json.optional() })).default({}),
  Conditions: z.record(z.string(), json).default({}),
});

export type Template = z.output<typeof document>;
export type Resource = Template['Resources'][string];

/** @throws StartError when `input` is no template; `where` names the file. */
export function parseTemplate(input: unknown, where: string): Template {
  const parsed = document.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new StartError(`${where} is not a CloudFormation template: ${firstProblem(parsed.error)}`);
}

/**
 * Checks a resource's resolved properties against what the runner understands.
 * @throws StartError naming the resource.
 */
export function parseProperties<T>(schema: z.ZodType<T>, properties: JsonObject, logicalId: string): T {
  const parsed = schema.safeParse(properties);
  if (parsed.success) return parsed.data;
  throw new StartError(`${logicalId}: ${firstProblem(parsed.error)}`);
}

/** The first complaint with the place it is about, e.g. `Timeout: expected number`. */
export function firstProblem(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'invalid';
  const place = issue.path.map(String).join('.');
  return place === '' ? issue.message : `${place}: ${issue.message}`;
}
