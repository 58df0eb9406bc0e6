/** What calls the refresh of partners: its schedule with an event of its own, or an administrator over HTTP. */

import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type { RefreshRun } from '../flows/refresh-partner.ts';
import type { HttpAnswer, HttpEvent } from './endpoint.ts';
import { LOGGING, type Observability, recordFault, withoutMessage } from './observability.ts';

export const scheduledRefresh = (seen: Observability, refresh: () => Promise<RefreshRun>) =>
  middy<unknown, void>()
    .use(injectLambdaContext(seen.logger, LOGGING))
    .use(logMetrics(seen.metrics))
    .onError((request) => {
      // Thrown on: the scheduler tries again and in the end puts the event into the dead-letter queue.
      recordFault(seen, request.error, request.context.awsRequestId);
      request.error = withoutMessage(request.error);
    })
    .handler(async () => {
      const { reports, failures } = await refresh();
      for (const report of reports) {
        seen.logger[report.outcome === 'failed' ? 'warn' : 'info']('refresh', { audit: report });
      }
      const refused = reports.filter(({ outcome }) => outcome === 'failed').length;
      seen.metrics.addMetric('PartnerRefreshFailures', MetricUnit.Count, refused);
      if (failures.length > 0) throw failures[0];
    });

/** One function behind a route and a schedule: only an event of API Gateway has a request context. */
export const routeOrSchedule =
  (
    route: (event: HttpEvent, context: Context) => Promise<HttpAnswer>,
    schedule: (event: unknown, context: Context) => Promise<void>,
  ) =>
  async (event: unknown, context: Context): Promise<HttpAnswer | undefined> => {
    if (isHttpEvent(event)) return route(event, context);
    await schedule(event, context);
    return undefined;
  };

const isHttpEvent = (event: unknown): event is HttpEvent =>
  typeof event === 'object' && event !== null && 'requestContext' in event;
