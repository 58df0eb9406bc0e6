import { describe, expect, it } from 'vitest';
import type * as core from '../../functions/core/partner-definition.ts';
import type { PartnerAudience, PartnerDefinition } from '../../infra/partner-definition.ts';
import { deploy, ofType, plain, type Resource, resourcesOf } from './deployment.ts';

const APPLICATION = '00000002-0000-0ff1-ce00-000000000000@contoso.example';
const VOUCHED_FOR = 'authorization-server';
const AUDIENCE: PartnerAudience = {
  ...{ audience: 'https://bank.example.com', scopes: ['read'] },
  authorizationDetails: { payment: { actions: ['initiate'], fields: ['amount'] }, account: {} },
};
const WAYS: PartnerDefinition = {
  ...{ issuer: APPLICATION, trustedIssuer: true, tlsSubject: { sanDns: 'crm.example.com' } },
  microsoft: { issuedBy: 'itself', actors: ['00000004-0000-0ff1-ce00-000000000000@contoso.example'], userTokens: true },
  federation: [
    {
      ...{ issuer: 'https://token.actions.githubusercontent.com', maxSeconds: 600, reusable: false },
      claims: { sub: { glob: 'repo:acme/crm:*' }, '/job/env': { oneOf: ['prod'] } },
      audited: { ref: { exact: 'refs/heads/main' } },
    },
  ],
};

const grants = (resources: readonly Resource[]) => ofType(resources, 'Custom::CountersignGrant');

describe('a partner application of a stack', () => {
  it('can say all that the admin API takes', () => {
    type Unsaid = Exclude<keyof core.PartnerDefinition, keyof PartnerDefinition>;
    // The compiler says which member is missing.
    const unsaid: [Unsaid] extends [never] ? 'nothing' : Unsaid = 'nothing';
    expect(unsaid).toBe('nothing');
  });

  it('says by what else it is proved, and what can be asked for of its audiences', () => {
    const stack = deploy();
    stack.service.addPartner('Crm', { partnerId: 'crm', ...WAYS, audiences: [AUDIENCE] });

    const [partner] = ofType(resourcesOf(stack), 'Custom::CountersignPartner');
    const { Definition, Audiences } = plain(partner?.properties) as Record<string, string>;
    expect([JSON.parse(Definition ?? ''), JSON.parse(Audiences ?? '')]).toEqual([WAYS, [AUDIENCE]]);
  });

  it.each<[string, PartnerDefinition]>([
    ['with an issuer', { issuer: 'https://a.example' }],
    ['with a metadata URL', { metadataUrl: 'https://a.example/m' }],
    ['with a document that was handed over', { metadata: { issuer: 'https://a.example' } }],
  ])('can be a trusted issuer %s', (_, definition) => {
    const add = () => deploy().service.addPartner('Crm', { partnerId: 'crm', trustedIssuer: true, ...definition });
    expect(add).not.toThrow();
  });

  it.each<[string, PartnerDefinition, RegExp]>([
    ['two subjects', { tlsSubject: { sanDns: 'a', sanIp: 'b' } }, /tlsSubject has sanDns and sanIp, of which it must/],
    ['a subject of nothing', { tlsSubject: {} }, /tlsSubject has nothing, of which it must have one/],
    [
      'an issuer whose every workload it would be',
      { federation: [{ issuer: 'https://ci.example', claims: { ref: { exact: 'x' } } }] },
      /federation with "https:\/\/ci\.example" says nothing of sub/,
    ],
    [
      'an issuer that is no principal',
      { issuer: 'https://a.example', microsoft: {} },
      /"https:\/\/a.example" is no <appl/,
    ],
    ['an actor that is none', { microsoft: { actors: ['exchange'] } }, /"exchange" is no <application id>@<realm>/],
    [
      'an authorization server for an authorization server',
      { issuer: APPLICATION, trustedIssuer: true, microsoft: { issuedBy: VOUCHED_FOR } },
      /is an authorization server, and has its tokens from one/,
    ],
    [
      'actors in tokens that it does not issue',
      { microsoft: { issuedBy: VOUCHED_FOR, actors: [APPLICATION] } },
      /names actors, and does not issue its own tokens/,
    ],
    ['trust in nobody', { trustedIssuer: true }, /is a trustedIssuer without issuer/],
    ['trust in a bare key set', { trustedIssuer: true, jwksUri: 'https://a.example' }, /is a trustedIssuer without/],
  ])('is refused with %s', (_, definition, message) => {
    expect(() => deploy().service.addPartner('Crm', { partnerId: 'crm', ...definition })).toThrow(message);
  });
});

describe('a grant of a stack', () => {
  const calling = () => {
    const stack = deploy();
    const crm = stack.service.addPartner('Crm', { partnerId: 'crm' });
    return { stack, crm, bank: stack.service.addPartner('Bank', { partnerId: 'bank', audiences: [AUDIENCE] }) };
  };

  it('names types of authorization details, and has no such property without', () => {
    const { stack, crm, bank } = calling();
    crm.mayCall(bank, ['read'], { authorizationDetailsTypes: ['payment'] });
    bank.mayCall(bank, ['read']);

    const types = grants(resourcesOf(stack)).map(({ properties }) => properties?.AuthorizationDetailsTypes ?? 'none');
    expect(types.sort()).toEqual([['payment'], 'none'].sort());
  });

  it('is refused for a type that the audience does not declare', () => {
    const { crm, bank } = calling();
    expect(() => crm.mayCall(bank, ['read'], { authorizationDetailsTypes: ['transfer'] })).toThrow(
      /https:\/\/bank\.example\.com declares no authorization details of type "transfer"; it declares payment, account$/,
    );
  });
});
