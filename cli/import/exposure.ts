/**
 * Private keys and secrets that an export holds, wherever they are. They are never carried over: of each only the place is
 * told, as a JSON pointer (RFC 6901), so that its owner can treat it as exposed.
 */
import { parseJson } from '../http.ts';
import { holdsPrivateJwk, holdsPrivatePem, isObject } from '../key-material.ts';

export interface Exposure {
  /** Places of private or symmetric keys. */
  readonly privateKeys: readonly string[];
  /** Places of client secrets and the like. */
  readonly secrets: readonly string[];
}

const PRIVATE_KEY_NAME = /private[._-]?key$/i;
const SECRET_NAME = /(?:^|[._-]|client)secret$/i;
/** What Keycloak's admin console writes in place of a secret. */
const MASKED = /^\**$/;

/** @param value anything that was parsed from JSON or YAML; aliases of YAML may even make it a circle. */
export const findExposure = (value: unknown): Exposure => {
  const found = { privateKeys: [] as string[], secrets: [] as string[] };
  const seen = new WeakSet<object>();
  const visit = (current: unknown, pointer: string, name: string): void => {
    if (typeof current === 'string') visitText(current, pointer, name);
    if (typeof current !== 'object' || current === null || seen.has(current)) return;
    seen.add(current);
    if (isObject(current) && typeof current.kty === 'string' && holdsPrivateJwk(current)) {
      found.privateKeys.push(pointer);
      return;
    }
    // The members of a list go by the list's name: Keycloak writes `"privateKey": ["..."]`.
    for (const [member, inner] of Object.entries(current)) {
      visit(inner, `${pointer}/${pointerToken(member)}`, Array.isArray(current) ? name : member);
    }
  };
  const visitText = (text: string, pointer: string, name: string): void => {
    if (MASKED.test(text)) return;
    if (holdsPrivatePem(text) || PRIVATE_KEY_NAME.test(name)) found.privateKeys.push(pointer);
    else if (SECRET_NAME.test(name)) found.secrets.push(pointer);
    else if (text.includes('"kty"')) visit(parseJson(text), pointer, name);
  };
  visit(value, '', '');
  return found;
};

const pointerToken = (name: string): string => name.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1');
