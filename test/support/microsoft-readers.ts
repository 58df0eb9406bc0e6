/**
 * Readers of `/metadata/json/1` as the products have them: no more tolerant than is documented of them, so that what they take the real
 * ones may take too.
 */

import { X509Certificate } from 'node:crypto';

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const parse = (text: string): Json => {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new Error('the document is no object');
  return value;
};

const objects = (parent: Json, name: string): readonly Json[] => {
  const value = parent[name];
  if (!Array.isArray(value) || !value.every(isObject)) throw new Error(`${name} is no list of objects`);
  return value;
};

const object = (parent: Json, name: string): Json => {
  const value = parent[name];
  if (!isObject(value)) throw new Error(`${name} is missing`);
  return value;
};

const text = (parent: Json, name: string): string => {
  const value = parent[name];
  if (typeof value !== 'string' || value === '') throw new Error(`${name} is missing`);
  return value;
};

/** `SingleOrDefault` of .NET: none is nothing, two are an exception. */
const singleOrDefault = <Item>(items: readonly Item[]): Item | undefined => {
  if (items.length > 1) throw new Error('Sequence contains more than one matching element');
  return items[0];
};

/** The token helper of SharePoint add-ins: the first key is the certificate, and there is one endpoint of the protocol or none. */
export const readAsSharePointHelper = (document: string) => {
  const parsed = parse(document);
  const [first] = objects(parsed, 'keys');
  const endpoint = singleOrDefault(objects(parsed, 'endpoints').filter(({ protocol }) => protocol === 'OAuth2'));
  if (first === undefined || endpoint === undefined)
    throw new Error('Metadata document does not contain what is needed');
  const keyValue = isObject(first.keyValue) ? first.keyValue : object(first, 'keyvalue');
  return { certificate: text(keyValue, 'value'), tokenEndpoint: text(endpoint, 'location') };
};

/** An import that keeps every key, by the thumbprint of its certificate, for as long as the certificate is good. */
export const readAsExchange = (document: string) => {
  const parsed = parse(document);
  const [applicationIdentifier, realm, issuer] = [
    text(parsed, 'serviceName'),
    text(parsed, 'realm'),
    text(parsed, 'issuer'),
  ];
  if (!/^_[0-9a-f-]{36}$/.test(text(parsed, 'id')) || text(parsed, 'version') !== '1.0')
    throw new Error('not that format');
  if (issuer !== `${applicationIdentifier}@${realm}`) throw new Error('the issuer is not <application>@<realm>');
  const audiences = parsed.allowedAudiences;
  if (!Array.isArray(audiences) || !audiences.includes(issuer)) throw new Error('it does not accept its own tokens');
  const certificates = new Map<string, X509Certificate>();
  for (const key of objects(parsed, 'keys')) {
    const value = object(key, 'keyvalue');
    if (text(key, 'usage') !== 'signing' || text(value, 'type') !== 'x509Certificate')
      throw new Error('not a signing key');
    const certificate = new X509Certificate(Buffer.from(text(value, 'value'), 'base64'));
    const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
    const isStrong = asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2_048;
    if (!isStrong) throw new Error('not an RSA key of 2048 bits or more');
    const x5t = Buffer.from(certificate.fingerprint.replaceAll(':', ''), 'hex').toString('base64url');
    if (text(object(key, 'keyinfo'), 'x5t') !== x5t) throw new Error('the thumbprint is another');
    certificates.set(x5t, certificate);
  }
  return { applicationIdentifier, realm, issuer, certificates };
};
