/**
 * Brings a key to what the template declares: makes it, or, when it is there from an earlier run, takes over its policy.
 * Source: CloudFormation reference, `AWS::KMS::Key`.
 */
import { z } from 'zod';
import type { JsonObject } from '../service.ts';
import type { EmbeddedKms } from './embedded-kms.ts';

// Strict, because what is not understood could make another kind of key of it.
const properties = z.strictObject({
  KeyPolicy: z.looseObject({}).optional(),
  KeySpec: z.string().optional(),
  KeyUsage: z.string().optional(),
  Description: z.string().optional(),
  Tags: z.array(z.object({ Key: z.string(), Value: z.string() })).default([]),
});

/**
 * @param declared resolved: without intrinsic functions.
 * @throws Error naming a property that is not known here, or a kind of key that the embedded KMS does not have.
 */
export async function createKeyFromTemplate(kms: EmbeddedKms, declared: JsonObject, id: string): Promise<void> {
  const { KeyPolicy, Tags, ...others } = properties.parse(declared);
  const given = Object.entries(others).filter(([, value]) => value !== undefined);
  await kms.declareKey(id, {
    ...Object.fromEntries(given),
    ...(KeyPolicy === undefined ? {} : { Policy: JSON.stringify(KeyPolicy) }),
    ...(Tags.length === 0 ? {} : { Tags: Tags.map(({ Key, Value }) => ({ TagKey: Key, TagValue: Value })) }),
  });
}
