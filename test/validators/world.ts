/**
 * One running service with an authorizer for each place at which tokens are shown, another service of the same names, and the partners
 * and tokens that cases are made of. What an operator does in one case concerns a client, a realm or a resource of its own.
 */

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { HttpApi, HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { SignJWT } from 'jose';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { EndpointFunction } from '../../infra/endpoint-function.ts';
import { mutualTlsOptions } from '../../infra/mutual-tls.ts';
import type { TokenService } from '../../infra/token-service.ts';
import { deploy } from '../infra/deployment.ts';
import { keyPair, type TestKeyPair } from '../support/builders.ts';
import { postWithProof, tokenOf } from '../support/delegation.ts';
import { seconds } from '../support/forgery.ts';
import { type RingKey, ringKeys } from '../support/ring-keys.ts';
import {
  assertionOf,
  callAdmin,
  getToken,
  type MutualTlsService,
  makePartner,
  populate,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
} from '../support/service.ts';
import { makeTlsClient, postTokenAs, type TlsClient } from '../support/tls-client.ts';

export const BILLING = 'https://billing.example.com';
/** Another resource of the same owner, and one of another owner. */
export const SISTER = 'https://sister.example.com';
export const STRANGER = 'https://stranger.example.com';

/** Where tokens are shown: its realm, and the resource that its authorizer stands in front of. */
const PLACES = {
  home: { realm: 'default', audience: BILLING },
  contoso: { realm: 'contoso', audience: BILLING },
  closing: { realm: 'closing', audience: BILLING },
  rolling: { realm: 'rolling', audience: BILLING },
  proving: { realm: 'default', audience: 'https://proving.example.com' },
  certified: { realm: 'default', audience: 'https://certified.example.com' },
} as const;
export type PlaceName = keyof typeof PLACES;
export const PLACE_NAMES = Object.keys(PLACES) as readonly PlaceName[];

export interface Place {
  readonly name: PlaceName;
  readonly realm: string;
  readonly issuer: string;
  readonly audience: string;
  /** Before `/token` and `/introspect`. */
  readonly prefix: string;
}

export interface World extends AsyncDisposable {
  readonly service: MutualTlsService;
  readonly places: Readonly<Record<PlaceName, Place>>;
  /** Owns all resources but one, in every realm. */
  readonly owner: TestPartner;
  readonly dpopKey: TestKeyPair;
  readonly otherDpopKey: TestKeyPair;
  readonly certificate: TlsClient;
  readonly otherCertificate: TlsClient;
  /** Active signing keys of the default realm. */
  readonly rs256: RingKey;
  readonly es256: RingKey;
  /** Of another deployment, with partners and resources of the same names. */
  readonly elsewhere: Service;
}

const MUTUAL_TLS = {
  domainName: 'mtls.example.com',
  certificateArn: 'arn:aws:acm:us-east-1:111122223333:certificate/00000000-0000-0000-0000-000000000000',
  bucketName: 'trust',
  key: 'truststore.pem',
};

export const startWorld = async (): Promise<World> => {
  await using started = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'countersign-validators-'));
  started.defer(() => rm(directory, { recursive: true, force: true }));
  const dataDirectory = join(directory, 'data');
  await mkdir(dataDirectory);
  const [certificate, otherCertificate] = [
    await makeTlsClient({ name: 'crm' }),
    await makeTlsClient({ name: 'other' }),
  ];
  const service = await startService({
    ...{ assembly: synthesizePlaces(join(directory, 'cdk.out')), stack: 'Countersign', dataDirectory, maxInstances: 1 },
    mutualTls: { truststore: `${certificate.pem}\n${otherCertificate.pem}` },
  });
  started.use(service);
  const elsewhere = started.use(await startService({ maxInstances: 1 }));
  const owner = await makePartner('billing');
  await register(service, owner);
  const keys = await ringKeys(service, dataDirectory);
  const active = (alg: string): RingKey => {
    const key = keys.find((each) => each.alg === alg);
    if (key === undefined) throw new Error(`no ${alg} key is published`);
    return key;
  };
  const running = started.move();
  return {
    ...{ service, elsewhere, owner, certificate, otherCertificate, rs256: active('RS256'), es256: active('ES256') },
    places: placesOf(service),
    dpopKey: await keyPair('ES256', 'validators'),
    otherDpopKey: await keyPair('ES256', 'validators-other'),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};

/** @returns the directory of the assembly. Nothing is cached, so that no case has to wait for what another function has read. */
const synthesizePlaces = (outdir: string): string => {
  const app = new App({ context: cdkJson.context, outdir, builtinCloudFormationValidation: false });
  const mutualTls = mutualTlsOptions(new Stack(app, 'Elsewhere'), MUTUAL_TLS);
  const { service } = deploy({ registryCacheSeconds: 0, mutualTls }, app);
  const http = service.node.findChild('Api').node.findChild('Http');
  if (!(http instanceof HttpApi)) throw new Error('the service has no HTTP API');
  for (const name of PLACE_NAMES) addPlace(http, service, name);
  app.synth();
  return outdir;
};

const addPlace = (http: HttpApi, service: TokenService, name: PlaceName): void => {
  const { realm, audience } = PLACES[name];
  const authorizer = service.authorizer({
    ...{ id: functionOf(name), audience, realm, scopes: ['read'], resourceUrl: service.issuer },
  });
  const whoami = service.node.findChild('Whoami');
  if (!(whoami instanceof EndpointFunction)) throw new Error('the service has no function to call');
  const integration = new HttpLambdaIntegration(`${functionOf(name)}Integration`, whoami.function);
  http.addRoutes({ path: `/${name}`, methods: [HttpMethod.GET], integration, authorizer: authorizer.forHttpApi() });
};

const functionOf = (name: PlaceName): string => `At${name}`;

/** A part of the name that only the authorizer of that place has. */
export const authorizerOf = ({ name }: Place): string => `Authorizers${functionOf(name)}Authorizer`;

const placesOf = ({ issuer }: Service): Readonly<Record<PlaceName, Place>> => {
  const place = (name: PlaceName): Place => {
    const prefix = PLACES[name].realm === 'default' ? '' : `/realms/${PLACES[name].realm}`;
    return { name, ...PLACES[name], prefix, issuer: `${issuer}${prefix}` };
  };
  const [home, contoso, closing] = [place('home'), place('contoso'), place('closing')];
  return {
    home,
    contoso,
    closing,
    rolling: place('rolling'),
    proving: place('proving'),
    certified: place('certified'),
  };
};

/** Below a realm, as an operator. @throws when it does not succeed. */
export const operate = async (
  { service }: { readonly service: Service },
  { realm }: Pick<Place, 'realm'>,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> => {
  const answer = await callAdmin(service, method, `/admin/realms/${realm}${path}`, body);
  if (answer.status >= 300)
    throw new Error(`${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
};

const register = async (service: MutualTlsService, owner: TestPartner): Promise<void> => {
  const places = Object.values(placesOf(service));
  for (const realm of new Set(places.map(({ realm: name }) => name))) {
    const at = (path: string, body: object) => operate({ service }, { realm }, 'POST', path, body);
    if (realm !== 'default') {
      await callAdmin(service, 'POST', '/admin/realms', { name: realm });
      await at('/keys', { algorithm: 'RS256' });
    }
    await at('/partners', { id: owner.id, jwks: { keys: [owner.publicJwk] } });
    await at('/partners', { id: 'stranger' });
    const owned = places.filter((place) => place.realm === realm).map(({ audience }) => audience);
    for (const audience of [...owned, SISTER]) await at('/audiences', { audience, owner: owner.id, scopes: SCOPES });
    await at('/audiences', { audience: STRANGER, owner: 'stranger', scopes: SCOPES });
  }
};

const SCOPES = ['read', 'write'];

let made = 0;

interface ClientWanted {
  readonly audience?: string;
  readonly scopes?: readonly string[];
  readonly tokenPolicy?: object;
}

/** A client of its own, with a grant. */
const newClient = async (world: World, place: Place, wanted: ClientWanted = {}): Promise<TestPartner> => {
  made += 1;
  const client = await makePartner(`client-${made}`);
  const { audience = place.audience, scopes = ['read'], tokenPolicy = {} } = wanted;
  await operate(world, place, 'POST', '/partners', { id: client.id, jwks: { keys: [client.publicJwk] }, tokenPolicy });
  await operate(world, place, 'POST', '/grants', { client: client.id, audience, scopes });
  return client;
};

const formOf = async (client: TestPartner, { issuer, audience }: Place, more: Readonly<Record<string, string>> = {}) =>
  tokenForm(await assertionOf(client, issuer), { resource: audience, ...more });

/** A token of a client of its own. */
export const newToken = async (
  world: World,
  place: Place,
  wanted: ClientWanted & { readonly scope?: string } = {},
): Promise<string> => {
  const client = await newClient(world, place, wanted);
  const more = {
    resource: wanted.audience ?? place.audience,
    ...(wanted.scope === undefined ? {} : { scope: wanted.scope }),
  };
  const url = new URL(`${place.prefix}/token`, world.service.deployment.url);
  const answer = await fetch(url, { method: 'POST', body: await formOf(client, place, more) });
  return tokenOf({
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Record<string, unknown>,
  });
};

export const dpopToken = async (world: World): Promise<string> => {
  const { home } = world.places;
  return tokenOf(await postWithProof(world.service, await formOf(await newClient(world, home), home), world.dpopKey));
};

export const certificateToken = async (world: World): Promise<string> => {
  const { home } = world.places;
  const client = await newClient(world, home, { tokenPolicy: { binding: 'mtls' } });
  return tokenOf(await postTokenAs(world.service, world.certificate, await formOf(client, home)));
};

/** A token of the other deployment, for the resource of the same name. */
export const tokenOfElsewhere = async ({ elsewhere }: World): Promise<string> => {
  const partners = await populate(elsewhere);
  const at = (path: string, body: object) => operate({ service: elsewhere }, { realm: 'default' }, 'POST', path, body);
  await at('/audiences', { audience: BILLING, owner: 'billing', scopes: SCOPES });
  await at('/grants', { client: 'crm', audience: BILLING, scopes: ['read'] });
  return getToken(elsewhere, { ...partners, audience: BILLING });
};

/** A token for home as the service would issue it, but for the changes, signed by one of its own keys. */
export const forge = async (
  world: World,
  claims: object = {},
  header: object = {},
  key: RingKey = world.rs256,
): Promise<string> => {
  const { home } = world.places;
  const { id } = await newClient(world, home);
  return new SignJWT({
    ...{ iss: home.issuer, aud: home.audience, sub: id, client_id: id, scope: 'read' },
    ...{ iat: seconds(), exp: seconds() + 600, jti: `forged-${id}` },
    ...claims,
  })
    .setProtectedHeader({ alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header })
    .sign(key.privateKey);
};
