import { Stack, Validations } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { beforeAll, describe, expect, it } from 'vitest';
import { ENV } from '../../functions/config.ts';
import type { MutualTlsOptions } from '../../infra/mutual-tls.ts';
import { SettingError } from '../../infra/setting-error.ts';
import { parseContext } from '../../infra/settings.ts';
import { CountersignStack } from '../../infra/stack.ts';
import { deploy, ofType, plain, type Resource, resourceNamed, resourcesOf, testApp } from './deployment.ts';

const CERTIFICATE = 'arn:aws:acm:eu-central-1:111122223333:certificate/0f4e3c6a-7d39-4a3f-8a43-5f2c8f2f6a4d';
const CONTEXT = {
  mutualTlsDomain: 'mtls.example.com',
  mutualTlsCertificateArn: CERTIFICATE,
  mutualTlsTruststore: 's3://trust/partners/truststore.pem',
};

const app = testApp();
const elsewhere = new Stack(app, 'Elsewhere');
const options: MutualTlsOptions = {
  domainName: 'mtls.example.com',
  certificate: Certificate.fromCertificateArn(elsewhere, 'Certificate', CERTIFICATE),
  truststore: { bucket: Bucket.fromBucketName(elsewhere, 'Trust', 'trust'), key: 'partners/truststore.pem' },
};

const environmentsWith = (resources: readonly Resource[], variable: string): Record<string, unknown> =>
  Object.fromEntries(
    ofType(resources, 'AWS::Lambda::Function').flatMap(({ name, properties }) => {
      const { Variables = {} } = (plain(properties.Environment) ?? {}) as { Variables?: Record<string, unknown> };
      return variable in Variables ? [[name, Variables[variable]]] : [];
    }),
  );

describe('a deployment with a mutual TLS domain', () => {
  let stack: CountersignStack;
  let resources: readonly Resource[];
  beforeAll(() => {
    stack = deploy({ mutualTls: options }, app);
    resources = resourcesOf(stack);
  });

  it('has a regional domain that asks for certificates of the truststore, over TLS 1.2 or later', () => {
    expect(resourceNamed(resources, 'ServiceMutualTlsDomain')).toMatchObject({
      DomainName: 'mtls.example.com',
      DomainNameConfigurations: [{ CertificateArn: CERTIFICATE, EndpointType: 'REGIONAL', SecurityPolicy: 'TLS_1_2' }],
      MutualTlsAuthentication: { TruststoreUri: 's3://trust/partners/truststore.pem' },
    });
  });

  it('leads from the domain to the one API and its one stage', () => {
    expect(ofType(resources, 'AWS::ApiGatewayV2::ApiMapping').map(({ properties }) => plain(properties))).toEqual([
      { ApiId: '<ServiceApiHttp>', DomainName: '<ServiceMutualTlsDomain>', Stage: '$default' },
    ]);
    expect(ofType(resources, 'AWS::ApiGatewayV2::ApiMapping')[0]?.dependsOn).toContain('ServiceApiStage');
    expect(ofType(resources, 'AWS::ApiGatewayV2::Api')).toHaveLength(1);
  });

  it('tells its address to those who speak of it, and to no other function', () => {
    const url = 'https://<ServiceMutualTlsDomain>';
    expect(environmentsWith(resources, ENV.mutualTlsUrl)).toEqual({
      ServiceTokenFunction: url,
      ServiceIntrospectFunction: url,
      ServiceRevokeFunction: url,
      ServiceDiscoveryFunction: url,
    });
  });

  it('tells the operator its address, and what the DNS record has to lead to', () => {
    const { Outputs } = app.synth().getStackByName(stack.stackName).template as {
      Outputs: Record<string, { Value: never }>;
    };
    expect(plain(Outputs.MutualTlsUrl?.Value)).toBe('https://<ServiceMutualTlsDomain>');
    expect(plain(Outputs.MutualTlsTarget?.Value)).toBe('<ServiceMutualTlsDomain.RegionalDomainName>');
  });

  it('leaves nothing for cdk-nag to find', () => {
    const checked = testApp();
    deploy({ mutualTls: options }, checked);
    Validations.of(checked).addPlugins(new AwsSolutionsChecks(checked));
    expect(() => checked.synth()).not.toThrow();
  });

  it('names the version of the truststore and the proof of ownership where they are given', () => {
    const more = {
      truststore: { ...options.truststore, version: 'v7' },
      ownershipCertificate: Certificate.fromCertificateArn(elsewhere, 'Ownership', `${CERTIFICATE}0`),
    };
    const domain = resourceNamed(resourcesOf(deploy({ mutualTls: { ...options, ...more } })), 'ServiceMutualTlsDomain');
    expect(domain).toMatchObject({
      DomainNameConfigurations: [{ OwnershipVerificationCertificateArn: `${CERTIFICATE}0` }],
      MutualTlsAuthentication: { TruststoreVersion: 'v7' },
    });
  });

  it.each([
    ['of the issuer, whose documents everybody fetches', { issuer: 'https://mtls.example.com' }, {}],
    ['in capitals', {}, { domainName: 'Mtls.example.com' }],
    ['of one label', {}, { domainName: 'mtls' }],
  ])('cannot have the name %s', (_what, props, change) => {
    expect(() => deploy({ ...props, mutualTls: { ...options, ...change } })).toThrow(SettingError);
  });
});

describe('a deployment without one', () => {
  it('has no domain, and no function hears of one', () => {
    const resources = resourcesOf(deploy());
    expect(ofType(resources, 'AWS::ApiGatewayV2::DomainName')).toEqual([]);
    expect(environmentsWith(resources, ENV.mutualTlsUrl)).toEqual({});
  });
});

describe('the settings of a mutual TLS domain', () => {
  const mutualTls = {
    domainName: 'mtls.example.com',
    certificateArn: CERTIFICATE,
    bucketName: 'trust',
    key: 'partners/truststore.pem',
  };

  it('are read from the context', () => {
    expect(parseContext({ ...CONTEXT, accessTokenSeconds: '600' })).toEqual({ accessTokenSeconds: 600, mutualTls });
    expect(parseContext({ ...CONTEXT, mutualTlsTruststoreVersion: 'a.B_7-' })).toEqual({
      mutualTls: { ...mutualTls, version: 'a.B_7-' },
    });
  });

  it('become a domain of the stack', () => {
    const resources = resourcesOf(new CountersignStack(testApp(), 'Named', { mutualTls }));
    expect(resourceNamed(resources, 'ServiceMutualTlsDomain')).toMatchObject({
      DomainName: 'mtls.example.com',
      DomainNameConfigurations: [{ CertificateArn: CERTIFICATE }],
      MutualTlsAuthentication: { TruststoreUri: 's3://trust/partners/truststore.pem' },
    });
  });

  const messageOf = (context: object): string => {
    try {
      parseContext({ ...context });
    } catch (error) {
      if (error instanceof SettingError) return error.message;
    }
    return 'no SettingError';
  };

  it.each([
    ['mutualTlsDomain', 'https://mtls.example.com', /must be a domain name/],
    ['mutualTlsDomain', 'MTLS.example.com', /must be a domain name/],
    ['mutualTlsCertificateArn', 'arn:aws:iam::111122223333:server-certificate/a', /must be the ARN/],
    ['mutualTlsTruststore', 'https://trust.s3.amazonaws.com/truststore.pem', /must be s3:/],
    ['mutualTlsTruststore', 's3://trust', /must be s3:/],
    ['mutualTlsTruststore', 's3://trust/', /must be s3:/],
    ['mutualTlsTruststoreVersion', '', /must be the id of a version/],
    ['mutualTlsTruststoreVersion', 7, /must be the id of a version/],
  ])('%s is not %j', (name, value, rule) => {
    expect(messageOf({ ...CONTEXT, [name]: value })).toMatch(rule);
  });

  it.each(Object.keys(CONTEXT))('need %s', (name) => {
    const others = Object.fromEntries(Object.entries(CONTEXT).filter(([each]) => each !== name));
    expect(messageOf(others)).toMatch(/needs mutualTlsDomain, mutualTlsCertificateArn and mutualTlsTruststore/);
  });

  it('need a domain where a version of its truststore is named', () => {
    expect(messageOf({ mutualTlsTruststoreVersion: 'v7' })).toMatch(/^Setting mutualTlsTruststoreVersion=v7: needs /);
  });
});
