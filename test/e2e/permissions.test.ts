/**
 * Every action that a function's role allows is needed, and a missing one is told by name: each is taken out of a copy of the
 * assembly in turn, and what the functions do must then fail with AccessDenied naming it.
 */

import { afterAll, describe, expect, inject, it } from 'vitest';
import { dynamoPartnerRegistry } from '../../functions/adapters/dynamo-partner-registry.ts';
import { type RotationPolicy, withHold } from '../../functions/core/key-ring.ts';
import { AnswerListener } from '../../local/answer-listener.ts';
import type { AwsCall, AwsCallRecord, Interception } from '../../local/aws-endpoint.ts';
import { startDeployment } from '../../local/deployment.ts';
import { AwsError } from '../../local/service.ts';
import { credential, keyPair, partner } from '../support/builders.ts';
import { boundToken, present, resourceProof } from '../support/dpop-service.ts';
import {
  administer,
  assertionOf,
  changePartner,
  getToken,
  populate,
  postToken,
  type Service,
  startService,
  tokenForm,
} from '../support/service.ts';
import { introspect, revoke } from '../support/token-state.ts';
import { denied, readTemplate, removeCopies, without } from './narrowed-assembly.ts';
import { openRoles, type RoleClients } from './role-clients.ts';
import { openRoleSession } from './role-session.ts';

afterAll(removeCopies);

/** What tests break, beside taking permissions away. */
type Breakage = 'nothing' | 'signing' | 'revoking' | 'beginning-of-a-key' | 'disabling-by-operators';

const breaks = (broken: Breakage, { operation, principal, input }: AwsCall): boolean => {
  switch (broken) {
    case 'nothing':
      return false;
    case 'signing':
      return operation === 'Sign';
    case 'revoking':
      return operation === 'PutItem' && JSON.stringify(input).includes('revoked#');
    case 'beginning-of-a-key':
      return operation === 'PutItem' && JSON.stringify(input).includes('"creation":');
    case 'disabling-by-operators':
      return operation === 'DisableKey' && principal.includes('ServiceKeysRole');
  }
};

/** The main job: registry, tokens, an outage of KMS, key set, authorizer. */
const playPartners = async (service: Service, brk: (broken: Breakage) => void): Promise<void> => {
  const world = await populate(service);
  await administer(service, 'GET', '/partners');
  await changePartner(service, 'billing', { name: 'Billing' });
  const token = async () =>
    postToken(service, tokenForm(await assertionOf(world.client, service.issuer), { resource: world.audience }));
  const { body } = await token();
  const elsewhere = tokenForm(await assertionOf(world.client, service.issuer));
  await fetch(`${service.issuer}/realms/elsewhere/token`, { method: 'POST', body: elsewhere });
  await fetch(`${service.issuer}/jwks`);
  await fetch(world.audience, { headers: { authorization: `Bearer ${String(body.access_token)}` } });
  brk('signing');
  await token();
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  await administer(service, 'POST', '/tokens/revoke', { tokenId: 'nobody-has-it', expiresAt });
  const grant = new URLSearchParams({ client: world.client.id, audience: world.audience });
  await administer(service, 'DELETE', `/grants?${grant}`);
};

/** A token is asked about and ended, by the owner of its resource; then nothing can be signed, and none be ended. */
const playTokenState = async (service: Service, brk: (broken: Breakage) => void): Promise<void> => {
  const world = await populate(service);
  const token = await getToken(service, world);
  const signed = { accept: 'application/token-introspection+jwt' };
  await introspect(service, world.owner, token, signed);
  await revoke(service, world.owner, token);
  brk('signing');
  await introspect(service, world.owner, token, signed);
  brk('revoking');
  await revoke(service, world.owner, token);
};

/** A token that is bound to a DPoP key reaches its resource. */
const playBoundTokens = async (service: Service): Promise<void> => {
  const pair = await keyPair();
  const token = await boundToken(service, await populate(service), pair);
  await present(service, `DPoP ${token}`, resourceProof(service, pair, token));
};

/** A look at the document of a partner; that there is no such host comes to light only after it was noted. */
const playRefresh = async (service: Service): Promise<void> => {
  await administer(service, 'POST', '/partners', { id: 'crm', jwksUri: 'https://partner.invalid/jwks' });
  await administer(service, 'POST', '/partners/crm/refresh');
};

/** A partner whose people register the address of its keys, look at that, and take it back. */
const playRegistration = async (service: Service): Promise<void> => {
  await administer(service, 'POST', '/partners', { id: 'crm' });
  const { body } = await administer(service, 'POST', '/partners/crm/onboarding', {});
  const call = async (method: string, path: string, token: unknown, metadata?: object) => {
    const answer = await fetch(`${service.issuer}${path}`, {
      method,
      headers: { authorization: `Bearer ${String(token)}`, 'content-type': 'application/json' },
      ...(metadata === undefined ? {} : { body: JSON.stringify(metadata) }),
    });
    return answer.status === 204 ? {} : ((await answer.json()) as Record<string, unknown>);
  };
  const registered = await call('POST', '/register', body.token, { jwks_uri: 'https://partner.invalid/jwks' });
  await call('DELETE', '/register/crm', registered.registration_access_token);
};

/** A partner that may call itself, made and taken back as CloudFormation does it. */
const playDeclarations = async ({ deployment }: Service): Promise<void> => {
  await using answers = await AnswerListener.listen();
  const Realm = 'default';
  const audiences = [{ audience: 'urn:crm', scopes: ['read'] }];
  const partner = { Realm, PartnerId: 'crm', Definition: '{}', Audiences: JSON.stringify(audiences) };
  const grant = { Realm, Client: 'crm', Audience: 'urn:crm', Scopes: ['read'] };
  const ask = (RequestType: string, kind: string, ResourceProperties: Readonly<Record<string, string | string[]>>) =>
    deployment.invoke('PartnerResources', {
      RequestType,
      ResourceType: `Custom::Countersign${kind}`,
      ResponseURL: answers.open().url,
      ...{ StackId: 'stack', RequestId: 'request', LogicalResourceId: kind },
      PhysicalResourceId: kind === 'Partner' ? 'default/crm' : 'default/crm/urn:crm',
      ResourceProperties,
    });
  await ask('Create', 'Partner', partner);
  await ask('Create', 'Grant', grant);
  await ask('Delete', 'Grant', grant);
  await ask('Delete', 'Partner', partner);
};

interface ListedRing {
  readonly algorithm: string;
  readonly keys: readonly { readonly kid: string; readonly state: string }[];
}

/** A ring is added; another loses its standby, and then its only key, whose successor is made and signs at once. */
const playOperators = async (service: Service, brk: (broken: Breakage) => void): Promise<void> => {
  await administer(service, 'POST', '/keys', { algorithm: 'EdDSA' });
  const { body } = await administer(service, 'GET', '/keys');
  const ring = (body.items as readonly ListedRing[]).find(({ algorithm }) => algorithm === 'ES256');
  const revoke = async (state: string) => {
    const kid = ring?.keys.find((key) => key.state === state)?.kid;
    await administer(service, 'POST', `/keys/${kid}/revoke`, { breakGlass: true });
  };
  brk('beginning-of-a-key');
  await revoke('standby');
  brk('nothing');
  await revoke('active');
};

/** What an operator began and could not finish, the next run of the rotation does. */
const playCrash = async (service: Service, brk: (broken: Breakage) => void): Promise<void> => {
  brk('disabling-by-operators');
  await playOperators(service, () => undefined);
  await service.deployment.runSchedule();
};

type Play = (service: Service, brk: (broken: Breakage) => void) => Promise<void>;

/** Role, action, and what needs it; `deployment`: nothing starts without, since the deploy-time trigger fails. */
const NEEDED: readonly (readonly [role: string, action: string, play: Play | 'deployment'])[] = [
  ['RotateKeys', 'dynamodb:GetItem', 'deployment'],
  ['RotateKeys', 'dynamodb:PutItem', 'deployment'],
  ['RotateKeys', 'dynamodb:Query', 'deployment'],
  ['RotateKeys', 'kms:CreateKey', 'deployment'],
  ['RotateKeys', 'kms:TagResource', 'deployment'],
  ['RotateKeys', 'kms:DescribeKey', 'deployment'],
  ['RotateKeys', 'kms:GetPublicKey', 'deployment'],
  ['RotateKeys', 'kms:Sign', 'deployment'],
  ['RotateKeys', 'kms:ListKeys', 'deployment'],
  // A key whose tags may not be read is taken for somebody else's, so the deployment goes on.
  ['RotateKeys', 'kms:ListResourceTags', playPartners],
  ['RotateKeys', 'kms:DisableKey', playCrash],
  ['Keys', 'dynamodb:GetItem', playOperators],
  ['Keys', 'dynamodb:PutItem', playOperators],
  ['Keys', 'dynamodb:Query', playOperators],
  ['Keys', 'kms:CreateKey', playOperators],
  ['Keys', 'kms:TagResource', playOperators],
  ['Keys', 'kms:DescribeKey', playOperators],
  ['Keys', 'kms:GetPublicKey', playOperators],
  ['Keys', 'kms:Sign', playOperators],
  ['Keys', 'kms:ListKeys', playOperators],
  ['Keys', 'kms:ListResourceTags', playOperators],
  ['Keys', 'kms:DisableKey', playOperators],
  ['Admin', 'dynamodb:GetItem', playPartners],
  ['Admin', 'dynamodb:Query', playPartners],
  ['Admin', 'dynamodb:PutItem', playPartners],
  ['Admin', 'dynamodb:UpdateItem', playPartners],
  ['Admin', 'dynamodb:DeleteItem', playPartners],
  ['Admin', 'dynamodb:ConditionCheckItem', playPartners],
  ['PartnerResources', 'dynamodb:GetItem', playDeclarations],
  ['PartnerResources', 'dynamodb:Query', playDeclarations],
  ['PartnerResources', 'dynamodb:PutItem', playDeclarations],
  ['PartnerResources', 'dynamodb:UpdateItem', playDeclarations],
  ['PartnerResources', 'dynamodb:DeleteItem', playDeclarations],
  ['PartnerResources', 'dynamodb:ConditionCheckItem', playDeclarations],
  ['RefreshPartners', 'dynamodb:GetItem', playRefresh],
  ['RefreshPartners', 'dynamodb:Query', playRefresh],
  ['RefreshPartners', 'dynamodb:PutItem', playRefresh],
  ...['GetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem'].flatMap((name) => [
    ['Introspect', `dynamodb:${name}`, playTokenState] as const,
    ['Revoke', `dynamodb:${name}`, playTokenState] as const,
  ]),
  ['Introspect', 'kms:Sign', playTokenState],
  ['Register', 'dynamodb:GetItem', playRegistration],
  ['Register', 'dynamodb:Query', playRegistration],
  ['Register', 'dynamodb:PutItem', playRegistration],
  ['Register', 'dynamodb:DeleteItem', playRegistration],
  ['Token', 'dynamodb:GetItem', playPartners],
  ['Token', 'dynamodb:Query', playPartners],
  ['Token', 'dynamodb:BatchGetItem', playPartners],
  ['Token', 'dynamodb:PutItem', playPartners],
  ['Token', 'dynamodb:UpdateItem', playPartners],
  ['Token', 'dynamodb:DeleteItem', playPartners],
  ['Token', 'kms:Sign', playPartners],
  ['Discovery', 'dynamodb:GetItem', playPartners],
  ['Discovery', 'dynamodb:Query', playPartners],
  ['Authorizer', 'dynamodb:GetItem', playPartners],
  ['Authorizer', 'dynamodb:Query', playPartners],
  ['Authorizer', 'dynamodb:PutItem', playBoundTokens],
];

describe('a function without one of its permissions', () => {
  it.each(NEEDED)('%s without %s is denied, and the denial names the action', async (role, action, play) => {
    const assembly = await without(role, action);
    const calls: AwsCallRecord[] = [];
    let broken: Breakage = 'nothing';
    const interceptCall = (call: AwsCall): Interception =>
      breaks(broken, call) ? new AwsError('KMSInternalException', 'test failure', { status: 500 }) : 'pass';
    const { promise: firstDenial, resolve: denialSeen } = Promise.withResolvers<void>();
    const observeCall = (call: AwsCallRecord): void => {
      calls.push(call);
      if (call.outcome === 'AccessDeniedException') denialSeen();
    };
    const options = { assembly, observeCall, interceptCall };
    if (play === 'deployment') {
      await expect(startDeployment(options)).rejects.toThrow(action);
    } else {
      await using service = await startService(options);
      const playing = play(service, (now) => {
        broken = now;
      }).catch(() => undefined);
      // Some functions take a denial for an outage, and try for a minute.
      await Promise.race([playing, firstDenial]);
    }
    expect(denied(calls).join('\n')).toContain(`is not authorized to perform: ${action}`);
  });
});

const HOUR = 3_600;
const DAY = 24 * HOUR;

const POLICY: RotationPolicy = {
  leadSeconds: DAY,
  periodSeconds: 60 * DAY,
  maxTokenSeconds: HOUR,
  ringCacheSeconds: 30,
  propagationSeconds: 300,
  clockSkewSeconds: 60,
  leewaySeconds: 60,
  graceSeconds: 7 * DAY,
  creationSeconds: 180,
  sweepSeconds: DAY,
};

/**
 * A key's whole life, under the role's own permissions: it signs, retires, is about to be deleted, is held, released, and goes.
 * @returns what IAM denied.
 */
const playYears = async (assembly: string, role: string): Promise<{ kids: readonly string[]; denials: string[] }> => {
  let now = 1_800_000_000;
  await using session = await openRoleSession(assembly, role, POLICY, () => now);
  const { rotate, rings, calls } = session;
  const after = async (seconds: number) => {
    now += seconds;
    await rotate(8);
    const ring = await rings.load('default', 'ES256');
    if (ring === undefined) throw new Error('the rotation has made no ring');
    return ring;
  };
  const setHold = async (kid: string, hold: boolean) => rings.save(withHold(await after(0), kid, hold));
  const kids = async () => (await after(0)).keys.map((key) => `${key.kid === first ? 'first' : 'other'} ${key.state}`);
  let first: string | undefined;
  try {
    first = (await after(0)).keys.find(({ state }) => state === 'active')?.kid;
    await after(61 * DAY);
    await after(2 * HOUR);
    await after(8 * DAY);
    expect(await kids()).toContain('first pending-deletion');
    await setHold(first ?? '', true);
    expect(await kids()).toContain('first retired');
    await setHold(first ?? '', false);
    expect(await kids()).toContain('first pending-deletion');
    await after(31 * DAY);
    return { kids: await kids(), denials: denied(calls) };
  } catch (error) {
    if (denied(calls).length === 0) throw error;
    return { kids: [], denials: denied(calls) };
  }
};

/** What takes weeks to be needed. */
const NEEDED_LATER = ['Keys', 'RotateKeys'].flatMap((role) =>
  ['kms:GetKeyLastUsage', 'kms:ScheduleKeyDeletion', 'kms:CancelKeyDeletion'].map((action) => [role, action] as const),
);

describe('in the course of weeks', () => {
  it.each(['Keys', 'RotateKeys'])('%s may do all that the life of a key takes, to its end', async (role) => {
    expect(await playYears(inject('assembly'), role)).toEqual({ kids: ['other active', 'other standby'], denials: [] });
  });

  it.each(NEEDED_LATER)('%s without %s is denied, and the denial names the action', async (role, action) => {
    const { denials } = await playYears(await without(role, action), role);
    expect(denials.join('\n')).toContain(`is not authorized to perform: ${action}`);
  });
});

const CERTIFICATE_ACTIONS = [['RefreshPartners', 'dynamodb:DeleteItem']] as const;

/** A partner whose document has another certificate than before, as the refresh writes it; and so may what its own people register. */
const playRoll = async (assembly: string, role: string): Promise<string[]> => {
  await using roles = await openRoles(assembly, () => 1_800_000_000);
  const registryOf = ({ documents, environment }: RoleClients) =>
    dynamoPartnerRegistry(documents, environment.REGISTRY_TABLE ?? '');
  const certified = async (x5t: string) => credential(await keyPair(), { x5t, source: 'document' as const });
  const source = { type: 'metadata', url: 'https://mail.contoso.example/metadata' } as const;
  const microsoft = { issuedBy: 'itself', actors: [], userTokens: false, delegation: false } as const;
  const before = partner({ id: 'exchange', microsoft, source, credentials: [await certified('old')] });
  const administrator = registryOf(roles.as('Admin'));
  await administrator.createPartner(before, undefined);
  const found = await administrator.findPartner(before.realm, before.id);
  if (found === undefined) throw new Error('the partner was not made');
  const after = { ...before, version: 2, credentials: role === 'Register' ? [] : [await certified('new')] };
  const outcome = await registryOf(roles.as(role))
    .updatePartner(after, found, undefined)
    .catch(() => 'denied');
  return [outcome, ...denied(roles.calls)];
};

describe('the names of certificates', () => {
  it.each(['RefreshPartners', 'Register'])('are free again when %s has seen them go', async (role) => {
    expect(await playRoll(inject('assembly'), role)).toEqual(['saved']);
  });

  it.each(CERTIFICATE_ACTIONS)('%s without %s is denied, and the denial names the action', async (role, action) => {
    const [outcome, ...denials] = await playRoll(await without(role, action), role);
    expect([outcome, denials.join('\n')]).toEqual([
      'denied',
      expect.stringContaining(`is not authorized to perform: ${action}`),
    ]);
  });
});

it('leaves out no action on tables and keys that a function is allowed', async () => {
  const template = await readTemplate(inject('assembly'));
  const allowed = Object.entries(template.Resources).flatMap(([id, { Type, Properties }]) => {
    const role = /^Service(\w+)Role[0-9A-F]{8}$/.exec(id)?.[1];
    if (Type !== 'AWS::IAM::Role' || role === undefined) return [];
    return Properties.Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
      .flatMap(({ Action }) => Action)
      .filter((action) => /^(dynamodb|kms):/.test(action))
      .map((action) => `${role} ${action}`);
  });
  const shown = [...NEEDED, ...NEEDED_LATER, ...CERTIFICATE_ACTIONS].map(([role, action]) => `${role} ${action}`);
  expect([...new Set(allowed)].toSorted()).toEqual(shown.toSorted());
});
