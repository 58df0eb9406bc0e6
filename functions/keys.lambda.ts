/** Lambda entry: `/admin/realms/{realm}/keys...`. */

import { composeKeyManager } from './compose.ts';
import { observability } from './http/observability.ts';
import { keysEndpoint } from './routes.ts';

const { manage, certificates, realms } = composeKeyManager();

export const handler = keysEndpoint(observability(), manage, certificates, realms);
