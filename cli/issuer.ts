/**
 * The realm as an OAuth client sees it: its issuer name and where its token endpoint and keys are (RFC 8414).
 */
import { z } from 'zod';
import { misuse, refused } from './failure.ts';
import { send } from './http.ts';
import { DEFAULT_REALM, isProtected, parseBaseUrl, requireEndpoint, type Settings } from './settings.ts';

const WELL_KNOWN = '/.well-known/oauth-authorization-server';

/** A URL that nothing is given away to on the way. */
export const endpointUrl = z.string().refine((text) => URL.canParse(text) && isProtected(new URL(text)));
const metadata = z.looseObject({
  issuer: z.string(),
  token_endpoint: endpointUrl,
  jwks_uri: endpointUrl,
  /** RFC 7591 section 3 */
  registration_endpoint: endpointUrl.optional(),
  /** RFC 8705 section 5 */
  mtls_endpoint_aliases: z.looseObject({ token_endpoint: endpointUrl.optional() }).optional(),
});
export type Issuer = z.infer<typeof metadata>;

/**
 * Reads and checks the metadata of the realm.
 * @param expected issuer URL, where it is not simply the endpoint's.
 * @param ca PEM of a CA that is trusted beside the usual ones.
 * @throws Failure: 1 when the metadata names another issuer or lacks an endpoint, 2 without endpoint, 3 when unreachable.
 */
export async function discoverIssuer(settings: Settings, expected: string | undefined, ca?: string): Promise<Issuer> {
  if (expected !== undefined) parseBaseUrl(expected, 'the issuer');
  const url = metadataUrl(settings, expected);
  const trust = ca === undefined ? {} : { tls: { ca } };
  const answer = await send(async () => ({ method: 'GET', url, headers: { accept: 'application/json' }, ...trust }));
  if (answer.status !== 200) throw refused(`no metadata at ${url.href} (HTTP ${answer.status}): is the realm right?`);
  const parsed = metadata.safeParse(answer.json);
  if (!parsed.success) {
    const member = parsed.error.issues[0]?.path.join('/') || 'body';
    throw refused(`the metadata at ${url.href} is not usable (${member})`);
  }
  const issuer = expected ?? realmUrl(settings);
  // RFC 8414 section 3.3. Else a false service could have assertions made out to the issuer that it impersonates.
  if (parsed.data.issuer !== issuer) {
    throw refused(`the service calls itself ${parsed.data.issuer}, not ${issuer}; if that is right, pass --issuer`);
  }
  return parsed.data;
}

function realmUrl(settings: Settings): string {
  const endpoint = requireEndpoint(settings);
  return settings.realm === DEFAULT_REALM ? endpoint : `${endpoint}/realms/${encodeURIComponent(settings.realm)}`;
}

function metadataUrl(settings: Settings, issuer: string | undefined): URL {
  const { endpoint, realm } = settings;
  if (endpoint === undefined && issuer === undefined) throw misuse('no endpoint: pass --endpoint URL or --issuer URL');
  // RFC 8414 section 3.1: the well-known path goes between the host and the issuer's own path.
  if (endpoint === undefined) {
    const { origin, pathname } = new URL(issuer ?? '');
    return new URL(origin + WELL_KNOWN + pathname.replace(/\/+$/, ''));
  }
  const suffix = realm === DEFAULT_REALM ? '' : `/realms/${encodeURIComponent(realm)}`;
  return new URL(endpoint + WELL_KNOWN + suffix);
}
