/**
 * The second way in: a domain on which API Gateway asks every caller for a TLS client certificate (RFC 8705). It leads to the same
 * API and the same routes; only calls that come through it carry a certificate.
 */
import * as api from 'aws-cdk-lib/aws-apigatewayv2';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { MutualTlsSettings } from './mutual-tls-settings.ts';

/** Where it is and whom it trusts. */
export interface MutualTlsOptions {
  /** Name that callers go by, in lower case; not the host of the issuer, whose documents everybody has to reach. */
  readonly domainName: string;
  /** The server's own certificate for that name, in the Region of the API. */
  readonly certificate: acm.ICertificate;
  /**
   * Certificates of the authorities that client certificates may come from, and self-signed ones of single clients, as one PEM
   * file of 1,000 certificates at most.
   */
  readonly truststore: {
    readonly bucket: s3.IBucket;
    readonly key: string;
    /** @default - the version that is the newest when the domain is deployed or changed */
    readonly version?: string;
  };
  /**
   * A certificate that ACM has issued for the name, as proof that it is yours.
   * @default - none: needed only where `certificate` was imported, or is of a private authority
   */
  readonly ownershipCertificate?: acm.ICertificate;
}

export interface MutualTlsEntryProps extends MutualTlsOptions {
  readonly http: api.HttpApi;
  readonly stage: api.HttpStage;
}

export class MutualTlsEntry extends Construct {
  readonly domain: api.DomainName;
  /** Base URL, without a trailing slash. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: MutualTlsEntryProps) {
    super(scope, id);
    const { http, stage, domainName, certificate, truststore, ownershipCertificate } = props;
    this.domain = new api.DomainName(this, 'Domain', {
      domainName,
      certificate,
      endpointType: api.EndpointType.REGIONAL,
      securityPolicy: api.SecurityPolicy.TLS_1_2,
      mtls: truststore,
      ...(ownershipCertificate === undefined ? {} : { ownershipCertificate }),
    });
    new api.ApiMapping(this, 'Mapping', { api: http, stage, domainName: this.domain });
    this.url = `https://${this.domain.name}`;
  }
}

/** What the settings name, as the CDK wants it. */
export const mutualTlsOptions = (
  scope: Construct,
  { domainName, certificateArn, bucketName, key, version }: MutualTlsSettings,
): MutualTlsOptions => ({
  domainName,
  certificate: acm.Certificate.fromCertificateArn(scope, 'MutualTlsCertificate', certificateArn),
  truststore: {
    bucket: s3.Bucket.fromBucketName(scope, 'MutualTlsTruststore', bucketName),
    key,
    ...(version === undefined ? {} : { version }),
  },
});
