/** Lambda entry: `/admin/realms/{realm}/keys...`. */

import { composeKeyManager } from './compose-keys.ts';
import { observability } from './http/observability.ts';
import { keysEndpoint } from './routes.ts';

export const handler = keysEndpoint(observability(), composeKeyManager());
