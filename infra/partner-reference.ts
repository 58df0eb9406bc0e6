/** What constructs about partners know of each other and of the deployment that they belong to. */
import { createHash } from 'node:crypto';
import { CfnElement, type CustomResource, Duration, Token } from 'aws-cdk-lib';
import type { IConstruct, IDependable } from 'constructs';
import type { PartnerAudience } from './partner-definition.ts';

/** How partners of an app are registered with a deployment. */
export interface PartnerRegistration {
  /** ARN of the function behind the custom resources of partners and grants. */
  readonly serviceToken: string;
  /** Tells the deployments of an app apart. */
  readonly deployment: string;
  /** Partners come after it: what they may ask of tokens depends on the key rings that are there. */
  readonly firstKeys: IDependable;
}

/** A deployment: a `TokenService`. */
export interface PartnerService {
  readonly partnerRegistration: PartnerRegistration;
}

/** A partner application of a deployment, whether this app registers it or not. */
export interface IPartnerApplication extends IConstruct {
  readonly service: PartnerService;
  /** Its OAuth `client_id`. */
  readonly partnerId: string;
  readonly realm: string;
  /** The audiences of it that are known here. */
  readonly audiences: readonly PartnerAudience[];
}

/**
 * How long CloudFormation waits for an answer, instead of an hour: two minutes for each of three attempts, with one and
 * two minutes between them (Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation").
 */
export const ANSWER_TIMEOUT = Duration.minutes(10);

const word = (text: string): string => text.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 60);

/**
 * Names a resource after what it is about, instead of after where it stands in the app. A construct that is renamed or moved
 * would otherwise be made a second time, and then the first, which is the same partner or grant, be deleted.
 */
export const nameAfter = (
  resource: CustomResource,
  { deployment }: PartnerRegistration,
  kind: string,
  realm: string,
  ...names: readonly string[]
): void => {
  const { defaultChild } = resource.node;
  // What only the deployment knows names nothing: then the resource keeps its place as its name.
  if ([realm, ...names].some((name) => Token.isUnresolved(name)) || !CfnElement.isCfnElement(defaultChild)) return;
  const hash = createHash('sha256').update(JSON.stringify([deployment, realm, ...names]));
  defaultChild.overrideLogicalId(`${kind}${names.map(word).join('')}${hash.digest('hex').slice(0, 8).toUpperCase()}`);
};
