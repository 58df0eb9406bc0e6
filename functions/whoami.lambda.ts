/** Lambda entry: `GET /whoami`, behind the authorizer. */

import { observability } from './http/observability.ts';
import { whoamiRoute } from './routes.ts';

export const handler = whoamiRoute(observability());
