/**
 * The five validators, each asked in its own way whether it accepts what is presented: an authorizer of an HTTP API over HTTP, the same
 * for REST APIs by their two kinds of events, introspection over HTTP, and the library against the running service.
 */

import { request as httpRequest, type IncomingMessage } from 'node:http';
import { vi } from 'vitest';
import { Unavailable } from '../../sdk/refusal.ts';
import { VerificationError } from '../../sdk/verification-error.ts';
import { createVerifier, type Verifier, type VerifierOptions } from '../../sdk/verifier.ts';
import { decisionOn, decisions, type LoggedDecision } from '../support/decisions.ts';
import { REST_HOST, requestEvent, tokenEvent } from '../support/rest-events.ts';
import { fetchAs, type TlsClient } from '../support/tls-client.ts';
import { proofForm } from '../support/token-state.ts';
import { authorizerOf, PLACE_NAMES, type Place, type PlaceName, type World } from './world.ts';

export const VALIDATORS = ['HTTP API', 'REST API, TOKEN', 'REST API, REQUEST', 'introspection', 'library'] as const;
export type ValidatorName = (typeof VALIDATORS)[number];

/** The request around a token. */
export interface Presented {
  readonly token: string;
  /** Values of the header `Authorization`, each on a line of its own. @default - the token as a bearer token */
  readonly authorization?: readonly string[];
  /** Values of the parameter `token` of an introspection. @default - the token */
  readonly asked?: readonly string[];
  /** The value of the header `DPoP` where the request goes there. */
  readonly proof?: (url: string) => string;
  readonly certificate?: TlsClient;
  /** Seconds by which the clock of the library has gone on. */
  readonly later?: number;
}

export interface Outcome {
  readonly accepted: boolean;
  /** Why not: a code of the log, or of the library. */
  readonly reason?: string;
  /** What a resource server is told of a token that is good. */
  readonly told?: Readonly<Record<string, unknown>>;
}

export type Validate = (place: Place, presented: Presented) => Promise<Outcome>;

export const validatorsOf = (world: World): Readonly<Record<ValidatorName, Validate>> => ({
  'HTTP API': overHttp(world),
  'REST API, TOKEN': byEvent(world, ({ token, authorization = [bearer(token)] }) =>
    tokenEvent(authorization.join(',')),
  ),
  'REST API, REQUEST': byEvent(world, (presented) =>
    requestEvent({
      headers: headersOf(presented, `https://${REST_HOST}/prod/invoices/7`),
      ...(presented.certificate === undefined ? {} : { certificate: presented.certificate.pem }),
    }),
  ),
  introspection: byIntrospection(world),
  library: byLibrary(world),
});

const bearer = (token: string): string => `Bearer ${token}`;

const headersOf = ({ token, authorization, proof }: Presented, url: string): Record<string, readonly string[]> => ({
  authorization: authorization ?? [bearer(token)],
  ...(proof === undefined ? {} : { dpop: [proof(url)] }),
});

const refused = ({ refusal }: LoggedDecision): Outcome => ({ accepted: false, reason: refusal?.reason ?? 'none' });

/** API Gateway answers 403 to whatever the authorizer of an HTTP API does not accept. */
const overHttp =
  ({ service }: World): Validate =>
  async ({ name }, presented) => {
    const { certificate } = presented;
    const headers = headersOf(presented, `${service.issuer}/${name}`);
    const answer =
      certificate === undefined
        ? await get(new URL(`/${name}`, service.deployment.url), headers)
        : await fetchAs(service.serverCa, certificate)(`${service.mutualTlsUrl}/${name}`, {
            headers: Object.entries(headers).map(([header, values]): [string, string] => [header, values.join(',')]),
          });
    if (answer.status === 200) return { accepted: true };
    if (answer.status !== 403) throw new Error(`the HTTP API answered ${answer.status}`);
    return refused(await decisionOn(service, answer.headers.get('apigw-requestid')));
  };

/** With node:http, since `fetch` joins headers of one name before it sends them. */
const get = (
  url: URL,
  headers: Readonly<Record<string, readonly string[]>>,
): Promise<Pick<Response, 'status' | 'headers'>> =>
  new Promise((resolve, reject) => {
    // Names and values in turn: of some headers an object could hold one value only.
    const lines = Object.entries(headers).flatMap(([name, values]) => values.flatMap((value) => [name, value]));
    const sent = httpRequest(url, { headers: ['host', url.host, ...lines] }, (answer: IncomingMessage) => {
      answer.resume().on('end', () => {
        const id = answer.headers['apigw-requestid'];
        resolve({ status: answer.statusCode ?? 0, headers: new Headers({ 'apigw-requestid': String(id) }) });
      });
    });
    sent.on('error', reject);
    sent.end();
  });

/** A REST API goes by the policy, or by the message of an error: `Unauthorized` is a 401, any other a 500. */
const byEvent =
  ({ service }: World, eventOf: (presented: Presented) => object): Validate =>
  async (place, presented) => {
    const made = () => decisions(service).filter(({ action }) => action === 'check-token');
    const before = made().length;
    const event = JSON.parse(JSON.stringify(eventOf(presented)));
    const result = await service.deployment.invoke(authorizerOf(place), event);
    if (result.ok && effectOf(result.payload) === 'Allow') return { accepted: true };
    if (!result.ok && result.error.errorMessage !== 'Unauthorized') throw new Error(result.error.errorMessage);
    // Lines of the log may come after the answer.
    return vi.waitFor(() => {
      const [decision, ...others] = made().slice(before);
      if (decision === undefined || others.length > 0) throw new Error('not one decision');
      return refused(decision);
    }, 10_000);
  };

const effectOf = (payload: string): string | undefined => {
  const { policyDocument } = JSON.parse(payload) as { policyDocument: { Statement: readonly { Effect: string }[] } };
  return policyDocument.Statement[0]?.Effect;
};

const byIntrospection =
  ({ service, owner }: World): Validate =>
  async ({ prefix, issuer }, { token, asked = [token] }) => {
    const body = new URLSearchParams(await proofForm(service, owner, issuer));
    for (const each of asked) body.append('token', each);
    const answer = await fetch(new URL(`${prefix}/introspect`, service.deployment.url), { method: 'POST', body });
    const told = (await answer.json()) as Readonly<Record<string, unknown>>;
    if (answer.status === 200 && told.active === true) return { accepted: true, told };
    const decision = await decisionOn(service, answer.headers.get('apigw-requestid'));
    if (answer.status !== 200) return refused(decision);
    if (JSON.stringify(told) !== '{"active":false}') throw new Error('more was told than that it is not active');
    return { accepted: false, reason: String(decision.facts.tokenFault) };
  };

/** With everything that tells it of revocations. */
const byLibrary = (world: World): Validate =>
  verifiersOf(world, ({ issuer }) => ({
    checkRevokedKeys: true,
    introspection: {
      authenticate: async (form) => {
        const proof = await proofForm(world.service, world.owner, issuer);
        for (const [name, value] of Object.entries(proof)) form.set(name, value);
      },
    },
  }));

/** The library as it comes: after it has fetched the keys it asks nobody. */
export const libraryAlone = (world: World): Validate => verifiersOf(world, () => ({}));

/** One verifier for each place, as a resource server has it. */
const verifiersOf = (
  { service, places }: World,
  optionsAt: (place: Place) => Pick<VerifierOptions, 'checkRevokedKeys' | 'introspection'>,
): Validate => {
  let ahead = 0;
  const verifierAt = (place: Place): Verifier =>
    createVerifier({
      ...{ issuer: place.issuer, audience: place.audience, scopes: ['read'], clockToleranceSeconds: 0 },
      now: () => Math.floor(Date.now() / 1_000) + ahead,
      ...optionsAt(place),
    });
  const verifiers = new Map<PlaceName, Verifier>(PLACE_NAMES.map((name) => [name, verifierAt(places[name])]));
  return async ({ name }, { later = 0, certificate, ...presented }) => {
    const url = `${service.issuer}/${name}`;
    const request = { method: 'GET', url, headers: headersOf(presented, url) };
    ahead = later;
    const verifier = verifiers.get(name);
    if (verifier === undefined) throw new Error(`no verifier is at ${name}`);
    try {
      await verifier.verify(request, certificate === undefined ? {} : { certificateThumbprint: certificate.x5tS256 });
      return { accepted: true };
    } catch (error) {
      if (error instanceof VerificationError) return { accepted: false, reason: error.reason };
      if (error instanceof Unavailable) return { accepted: false, reason: `503: ${error.what}` };
      throw error;
    }
  };
};
