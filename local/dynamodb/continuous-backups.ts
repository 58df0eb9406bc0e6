/**
 * The switch of point-in-time recovery. There is no restore here: the switch is what templates set and checks read.
 */
import type { JsonObject } from '../service.ts';
import { constraintError, errorName, serviceError, toAwsError } from './errors.ts';
import { refuseUnknown, requireBoolean, requireObject } from './members.ts';
import { tableOf } from './table-operations.ts';
import type { Context, Recovery, TableRecord } from './tables.ts';

const MAX_DAYS = 35;
const DAY_MILLISECONDS = 86_400_000;

/** The newest restorable moment lies about five minutes back (Developer Guide, "Point-in-time recovery"). */
const LAG_MILLISECONDS = 300_000;

export async function updateContinuousBackups(input: JsonObject, context: Context): Promise<JsonObject> {
  refuseUnknown(input, ['TableName', 'PointInTimeRecoverySpecification'], 'UpdateContinuousBackups');
  const path = 'pointInTimeRecoverySpecification';
  const specification = requireObject(input.PointInTimeRecoverySpecification, path);
  refuseUnknown(specification, ['PointInTimeRecoveryEnabled', 'RecoveryPeriodInDays'], path);
  const enabled = requireBoolean(specification.PointInTimeRecoveryEnabled, `${path}.pointInTimeRecoveryEnabled`);
  const days = specification.RecoveryPeriodInDays ?? MAX_DAYS;
  if (typeof days !== 'number' || days < 1 || days > MAX_DAYS) {
    const limit =
      typeof days === 'number' && days < 1 ? 'greater than or equal to 1' : `less than or equal to ${MAX_DAYS}`;
    throw constraintError(String(days), `${path}.recoveryPeriodInDays`, `Member must have value ${limit}`);
  }
  return await context.turnstile.pass(async () => {
    const { recovery: before, ...record } = backedUpTable(input, context);
    const recovery = { days, since: before?.since ?? context.clock() };
    await context.tables.save(enabled ? { ...record, recovery } : record);
    return describe(enabled ? recovery : undefined, context);
  });
}

export function describeContinuousBackups(input: JsonObject, context: Context): JsonObject {
  refuseUnknown(input, ['TableName'], 'DescribeContinuousBackups');
  return describe(backedUpTable(input, context).recovery, context);
}

function describe(recovery: Recovery | undefined, context: Context): JsonObject {
  return {
    ContinuousBackupsDescription: {
      ContinuousBackupsStatus: 'ENABLED',
      PointInTimeRecoveryDescription:
        recovery === undefined
          ? { PointInTimeRecoveryStatus: 'DISABLED' }
          : enabledDescription(recovery, context.clock()),
    },
  };
}

function enabledDescription({ days, since }: Recovery, now: number): JsonObject {
  const earliest = Math.max(since, now - days * DAY_MILLISECONDS);
  return {
    PointInTimeRecoveryStatus: 'ENABLED',
    RecoveryPeriodInDays: days,
    EarliestRestorableDateTime: earliest / 1000,
    LatestRestorableDateTime: Math.max(earliest, now - LAG_MILLISECONDS) / 1000,
  };
}

// The backup operations have an error of their own for a missing table.
function backedUpTable(input: JsonObject, context: Context): TableRecord {
  try {
    return tableOf(input, context);
  } catch (error) {
    const failure = toAwsError(error);
    if (errorName(failure) !== 'ResourceNotFoundException') throw failure;
    throw serviceError('TableNotFoundException', `Table not found: ${String(input.TableName)}`);
  }
}
