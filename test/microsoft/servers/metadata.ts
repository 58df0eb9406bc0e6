/** `metadata/json/1`: as each product publishes it, and as each reads that of others, with the weaknesses that its reader has. */

import { randomUUID } from 'node:crypto';
import { type ServerCertificate, thumbprintOf } from './certificates.ts';
import type { Product, ProductName } from './names.ts';

interface Published {
  readonly product: ProductName;
  readonly realm: string;
  /** Of the document itself. */
  readonly url: string;
  readonly certificates: readonly ServerCertificate[];
}

/** As JSON text: SharePoint's serializer escapes every slash. */
export const publish = ({ app, title }: Product, { product, realm, url, certificates }: Published): string => {
  const issuer = `${app}@${realm}`;
  if (product === 'sharepoint') {
    const keys = certificates.map(({ value }) => ({ usage: 'Signing', keyValue: { type: 'x509certificate', value } }));
    return JSON.stringify({ name: app, serviceName: app, issuer, keys }).replaceAll('/', '\\/');
  }
  return JSON.stringify({
    ...{ id: `_${randomUUID()}`, version: '1.0', name: title, realm, serviceName: app, issuer },
    allowedAudiences: [issuer],
    keys: certificates.map(({ x5t, value }) => ({
      usage: 'signing',
      keyinfo: { x5t },
      keyvalue: { type: 'x509Certificate', value },
    })),
    endpoints: [{ location: url, protocol: 'OAuth2', usage: 'metadata' }],
  });
};

/** ACS has the thumbprint within the value, and three endpoints. */
export const publishSts = (
  app: string,
  realm: string,
  origin: string,
  certificates: readonly ServerCertificate[],
): string =>
  JSON.stringify({
    ...{ version: '1.0', name: 'ACS', realm, serviceName: app, issuer: `${app}@${realm}` },
    allowedAudiences: [`${app}@${realm}`],
    keys: certificates.map(({ x5t, value }) => ({
      usage: 'Signing',
      keyValue: { type: 'x509Certificate', value, keyInfo: { x5t } },
    })),
    endpoints: [
      { location: `${origin}/tokens/OAuth/2`, protocol: 'OAuth2', usage: 'issuance' },
      { location: `${origin}/consent`, protocol: 'DelegationIssuance1.0', usage: 'issuance' },
      { location: `${origin}/management`, protocol: 'DelegationManagement1.0', usage: 'management' },
    ],
  });

export interface TrustDocument {
  readonly issuer: string;
  /** Certificates, base64 DER, by their thumbprints. */
  readonly keys: ReadonlyMap<string, string>;
  /** Where tokens are to be had; absent: the publisher signs its own. */
  readonly tokenEndpoint?: string;
}

interface Key {
  readonly usage?: string;
  readonly keyvalue?: KeyValue;
  readonly keyValue?: KeyValue;
}
interface KeyValue {
  readonly type?: string;
  readonly value?: string;
}
interface Endpoint {
  readonly location?: string;
  readonly protocol?: string;
  readonly usage?: string;
}

/** @throws Error, as the commands do that register a partner: "not a valid metadata document". */
export const readDocument = (reader: ProductName, text: string): TrustDocument => {
  const document = JSON.parse(text) as { issuer?: string; keys?: readonly Key[]; endpoints?: readonly Endpoint[] };
  const { issuer, keys = [], endpoints = [] } = document;
  // The helper of SharePoint takes the first key for the only one.
  const seen = reader === 'sharepoint' ? keys.slice(0, 1) : keys;
  const values = seen.flatMap(certificateOf);
  if (issuer === undefined || values.length === 0) throw new Error('not a valid metadata document');
  const endpoint = singleOrDefault(endpoints.filter(({ protocol }) => protocol === 'OAuth2'));
  return {
    issuer,
    keys: new Map(values.map((value) => [thumbprintOf(value), value])),
    ...(endpoint?.usage === 'issuance' && endpoint.location !== undefined ? { tokenEndpoint: endpoint.location } : {}),
  };
};

const certificateOf = ({ usage, keyvalue, keyValue }: Key): readonly string[] => {
  const { type, value } = keyvalue ?? keyValue ?? {};
  const isOne = usage?.toLowerCase() === 'signing' && type?.toLowerCase() === 'x509certificate';
  return isOne && value !== undefined ? [value] : [];
};

/** `SingleOrDefault`: nothing, the one there is, or an exception. */
const singleOrDefault = <Value>(values: readonly Value[]): Value | undefined => {
  if (values.length > 1) throw new Error('Sequence contains more than one matching element');
  return values[0];
};
