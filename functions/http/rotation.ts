/** What calls the rotation: EventBridge Scheduler with its input, or the deploy-time trigger with an event of its own. */

import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { RotationRun } from '../config.ts';
import type { ExpiringCertificate } from '../core/certificate.ts';
import { LOGGING, type Observability, recordFault, withoutMessage } from './observability.ts';

interface RotationFacts {
  readonly steps: readonly unknown[];
  readonly expiring: readonly ExpiringCertificate[];
}

/** One report per ring; what else is in it is the flow's affair. */
export const rotation = <Report extends RotationFacts>(
  seen: Observability,
  rotate: (run: RotationRun) => Promise<readonly Report[]>,
) =>
  middy<{ readonly run?: unknown }, readonly Report[]>()
    .use(injectLambdaContext(seen.logger, LOGGING))
    .use(logMetrics(seen.metrics))
    .onError((request) => {
      // Thrown on: the scheduler tries again and in the end puts the event into the dead-letter queue.
      recordFault(seen, request.error, request.context.awsRequestId);
      request.error = withoutMessage(request.error);
    })
    .handler(async ({ run }) => {
      const reports = await rotate(run === 'one-step' ? 'one-step' : 'until-settled');
      for (const rotated of reports) seen.logger.info('rotation', { audit: rotated });
      const steps = reports.reduce((sum, report) => sum + report.steps.length, 0);
      seen.metrics.addMetric('RotationSteps', MetricUnit.Count, steps);
      for (const certificate of reports.flatMap(({ expiring }) => expiring)) recordExpiry(seen, certificate);
      return reports;
    });

/** One value for each certificate that ends soon, so that the metric's minimum is about the most urgent one. */
const recordExpiry = ({ logger, metrics }: Observability, certificate: ExpiringCertificate): void => {
  logger.warn(certificate.daysLeft < 0 ? 'certificate ended' : 'certificate ends soon', { audit: certificate });
  metrics.addMetric('CertificateDaysLeft', MetricUnit.NoUnit, certificate.daysLeft);
};
