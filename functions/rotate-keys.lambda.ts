/** Lambda entry: the rotation schedule and the deploy-time trigger. */

import { composeRotator } from './compose-keys.ts';
import { observability } from './http/observability.ts';
import { rotateKeysRoute } from './routes.ts';

export const handler = rotateKeysRoute(observability(), composeRotator());
