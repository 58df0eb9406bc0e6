/**
 * Dynamic registration from the side of the partner's own people: RFC 7591 with the token that an operator gave them, RFC
 * 7592 with the one that they got for it. Neither token is ever printed.
 */
import { z } from 'zod';
import { refused } from './failure.ts';
import { type Answer, type Outgoing, send } from './http.ts';
import { type Io, inputName, readInput } from './io.ts';
import { endpointUrl, type Issuer } from './issuer.ts';
import { parseShape } from './json-file.ts';
import { describeOAuthRefusal } from './oauth-refusal.ts';

/** Client metadata by their names on the wire (RFC 7591 section 2). */
export type ClientMetadata = Readonly<Record<string, unknown>>;

/** RFC 7592 section 3. The service says these two once, or again when it has made new ones. */
const information = z.looseObject({
  client_id: z.string(),
  registration_access_token: z.string().min(1).optional(),
  registration_client_uri: endpointUrl.optional(),
});
type Information = z.infer<typeof information>;

const registrationFile = z.looseObject({
  issuer: z.string(),
  client_id: z.string(),
  registration_client_uri: endpointUrl,
  registration_access_token: z.string().min(1),
});
/** What is kept between two calls. */
export type RegistrationFile = z.infer<typeof registrationFile>;

/** What the service says of a client, and what to keep. */
export interface Registered {
  readonly metadata: ClientMetadata;
  readonly file: RegistrationFile;
}

export const registrationText = ({ file }: Registered): string => `${JSON.stringify(file, null, 2)}\n`;

/** @throws Failure (2) for a file that `register` has not written. */
export const readRegistration = async (io: Io, path: string): Promise<RegistrationFile> =>
  parseShape(registrationFile, await readInput(io, path), inputName(path), 'what countersign register has written');

/**
 * RFC 7591 section 3.
 * @throws Failure: 1 when it is refused, 3 when the endpoint cannot be reached.
 */
export async function register(issuer: Issuer, token: string, metadata: ClientMetadata): Promise<Registered> {
  const { registration_endpoint: url } = issuer;
  if (url === undefined)
    throw refused(`${issuer.issuer} takes no registrations: its metadata name no endpoint for them`);
  const found = await exchange('POST', url, token, metadata);
  const { registration_access_token: kept, registration_client_uri: place } = found;
  if (kept === undefined || place === undefined) {
    throw refused(`${found.client_id} is registered, but the service gave no means to change it (RFC 7592)`);
  }
  const { client_id } = found;
  const file = { issuer: issuer.issuer, client_id, registration_client_uri: place, registration_access_token: kept };
  return { metadata: shown(found), file };
}

/** RFC 7592 section 2.1. */
export const readClient = (file: RegistrationFile): Promise<Registered> => manage('GET', file);

/** RFC 7592 section 2.2: the metadata take the place of all that was said before. */
export const updateClient = (file: RegistrationFile, metadata: ClientMetadata): Promise<Registered> =>
  manage('PUT', file, { ...metadata, client_id: file.client_id });

/** RFC 7592 section 2.3. */
export async function removeClient({
  registration_client_uri: url,
  registration_access_token: token,
}: RegistrationFile) {
  const answer = await send(async () => outgoing('DELETE', url, token));
  if (answer.status !== 204) throw describeOAuthRefusal(answer, 'the registration endpoint', 'having removed anything');
}

async function manage(method: 'GET' | 'PUT', file: RegistrationFile, metadata?: ClientMetadata): Promise<Registered> {
  const { registration_client_uri: url, registration_access_token: token } = file;
  const found = await exchange(method, url, token, metadata);
  const renewed = { registration_client_uri: found.registration_client_uri ?? url };
  const kept = { registration_access_token: found.registration_access_token ?? token };
  return { metadata: shown(found), file: { ...file, ...renewed, ...kept } };
}

async function exchange(method: string, url: string, token: string, body?: ClientMetadata): Promise<Information> {
  const answer = await send(async () => outgoing(method, url, token, body));
  const parsed = information.safeParse(answer.json);
  if (!isDone(answer) || !parsed.success) throw describeOAuthRefusal(answer, 'the registration endpoint', 'a client');
  return parsed.data;
}

const isDone = ({ status }: Answer): boolean => status === 200 || status === 201;

const outgoing = (method: string, url: string, token: string, body?: ClientMetadata): Outgoing => ({
  method,
  url: new URL(url),
  headers: {
    accept: 'application/json',
    authorization: `Bearer ${token}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
});

/** RFC 7592 section 2.2: none of them is sent back, and the token is nobody's to see. */
const ANSWERED_ONLY = [
  'registration_access_token',
  'registration_client_uri',
  'client_secret',
  'client_secret_expires_at',
  'client_id_issued_at',
];

const shown = (found: Information): ClientMetadata =>
  Object.fromEntries(Object.entries(found).filter(([name]) => !ANSWERED_ONLY.includes(name)));
