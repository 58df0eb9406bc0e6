/** Lambda entry: keys and metadata of every realm. */

import { composePublisher } from './compose.ts';
import { observability } from './http/observability.ts';
import { discoveryRoute } from './routes.ts';

export const handler = discoveryRoute(observability(), composePublisher());
