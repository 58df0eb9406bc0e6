/**
 * Two enterprises, each with a deployment of its own: its own tables, its own keys, its own address, over TLS. Neither knows anything of
 * the other but what its operator tells it.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createRemoteJWKSet, type JWK, type JWTPayload, jwtVerify } from 'jose';
import { expect } from 'vitest';
import type { GrantType } from '../../../functions/core/grant-type.ts';
import { synthesizeApp } from '../../support/assembly.ts';
import { requireToken } from '../../support/delegation.ts';
import {
  administer,
  assertionOf,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
} from '../../support/service.ts';
import { certify, root } from '../../support/tls-server.ts';

/** The applications of the story, by the ids that the products have. */
export const SKYPE = '00000004-0000-0ff1-ce00-000000000000';
export const EXCHANGE = '00000002-0000-0ff1-ce00-000000000000';

export interface Enterprises extends AsyncDisposable {
  readonly contoso: Service;
  readonly fabrikam: Service;
}

export const startEnterprises = async (): Promise<Enterprises> => {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-scenario-'));
  const assembly = join(directory, 'cdk.out');
  // Both are on one machine, so each has to be told that it may call the other there.
  const neighbour = { host: '127.0.0.1', ranges: ['127.0.0.0/8'], certificateAuthority: root.pem };
  await synthesizeApp(assembly, { privateHosts: JSON.stringify([neighbour]), registryCacheSeconds: '0' });
  const tls = await certify(['127.0.0.1']);
  setDefaultCACertificates([...getCACertificates('default'), root.pem]);
  const [contoso, fabrikam] = await Promise.all([startService({ assembly, tls }), startService({ assembly, tls })]);
  return {
    contoso,
    fabrikam,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([contoso[Symbol.asyncDispose](), fabrikam[Symbol.asyncDispose]()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
};

/** An operator's call that has to work. */
export const operate = async (service: Service, method: string, path: string, body?: object) => {
  const answer = await administer(service, method, path, body);
  if (answer.status >= 300)
    throw new Error(`${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
};

/** The resource of the enterprise that stands behind its authorizer: what its tokens are shown to in the end. */
export const whoamiOf = ({ issuer }: Service): string => `${issuer}/whoami`;

/** The owner of that resource, with its scopes. */
export const protectWhoami = async (service: Service, owner: object & { readonly id: string }): Promise<void> => {
  await operate(service, 'POST', '/partners', owner);
  const scopes = ['calendar.read', 'calendar.write'];
  await operate(service, 'POST', '/audiences', { audience: whoamiOf(service), owner: owner.id, scopes });
};

export const grant = (service: Service, client: string, audience = whoamiOf(service), scopes = ['calendar.read']) =>
  operate(service, 'POST', '/grants', { client, audience, scopes });

/** The claims of a token, by the published keys of the enterprise that is said to have issued it. */
export const verified = async ({ issuer }: Service, token: string, audience: string): Promise<JWTPayload> => {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  return (await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt' })).payload;
};

/** What the resource is told of the caller by the authorizer. */
export const callWhoami = async (service: Service, token: string): Promise<Record<string, unknown>> => {
  const answer = await fetch(whoamiOf(service), { headers: { authorization: `Bearer ${token}` } });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>;
};

/** A token by any grant, for a client that proves itself with its own key. */
export const ask = async (
  service: Service,
  client: TestPartner,
  grantType: GrantType,
  parameters: Readonly<Record<string, string>>,
): Promise<string> =>
  requireToken(service, tokenForm(await assertionOf(client, service.issuer), { grant_type: grantType, ...parameters }));

export const jwksOf = async ({ issuer }: Service): Promise<{ readonly keys: readonly (JWK & { kid: string })[] }> =>
  (await (await fetch(`${issuer}/jwks`)).json()) as { keys: (JWK & { kid: string })[] };

export const keysOf = ({ publicJwk }: TestPartner) => ({ jwks: { keys: [publicJwk] } });
