import { CfnParameter, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { Construct } from 'constructs';
import { describe, expect, it } from 'vitest';
import { Grant } from '../../infra/grant.ts';
import { PartnerApplication } from '../../infra/partner-application.ts';
import { createAuthority } from '../local/support/certificates.ts';
import { deploy, ofType, plain, type Resource, resourcesOf, testApp } from './deployment.ts';

const BILLING = { audience: 'https://billing.example.com', scopes: ['invoices:read', 'invoices:write'] };
const LEDGER = { audience: 'urn:ledger', scopes: ['post'] };
const JWK = { kty: 'EC', crv: 'P-256', x: 'eA', y: 'eQ' };
const EXPOSED = /private or symmetric key material\..* treat this key as exposed/;

const partners = (resources: readonly Resource[]) => ofType(resources, 'Custom::CountersignPartner');
const grants = (resources: readonly Resource[]) => ofType(resources, 'Custom::CountersignGrant');

describe('a partner application of a stack', () => {
  it('is a custom resource behind the function for that, with its definition as JSON', () => {
    const stack = deploy();
    stack.service.addPartner('Crm', {
      partnerId: 'crm',
      name: 'CRM',
      tags: { team: 'sales' },
      enabled: false,
      quota: { perMinute: 60, mode: 'observe' },
      jwks: { keys: [JWK] },
      audiences: [{ ...BILLING, tokenPolicy: { accessTokenSeconds: 600 } }],
    });

    const [partner] = partners(resourcesOf(stack));
    expect(partner?.name).toBe('Partnercrm');
    expect(partner?.deletionPolicy).toBe('Delete');
    const { Definition, Audiences, ...rest } = plain(partner?.properties) as Record<string, string>;
    expect(rest).toEqual({
      ServiceToken: '<ServicePartnerResourcesFunction.Arn>',
      ServiceTimeout: '600',
      Realm: 'default',
      PartnerId: 'crm',
    });
    expect(JSON.parse(Definition ?? '')).toEqual({
      name: 'CRM',
      tags: { team: 'sales' },
      enabled: false,
      quota: { perMinute: 60, mode: 'observe' },
      jwks: { keys: [JWK] },
    });
    expect(JSON.parse(Audiences ?? '')).toEqual([{ ...BILLING, tokenPolicy: { accessTokenSeconds: 600 } }]);
  });

  it('comes after the first keys, since what it may ask of tokens depends on the rings', () => {
    const stack = deploy();
    stack.service.addPartner('Crm', { partnerId: 'crm' });

    expect(partners(resourcesOf(stack))[0]?.dependsOn).toEqual(['ServiceKeyRotationAtDeployment']);
  });

  it('may hold what only the deployment knows', () => {
    const stack = deploy();
    const address = new CfnParameter(stack, 'Address').valueAsString;
    const crm = stack.service.addPartner('Crm', { partnerId: address, metadataUrl: address });
    const billing = stack.service.addPartner('Billing', {
      partnerId: 'billing',
      audiences: [{ audience: address, scopes: ['read'] }],
    });
    crm.mayCall(billing, ['read']);

    const resources = resourcesOf(stack);
    expect(plain(partners(resources)[0]?.properties)).toMatchObject({
      PartnerId: '<Address>',
      Definition: '{"metadataUrl":"<Address>"}',
    });
    expect(plain(grants(resources)[0]?.properties)).toMatchObject({ Client: '<Address>', Audience: '<Address>' });
  });

  it('stays when it leaves the app if that was asked for', () => {
    const stack = deploy();
    stack.service.addPartner('Crm', { partnerId: 'crm', removalPolicy: RemovalPolicy.RETAIN });

    expect(partners(resourcesOf(stack))[0]?.deletionPolicy).toBe('Retain');
  });

  it('does not get in the way of the parts of the service, whatever its id is', () => {
    const { service } = deploy();

    for (const id of ['Token', 'Admin', 'Registry', 'Partners', 'Api']) {
      expect(() => service.addPartner(id, { partnerId: id })).not.toThrow();
    }
  });

  const certificate = createAuthority('x').cert;
  it.each<[string, object]>([
    ['as PEM', { certificate }],
    ['as base64', { certificate: certificate.replaceAll(/-----.*-----|\n/g, '') }],
    ['as JWK', { jwk: JWK }],
  ])('takes credentials %s', (_, credential) => {
    expect(() => deploy().service.addPartner('Crm', { partnerId: 'crm', credentials: [credential] })).not.toThrow();
  });

  it.each<[string, object, RegExp]>([
    ['an id that cannot be one', { partnerId: 'my crm' }, /partnerId "my crm" must be 1 to 128 letters/],
    ['a realm that cannot be one', { realm: 'Main' }, /realm "Main" must be/],
    [
      'an audience that is no URI',
      { audiences: [{ ...BILLING, audience: 'billing' }] },
      /audience "billing" must be an absolute URI/,
    ],
    ['an audience with a fragment', { audiences: [{ ...BILLING, audience: 'https://b/#x' }] }, /without fragment/],
    ['an audience twice', { audiences: [BILLING, BILLING] }, /stands twice/],
    ['an audience without scopes', { audiences: [{ ...BILLING, scopes: [] }] }, /needs at least one scope/],
    ['a scope with a blank', { audiences: [{ ...BILLING, scopes: ['a b'] }] }, /"a b" of audience .* is not a scope/],
    ['a private key', { jwks: { keys: [JWK, { ...JWK, d: 'c2VjcmV0' }] } }, EXPOSED],
    ['a symmetric key', { jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } }, EXPOSED],
    [
      'a private key among credentials',
      { credentials: [{ jwk: { ...JWK, d: 'c2VjcmV0' } }] },
      /credentials\[0\]\.jwk is private/,
    ],
    ['a PEM private key', { credentials: [{ certificate: createAuthority('x').key }] }, EXPOSED],
    [
      'a certificate that is none',
      { credentials: [{ certificate: 'AAAA' }] },
      /credentials\[0\]\.certificate is no X\.509/,
    ],
    ['a credential of two kinds', { credentials: [{ jwk: JWK, certificate }] }, /either jwk or certificate/],
    ['a credential of no kind', { credentials: [{ label: 'x' }] }, /either jwk or certificate/],
    [
      'two sources',
      { jwksUri: 'https://a.example', metadataUrl: 'https://b.example' },
      /has jwksUri and metadataUrl, of which it may have one/,
    ],
    ['a source without TLS', { jwksUri: 'http://a.example/jwks' }, /jwksUri "http:.*" must be an https URL/],
    ['a source with a password', { metadataUrl: 'https://u:p@a.example/' }, /must be an https URL without credentials/],
  ])('is refused with %s', (_, mistake, message) => {
    const { service } = deploy();

    expect(() => service.addPartner('Crm', { partnerId: 'crm', ...mistake })).toThrow(message);
    expect(() => service.addPartner('Crm2', { partnerId: 'crm', ...mistake })).toThrow(
      /^Countersign\/Service\/Partners\/Crm2: /,
    );
  });

  it('does not show the private key that it refuses', () => {
    expect(() =>
      deploy().service.addPartner('Crm', { partnerId: 'crm', jwks: { keys: [{ ...JWK, d: 'c2VjcmV0' }] } }),
    ).toThrow(expect.objectContaining({ message: expect.not.stringContaining('c2VjcmV0') }));
  });
});

const calling = () => {
  const stack = deploy();
  const crm = stack.service.addPartner('Crm', { partnerId: 'crm' });
  const billing = stack.service.addPartner('Billing', { partnerId: 'billing', audiences: [BILLING] });
  const finance = stack.service.addPartner('Finance', {
    partnerId: 'finance',
    audiences: [LEDGER, { ...LEDGER, audience: 'urn:tax' }],
  });
  return { stack, crm, billing, finance };
};

describe('a grant', () => {
  it('names client, audience and scopes, and comes after both partners', () => {
    const { stack, crm, billing } = calling();
    const grant = crm.mayCall(billing, ['invoices:read']);

    const [resource] = grants(resourcesOf(stack));
    expect(grant.audience).toBe(BILLING.audience);
    expect(plain(resource?.properties)).toEqual({
      ServiceToken: '<ServicePartnerResourcesFunction.Arn>',
      ServiceTimeout: '600',
      Realm: 'default',
      Client: 'crm',
      Audience: BILLING.audience,
      Scopes: ['invoices:read'],
    });
    expect(resource?.dependsOn).toEqual(['Partnerbilling', 'Partnercrm']);
    expect(resource?.deletionPolicy).toBe('Delete');
  });

  it('can go both ways, and to itself', () => {
    const { stack, billing, finance } = calling();
    billing.mayCall(finance, ['post'], { audience: 'urn:ledger' });
    finance.mayCall(billing, ['invoices:read']);
    billing.mayCall(billing, ['invoices:write']);

    expect(grants(resourcesOf(stack)).map(({ dependsOn }) => dependsOn)).toEqual([
      ['Partnerbilling', 'Partnerfinance'],
      ['Partnerbilling'],
      ['Partnerbilling', 'Partnerfinance'],
    ]);
  });

  it('says which audience is meant where there are several', () => {
    const { stack, crm, finance } = calling();
    expect(() => crm.mayCall(finance, ['post'])).toThrow(
      '"finance" has several audiences, name one of urn:ledger, urn:tax',
    );

    crm.mayCall(finance, ['post'], { audience: 'urn:tax' });
    expect(grants(resourcesOf(stack))[0]?.properties).toMatchObject({ Audience: 'urn:tax' });
  });

  it.each<[string, (world: ReturnType<typeof calling>) => unknown, RegExp]>([
    [
      'a scope that the audience does not declare',
      ({ crm, billing }) => crm.mayCall(billing, ['invoices:delete']),
      /https:\/\/billing\.example\.com declares no scope "invoices:delete"; it declares invoices:read, invoices:write$/,
    ],
    ['no scope', ({ crm, billing }) => crm.mayCall(billing, []), /the grant needs at least one scope/],
    [
      'an audience that the callee does not have',
      ({ crm, billing }) => crm.mayCall(billing, ['x'], { audience: 'urn:x' }),
      /"billing" has no audience urn:x; it has https:/,
    ],
    [
      'a callee without audiences',
      ({ crm, billing }) => billing.mayCall(crm, ['x']),
      /"crm" has no audience; it has none/,
    ],
    [
      'a second grant for an audience',
      ({ crm, billing }) => {
        crm.mayCall(billing, ['invoices:read']);
        crm.mayCall(billing, ['invoices:write']);
      },
      /has a grant for https:\/\/billing\.example\.com already; name all its scopes in one call/,
    ],
    [
      'a partner of another realm',
      ({ stack, billing }) =>
        stack.service.addPartner('Far', { partnerId: 'far', realm: 'lab' }).mayCall(billing, ['invoices:read']),
      /"far" is of realm lab, "billing" of realm default/,
    ],
  ])('is refused for %s', (_, grant, message) => {
    expect(() => grant(calling())).toThrow(message);
  });

  it('is refused between deployments', () => {
    const { billing } = calling();
    const other = deploy({}, testApp()).service.addPartner('Crm', { partnerId: 'crm' });

    expect(() => other.mayCall(billing, ['invoices:read'])).toThrow(/of different deployments/);
  });

  it('works with partners that are managed elsewhere, on either side', () => {
    const { stack, crm } = calling();
    const legacy = stack.service.partnerById('Legacy', 'legacy-erp', { audiences: [LEDGER] });
    crm.mayCall(legacy, ['post']);
    legacy.mayCall(legacy, ['post']);

    const resources = resourcesOf(stack);
    expect(partners(resources)).toHaveLength(3);
    expect(
      grants(resources).map(({ properties, dependsOn }) => [properties.Client, properties.Audience, dependsOn]),
    ).toEqual([
      ['crm', 'urn:ledger', ['Partnercrm']],
      ['legacy-erp', 'urn:ledger', []],
    ]);
  });
});

describe('the names of partners and grants in the template', () => {
  const idsOf = (define: (service: ReturnType<typeof calling>['stack']['service']) => void) => {
    const stack = deploy();
    define(stack.service);
    const { Resources } = Template.fromStack(stack).toJSON() as { Resources: Record<string, { Type: string }> };
    return Object.entries(Resources).flatMap(([id, { Type }]) => (Type.startsWith('Custom::Countersign') ? [id] : []));
  };
  const ids = idsOf((service) => {
    const billing = service.addPartner('Billing', { partnerId: 'billing', audiences: [BILLING] });
    service.addPartner('Crm', { partnerId: 'crm' }).mayCall(billing, ['invoices:read']);
  });

  it('stay when constructs are renamed, moved and extended, lest what is there be made anew and then deleted', () => {
    const moved = idsOf((service) => {
      const there = new Construct(service, 'There');
      const own = { service, partnerId: 'billing', name: 'Billing', audiences: [BILLING, LEDGER] };
      const billing = new PartnerApplication(there, 'Invoices', own);
      const crm = new PartnerApplication(there, 'Customers', { service, partnerId: 'crm' });
      new Grant(there, 'Read', {
        client: crm,
        resource: billing,
        scopes: ['invoices:write'],
        audience: BILLING.audience,
      });
    });

    expect(ids).toHaveLength(3);
    expect(moved).toEqual(ids);
  });

  it('are others for another partner, realm or audience', () => {
    const others = idsOf((service) => {
      const options = { realm: 'lab', audiences: [BILLING, LEDGER] };
      const billing = service.addPartner('Billing', { partnerId: 'billing', ...options });
      const crm = service.addPartner('Crm', { partnerId: 'c-rm', realm: 'lab' });
      crm.mayCall(billing, ['invoices:read'], { audience: BILLING.audience });
      crm.mayCall(billing, ['post'], { audience: LEDGER.audience });
    });

    expect(new Set([...ids, ...others]).size).toBe(7);
  });

  it('do not let a partner be registered twice', () => {
    expect(() =>
      idsOf((service) => {
        service.addPartner('Crm', { partnerId: 'crm' });
        service.addPartner('CrmAgain', { partnerId: 'crm' });
      }),
    ).toThrow(/Partnercrm/);
  });
});

describe('partners of another stack of the app', () => {
  const apart = () => {
    const app = testApp();
    const { service } = deploy({}, app);
    const stack = new Stack(app, 'Shop');
    const shop = new PartnerApplication(stack, 'Shop', { service, partnerId: 'shop' });
    const billing = service.addPartner('Billing', { partnerId: 'billing', audiences: [BILLING] });
    shop.mayCall(billing, ['invoices:read']);
    return { app, stack, shop, billing };
  };

  it('are registered through the function of the service, after its stack', () => {
    const { app, stack } = apart();
    const assembly = app.synth();
    const resources = resourcesOf(stack);

    expect(plain(partners(resources)[0]?.properties.ServiceToken)).toMatchObject({
      'Fn::ImportValue': expect.stringMatching(/^Countersign:ExportsOutputFnGetAttServicePartnerResourcesFunction/),
    });
    expect(grants(resources)[0]).toMatchObject({ dependsOn: ['Partnershop'], properties: { Client: 'shop' } });
    expect(assembly.getStackByName('Shop').dependencies.map(({ id }) => id)).toContain('Countersign');
  });

  it('can be granted something in a stack of their own', () => {
    const { app, shop, billing } = apart();
    const third = new Stack(app, 'Grants');
    new Grant(third, 'ShopWrites', { client: shop, resource: billing, scopes: ['invoices:write'] });

    expect(grants(resourcesOf(third))[0]?.properties).toMatchObject({ Client: 'shop', Scopes: ['invoices:write'] });
  });
});

it('gives cdk-nag nothing to find', () => {
  const app = testApp();
  const { service } = deploy({}, app);
  const billing = service.addPartner('Billing', { partnerId: 'billing', audiences: [BILLING] });
  service.addPartner('Crm', { partnerId: 'crm' }).mayCall(billing, ['invoices:read']);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

  expect(() => app.synth()).not.toThrow();
});
