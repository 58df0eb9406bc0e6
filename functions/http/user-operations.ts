/** The operations of the admin API on users. */

import * as answers from './admin-answers.ts';
import { NO_QUERY, operation } from './admin-operation.ts';
import * as takes from './admin-schemas.ts';

const REALM = '/realms/{realm}';
const USER = `${REALM}/users/{id}`;

export const USERS = {
  list: operation({
    id: 'listUsers',
    method: 'GET',
    path: `${REALM}/users`,
    summary: 'List the users of a realm that servers of the Microsoft profile speak of',
    query: takes.pageSchema,
    answer: answers.usersAnswer,
  }),
  show: operation({
    id: 'showUser',
    method: 'GET',
    path: USER,
    summary: 'Show a user',
    query: NO_QUERY,
    answer: answers.userAnswer,
  }),
  declare: operation({
    id: 'declareUser',
    method: 'PUT',
    path: USER,
    summary: 'Make a user exactly what is said, whether or not it exists',
    query: NO_QUERY,
    body: takes.userSchema,
    answer: answers.userAnswer,
    creates: true,
  }),
  remove: operation({
    id: 'removeUser',
    method: 'DELETE',
    path: USER,
    summary: 'Remove a user',
    query: NO_QUERY,
  }),
} as const;
