/** Lambda entry: dynamic registration, `POST /register` and `/register/{id}`, of every realm. */

import { composeRegistrar } from './compose.ts';
import { observability } from './http/observability.ts';
import { registrationRoute } from './routes.ts';

export const handler = registrationRoute(observability(), composeRegistrar());
