/** The settings of the mutual TLS domain, as CDK context has them: three that belong together, and a fourth that may be there. */
import { Token } from 'aws-cdk-lib';
import { SettingError } from './setting-error.ts';

export interface MutualTlsSettings {
  readonly domainName: string;
  readonly certificateArn: string;
  readonly bucketName: string;
  readonly key: string;
  readonly version?: string;
}

const DOMAIN_NAME = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const CERTIFICATE_ARN = /^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/[A-Za-z0-9-]+$/;
const OBJECT_URL = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/([^\s]{1,1024})$/;
const VERSION = /^[A-Za-z0-9._-]{1,1024}$/;

const matching =
  (name: string, pattern: RegExp, rule: string) =>
  (value: unknown): string => {
    if (typeof value === 'string' && pattern.test(value)) return value;
    throw new SettingError(name, value, rule);
  };

const NAMES = {
  domain: 'mutualTlsDomain',
  certificate: 'mutualTlsCertificateArn',
  truststore: 'mutualTlsTruststore',
  version: 'mutualTlsTruststoreVersion',
} as const;

/** What each of them has to look like, by its name. */
export const MUTUAL_TLS_CHECKS: Readonly<Record<string, (value: unknown) => string>> = {
  [NAMES.domain]: matching(NAMES.domain, DOMAIN_NAME, 'must be a domain name in lower case'),
  [NAMES.certificate]: matching(NAMES.certificate, CERTIFICATE_ARN, 'must be the ARN of a certificate in ACM'),
  [NAMES.truststore]: matching(NAMES.truststore, OBJECT_URL, 'must be s3://<bucket>/<key>'),
  [NAMES.version]: matching(NAMES.version, VERSION, 'must be the id of a version of the truststore in S3'),
};

/**
 * @param context checked values by their names; other names are not looked at.
 * @returns `undefined` where none of them is named.
 * @throws SettingError where one of them is named without those that it needs.
 */
export const mutualTlsSettings = (context: Readonly<Record<string, unknown>>): MutualTlsSettings | undefined => {
  const [domainName, certificateArn, truststore, version] = Object.values(NAMES).map((name) => {
    const value = context[name];
    return typeof value === 'string' ? value : undefined;
  });
  const named = Object.values(NAMES).filter((name) => context[name] !== undefined);
  if (named.length === 0) return undefined;
  const [, bucketName, key] = OBJECT_URL.exec(truststore ?? '') ?? [];
  if (domainName === undefined || certificateArn === undefined || bucketName === undefined || key === undefined) {
    const [first = NAMES.domain] = named;
    const rule = `needs ${NAMES.domain}, ${NAMES.certificate} and ${NAMES.truststore}, all three`;
    throw new SettingError(first, context[first], rule);
  }
  return { domainName, certificateArn, bucketName, key, ...(version === undefined ? {} : { version }) };
};

/** @throws SettingError when the issuer's own host would ask for certificates: nobody could fetch its keys. */
export const checkMutualTlsDomain = (domainName: string, issuer: string | undefined): void => {
  if (Token.isUnresolved(domainName)) return;
  MUTUAL_TLS_CHECKS[NAMES.domain]?.(domainName);
  if (issuer === undefined || Token.isUnresolved(issuer) || URL.parse(issuer)?.hostname !== domainName) return;
  throw new SettingError(
    NAMES.domain,
    domainName,
    'must not be the host of the issuer, whose documents everybody fetches',
  );
};
