/**
 * Alarms and the dashboard. The last part of an alarm's name is a heading of docs/runbook.md, which says what the alarm means
 * and what to do.
 */
import { Duration } from 'aws-cdk-lib';
import type * as api from 'aws-cdk-lib/aws-apigatewayv2';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { EMBEDDED_METRICS } from './endpoint-function.ts';

export interface MonitoringProps {
  readonly http: api.HttpApi;
  readonly token: lambda.Function;
  readonly rotateKeys: lambda.Function;
  readonly refreshPartners: lambda.Function;
  /** Scheduled runs that were given up. */
  readonly deadLetters: { readonly rotation: sqs.Queue; readonly refresh: sqs.Queue };
}

interface Watch {
  readonly metric: cloudwatch.Metric;
  /** One sentence for whom it wakes. */
  readonly sentence: string;
  /** The alarm rings when the metric is there. */
  readonly rings: readonly ['at least' | 'at most' | 'below', number];
  /** Periods in a row. */
  readonly periods: number;
  /** What the silence of the metric says: nobody called, or nothing works. */
  readonly silenceIs: 'fine' | 'bad';
}

const FIVE_MINUTES = Duration.minutes(5);
const AN_HOUR = Duration.hours(1);
const A_DAY = Duration.days(1);

/** Of the certificates of signing keys, the one that expires first; written by the rotation function at every run. */
const certificateDaysLeft = new cloudwatch.Metric({
  ...EMBEDDED_METRICS,
  metricName: 'CertificateDaysLeft',
  period: A_DAY,
  statistic: 'Minimum',
});

/** Looks at documents of partners that failed; written by the refresh function. */
const partnerRefreshFailures = new cloudwatch.Metric({
  ...EMBEDDED_METRICS,
  metricName: 'PartnerRefreshFailures',
  period: A_DAY,
  statistic: 'Sum',
});

const visibleMessages = (queue: sqs.Queue): cloudwatch.Metric =>
  queue.metricApproximateNumberOfMessagesVisible({ period: FIVE_MINUTES, statistic: 'Maximum' });

/** Names are headings of the runbook. */
const watches = ({ http, token, rotateKeys, deadLetters }: MonitoringProps): Readonly<Record<string, Watch>> => ({
  TokenErrors: {
    metric: token.metricErrors({ period: FIVE_MINUTES, statistic: 'Sum' }),
    sentence: 'The token function crashed or ran out of time: partners got a bare 500 instead of an answer.',
    rings: ['at least', 1],
    periods: 1,
    silenceIs: 'fine',
  },
  TokenThrottles: {
    metric: token.metricThrottles({ period: FIVE_MINUTES, statistic: 'Sum' }),
    sentence: 'Lambda refused to run the token function because the concurrency limit was reached.',
    rings: ['at least', 1],
    periods: 2,
    silenceIs: 'fine',
  },
  RotationErrors: {
    // The next run repairs what one failed run left, so a single failure wakes nobody.
    metric: rotateKeys.metricErrors({ period: AN_HOUR, statistic: 'Sum' }),
    sentence: 'Signing key rotation failed more than once within an hour.',
    rings: ['at least', 2],
    periods: 1,
    silenceIs: 'fine',
  },
  RotationStopped: {
    metric: rotateKeys.metricInvocations({ period: AN_HOUR, statistic: 'Sum' }),
    sentence: 'The rotation function has not been called for two hours: keys no longer rotate.',
    rings: ['below', 1],
    periods: 2,
    silenceIs: 'bad',
  },
  RotationDeadLetters: {
    metric: visibleMessages(deadLetters.rotation),
    sentence:
      'A scheduled run of key rotation was given up: it could not be delivered, or failed with all its retries.',
    rings: ['at least', 1],
    periods: 1,
    silenceIs: 'fine',
  },
  CertificateExpiring: {
    metric: certificateDaysLeft,
    sentence: 'A certificate of a signing key expires within 30 days.',
    rings: ['at most', 30],
    periods: 1,
    // A deployment without certificates has nothing to say.
    silenceIs: 'fine',
  },
  PartnerRefreshFailed: {
    metric: partnerRefreshFailures,
    sentence: 'The document of a partner could not be fetched, or was refused: its keys stay as they were.',
    rings: ['at least', 1],
    periods: 1,
    silenceIs: 'fine',
  },
  PartnerRefreshDeadLetters: {
    metric: visibleMessages(deadLetters.refresh),
    sentence:
      'A scheduled refresh of partners was given up: it could not be delivered, or failed with all its retries.',
    rings: ['at least', 1],
    periods: 1,
    silenceIs: 'fine',
  },
  ServerErrors: {
    metric: http.metricServerError({ period: FIVE_MINUTES, statistic: 'Sum' }),
    sentence: 'The API answered five or more requests with a 5xx status within five minutes.',
    rings: ['at least', 5],
    periods: 1,
    silenceIs: 'fine',
  },
});

const OPERATORS = {
  'at least': cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  'at most': cloudwatch.ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD,
  below: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
} as const;

export class Monitoring extends Construct {
  /** Alarms of this deployment. They have no action of their own: add yours, for example an SNS topic. */
  readonly alarms: readonly cloudwatch.Alarm[];

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    this.alarms = Object.entries(watches(props)).map(([name, watch]) =>
      // The path begins with the stack's name, so deployments of one account keep apart.
      this.addAlarm(name, `${scope.node.path}/${name}`, watch),
    );
    this.addDashboard(props);
  }

  private addAlarm(id: string, alarmName: string, watch: Watch): cloudwatch.Alarm {
    const { TreatMissingData } = cloudwatch;
    const [comparison, threshold] = watch.rings;
    return watch.metric.createAlarm(this, id, {
      alarmName,
      alarmDescription: `${watch.sentence} See ${id} in docs/runbook.md.`,
      threshold,
      comparisonOperator: OPERATORS[comparison],
      evaluationPeriods: watch.periods,
      treatMissingData: watch.silenceIs === 'fine' ? TreatMissingData.NOT_BREACHING : TreatMissingData.BREACHING,
    });
  }

  private addDashboard({ http, token, rotateKeys, refreshPartners }: MonitoringProps): void {
    const graph = (title: string, ...left: cloudwatch.IMetric[]) =>
      new cloudwatch.GraphWidget({ title, left, width: 12, height: 6 });
    new cloudwatch.Dashboard(this, 'Dashboard', {
      widgets: [
        [new cloudwatch.AlarmStatusWidget({ title: 'Alarms', alarms: [...this.alarms], width: 24, height: 3 })],
        [
          graph('Requests', http.metricCount(), http.metricClientError(), http.metricServerError()),
          graph('Latency', http.metricLatency({ statistic: 'p50' }), http.metricLatency({ statistic: 'p99' })),
        ],
        [
          graph('Token function', token.metricInvocations(), token.metricErrors(), token.metricThrottles()),
          graph('Key rotation', rotateKeys.metricInvocations(), rotateKeys.metricErrors()),
        ],
        [
          graph(
            'Refresh of partners',
            refreshPartners.metricInvocations(),
            refreshPartners.metricErrors(),
            partnerRefreshFailures.with({ period: FIVE_MINUTES }),
          ),
        ],
      ],
    });
  }
}
