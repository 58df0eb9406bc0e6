/**
 * The two tables: the registry, which is the authority on everything, and ephemera, which remembers what was already used.
 * Key names come from functions/config.ts.
 */
import { RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import { KEY_ATTRIBUTES, REGISTRY_INDEX } from '../functions/config.ts';

const string = (name: string): dynamodb.Attribute => ({ name, type: dynamodb.AttributeType.STRING });

/**
 * Realms, partners, grants, audiences and key rings. Encrypted with the account's `aws/dynamodb` key rather than a key that
 * DynamoDB owns: its uses appear in CloudTrail, no policy of ours has to name it, and losing or disabling it by mistake is
 * not possible, as it would be with a key of our own.
 */
export class RegistryTable extends dynamodb.TableV2 {
  constructor(scope: Construct, id: string) {
    super(scope, id, {
      partitionKey: string(KEY_ATTRIBUTES.partition),
      sortKey: string(KEY_ATTRIBUTES.sort),
      globalSecondaryIndexes: [
        {
          indexName: REGISTRY_INDEX,
          partitionKey: string(KEY_ATTRIBUTES.listingPartition),
          sortKey: string(KEY_ATTRIBUTES.listingSort),
          projectionType: dynamodb.ProjectionType.ALL,
        },
      ],
      billing: dynamodb.Billing.onDemand(),
      encryption: dynamodb.TableEncryptionV2.awsManagedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }

  /** ARN of the index that lists partners, audiences and the grants on an audience. */
  get indexArn(): string {
    return `${this.tableArn}/index/${REGISTRY_INDEX}`;
  }
}

/**
 * Used assertion ids and their like, each with an expiry. Kept and protected like the registry, since an emptied table would
 * accept every assertion of the last minutes a second time. No point-in-time recovery, on purpose: a restore brings back
 * what has expired since and misses what was used since, so it could only reopen replay. Nothing in it is secret and every
 * token request writes to it, so the key is DynamoDB's own, which no quota of KMS can slow down.
 */
export class EphemeraTable extends dynamodb.TableV2 {
  constructor(scope: Construct, id: string) {
    super(scope, id, {
      partitionKey: string(KEY_ATTRIBUTES.partition),
      timeToLiveAttribute: KEY_ATTRIBUTES.expiresAt,
      billing: dynamodb.Billing.onDemand(),
      encryption: dynamodb.TableEncryptionV2.dynamoOwnedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: false },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }
}
