/** Lambda entry: `GET /jwks` and `GET /.well-known/...`. */

import { composePublisher } from './compose.ts';
import { observability } from './http/observability.ts';
import { discoveryRoute } from './routes.ts';

export const handler = discoveryRoute(observability(), composePublisher());
