import { describe, expect, it } from 'vitest';
import { importCognito } from '../../../cli/import/cognito.ts';
import { fixture, notesOf, partnerOf } from './fixture.ts';

const CRM = '1example23456789crm0000000';

describe('importCognito', () => {
  it('makes partners of clients, audiences of resource servers and grants of allowed scopes', () => {
    const { partners } = importCognito(fixture('cognito-pool.json'));
    const invoices = ['https://billing.example.com/invoices.read', 'https://billing.example.com/invoices.write'];
    expect(partners).toEqual([
      {
        id: CRM,
        name: 'crm',
        tokenPolicy: { accessTokenSeconds: 1800 },
        grants: [
          { audience: 'api://stock', scopes: ['stock/read'] },
          { audience: 'https://billing.example.com', scopes: invoices },
        ],
      },
      {
        id: '1example23456789nightly000',
        name: 'nightly-export',
        grants: [{ audience: 'api://stock', scopes: ['stock/read'] }],
      },
      {
        id: 'billing.example.com',
        name: 'Billing',
        audiences: [{ audience: 'https://billing.example.com', scopes: invoices }],
      },
      {
        id: 'stock',
        name: 'Stock keeping',
        audiences: [{ audience: 'api://stock', scopes: ['stock/read', 'stock/write'] }],
      },
    ]);
  });

  it('says what was left out and what has to be done', () => {
    const imported = importCognito(fixture('cognito-pool.json'));
    expect(notesOf(imported)).toEqual([
      "scopes keep the form of Cognito's tokens (identifier/scope), which resource servers check",
      'client "web-shop" was left out: it may not use the client_credentials flow',
      'the export holds secrets: delete it when the import is done',
      '"stock" is not a URI: its audience is api://stock (--map api://stock=URI for another), and what checks "aud" has to know that',
    ]);
    expect(notesOf(imported, CRM)).toEqual([
      'its client secret was not carried over: partners prove themselves with a key, or where the realm allows it with a new secret (countersign secret add)',
      `no public key came along, so it gets no tokens until: countersign credential add ${CRM} --public-key FILE`,
    ]);
  });

  it('declares the audiences of a client that comes without its resource servers', () => {
    const imported = importCognito(fixture('cognito-client.json'));
    expect(imported.partners.map(({ id }) => id)).toEqual([CRM, 'billing.example.com', 'stock']);
    expect(partnerOf(imported, 'stock').audiences).toEqual([{ audience: 'api://stock', scopes: ['stock/read'] }]);
    expect(notesOf(imported)).toContain(
      'the export does not describe "stock": its audience has the scopes that its clients hold',
    );
  });

  it('takes the same things in whatever wrapping they come', () => {
    const { UserPoolClients, ResourceServers } = fixture('cognito-pool.json');
    const wanted = importCognito(fixture('cognito-pool.json'));
    expect(importCognito([UserPoolClients, { ResourceServers }])).toEqual(wanted);
    expect(importCognito([{ ResourceServers }, ...(UserPoolClients as object[])])).toEqual(wanted);
  });

  it('leaves out a scope that its resource server does not have, and scopes about users', () => {
    const imported = importCognito({
      UserPoolClients: [
        {
          ClientId: 'a',
          AllowedOAuthFlows: ['client_credentials'],
          AllowedOAuthScopes: ['stock/fly', 'stock/read', 'openid'],
        },
      ],
      ResourceServers: [{ Identifier: 'stock', Scopes: [{ ScopeName: 'read' }] }],
    });
    expect(partnerOf(imported, 'a').grants).toEqual([{ audience: 'api://stock', scopes: ['stock/read'] }]);
    expect(notesOf(imported, 'a')).toEqual(
      expect.arrayContaining([
        'its scope "openid" is for users and was left out',
        '"stock" has no scope "stock/fly": left out',
      ]),
    );
  });

  it.each([
    ['seconds', 900, 900],
    ['minutes', 5, 300],
    ['hours', 2, 7200],
    ['days', 1, 86_400],
    [undefined, 1, 3600],
  ])('reads a token lifetime in %s', (AccessToken, AccessTokenValidity, seconds) => {
    const client = { ClientId: 'a', AllowedOAuthFlows: ['client_credentials'], AccessTokenValidity };
    const units = AccessToken === undefined ? {} : { TokenValidityUnits: { AccessToken } };
    const imported = importCognito({ UserPoolClient: { ...client, ...units } });
    expect(partnerOf(imported, 'a').tokenPolicy).toEqual({ accessTokenSeconds: seconds });
  });

  it('leaves out a client for which OAuth is switched off', () => {
    const client = { ClientId: 'a', AllowedOAuthFlows: ['client_credentials'], AllowedOAuthFlowsUserPoolClient: false };
    expect(importCognito([client]).partners).toEqual([]);
  });

  it('refuses what list-user-pool-clients prints, and names the command to use', () => {
    expect(() => importCognito(fixture('cognito-list.json'))).toThrow(
      /describe-user-pool-client tells all of a client/,
    );
  });

  it.each([[null], ['text'], [[]], [{}], [{ clients: [] }]])('refuses %j', (document) => {
    expect(() => importCognito(document)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringMatching(/^this is not a Cognito export/) }),
    );
  });

  it('names the member that is wrong, not its value', () => {
    const client = { ClientId: 'a', AllowedOAuthFlows: 'made-up-secret-value' };
    expect(() => importCognito(client)).toThrow(/AllowedOAuthFlows: Invalid input: expected array, received string$/);
  });
});
