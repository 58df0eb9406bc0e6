import { describe, expect, it } from 'vitest';
import { MAX_INTROSPECTORS } from '../../functions/core/introspectors.ts';
import type { PartnerAudience } from '../../infra/partner-definition.ts';
import { deploy, ofType, plain, resourcesOf, testApp } from './deployment.ts';

const LEDGER = { audience: 'urn:ledger', scopes: ['post'] };

const declared = (stack: ReturnType<typeof deploy>) =>
  ofType(resourcesOf(stack), 'Custom::CountersignPartner').map(({ name, properties, dependsOn }) => {
    const { Audiences } = plain(properties) as Record<string, string>;
    return { name, audiences: JSON.parse(Audiences ?? ''), dependsOn };
  });

describe('introspectors of an audience of a stack', () => {
  it('are named by id, and are there before the audience', () => {
    const stack = deploy();
    const gateway = stack.service.addPartner('Gateway', { partnerId: 'gateway' });
    const auditor = stack.service.partnerById('Auditor', 'auditor');
    const introspectors = [gateway, auditor];
    stack.service.addPartner('Ledger', { partnerId: 'ledger', audiences: [{ ...LEDGER, introspectors }] });

    const [first, second] = declared(stack);
    expect(first).toMatchObject({ name: 'Partnergateway', audiences: [] });
    expect(second).toEqual({
      name: 'Partnerledger',
      audiences: [{ ...LEDGER, introspectors: ['gateway', 'auditor'] }],
      dependsOn: ['ServiceKeyRotationAtDeployment', 'Partnergateway'],
    });
  });

  it('say nothing where nobody is named, so that no template changes', () => {
    const stack = deploy();
    stack.service.addPartner('Ledger', { partnerId: 'ledger', audiences: [LEDGER] });
    expect(declared(stack)).toMatchObject([{ audiences: [LEDGER], dependsOn: ['ServiceKeyRotationAtDeployment'] }]);
  });

  it('may be called and call as any other partner', () => {
    const stack = deploy();
    const gateway = stack.service.addPartner('Gateway', { partnerId: 'gateway' });
    const audiences = [{ ...LEDGER, introspectors: [gateway] }];
    const ledger = stack.service.addPartner('Ledger', { partnerId: 'ledger', audiences });
    gateway.mayCall(ledger, ['post']);
    expect(ofType(resourcesOf(stack), 'Custom::CountersignGrant')[0]?.dependsOn).toEqual(
      expect.arrayContaining(['Partnergateway', 'Partnerledger']),
    );
  });

  type Stack = ReturnType<typeof deploy>;
  it.each<[string, (stack: Stack) => PartnerAudience['introspectors'] & object, RegExp]>([
    [
      'of another realm',
      ({ service }) => [service.addPartner('Other', { partnerId: 'other', realm: 'acme' })],
      /"other", introspector of "urn:ledger", is of realm acme, not default/,
    ],
    [
      'of another deployment',
      () => [deploy({}, testApp()).service.addPartner('Other', { partnerId: 'other' })],
      /"other", introspector of "urn:ledger", is of another deployment/,
    ],
    [
      'that is the owner',
      ({ service }) => [service.partnerById('Self', 'ledger')],
      /"ledger" owns "urn:ledger" and may introspect anyway/,
    ],
    [
      'beyond as many as there may be',
      ({ service }) =>
        Array.from({ length: MAX_INTROSPECTORS + 1 }, (_, index) => service.partnerById(`P${index}`, `p${index}`)),
      /"urn:ledger" has more than 10 introspectors/,
    ],
  ])('are not a partner %s', (_, introspectorsIn, message) => {
    const stack = deploy();
    const audiences = [{ ...LEDGER, introspectors: introspectorsIn(stack) }];
    expect(() => stack.service.addPartner('Ledger', { partnerId: 'ledger', audiences })).toThrow(message);
  });
});
