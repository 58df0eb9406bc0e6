/** What stands in the body of an update of a registration beside the metadata (RFC 7592 2.2). */

import { refuseMetadata } from './client-metadata.ts';
import { isJsonObject } from './json-object.ts';

/** Members of the answer that the client must not send back. There is no client secret that could be sent. */
const ANSWERED_ONLY = [
  'registration_access_token',
  'registration_client_uri',
  'client_secret_expires_at',
  'client_id_issued_at',
  'client_secret',
] as const;

/** @param body parsed JSON. */
export const updateProblem = (body: unknown, client: string): ReturnType<typeof refuseMetadata> | undefined => {
  if (!isJsonObject(body)) return undefined;
  const surplus = ANSWERED_ONLY.find((name) => body[name] !== undefined);
  if (surplus !== undefined) return refuseMetadata(`/${surplus}: not a part of what a client says (RFC 7592 2.2)`);
  return body.client_id === client ? undefined : refuseMetadata('/client_id: has to be that of the client');
};
