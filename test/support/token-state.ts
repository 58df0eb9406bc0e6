/** What the owners of resources and clients ask of a running service about a token, over HTTP. */

import { administer, assertionOf, makePartner, mustCreate, type Service, type TestPartner } from './service.ts';

export interface StateAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface StateRequest {
  /** `introspect`, `revoke`, or the same of another realm: `realms/acme/introspect`. */
  readonly path: string;
  readonly form: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export const postState = async (
  { deployment: { url } }: Service,
  { path, form, headers }: StateRequest,
): Promise<StateAnswer> => {
  const answer = await fetch(new URL(`/${path}`, url), {
    method: 'POST',
    body: new URLSearchParams(form),
    headers: { ...headers },
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};

/** The parameters that prove a partner by its key. */
export const proofForm = async (
  service: Service,
  partner: TestPartner,
  issuer = service.issuer,
): Promise<{ readonly client_assertion_type: string; readonly client_assertion: string }> => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await assertionOf(partner, issuer),
});

export const introspect = async (
  service: Service,
  partner: TestPartner,
  token: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<StateAnswer> =>
  postState(service, { path: 'introspect', form: { ...(await proofForm(service, partner)), token }, headers });

export const revoke = async (service: Service, partner: TestPartner, token: string): Promise<StateAnswer> =>
  postState(service, { path: 'revoke', form: { ...(await proofForm(service, partner)), token } });

export const isActive = async (service: Service, partner: TestPartner, token: string): Promise<unknown> =>
  (JSON.parse((await introspect(service, partner, token)).text) as { readonly active: unknown }).active;

/** These partners, and no others, may introspect tokens for the resource besides its owner. @returns the status of the answer. */
export const nameIntrospectors = async (
  service: Service,
  audience: string,
  introspectors: readonly string[],
): Promise<number> => {
  const found = await administer(service, 'GET', `/audiences?${new URLSearchParams({ audience })}`);
  const [{ version } = {}] = found.body.items as readonly { readonly version?: number }[];
  return (await administer(service, 'PATCH', '/audiences', { audience, version, introspectors })).status;
};

/** A new partner that the resource lets introspect its tokens. */
export const addIntrospector = async (service: Service, audience: string, id: string): Promise<TestPartner> => {
  const made = await makePartner(id);
  await mustCreate(service, '/partners', { id, jwks: { keys: [made.publicJwk] } });
  const status = await nameIntrospectors(service, audience, [id]);
  if (status !== 200) throw new Error(`naming ${id} answered ${status}`);
  return made;
};
