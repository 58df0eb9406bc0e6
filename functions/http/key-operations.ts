/** Operations of the admin API on signing keys and their certificates. */

import * as answers from './admin-answers.ts';
import { NO_QUERY, operation } from './admin-operation.ts';
import * as takes from './admin-schemas.ts';

const RING = '/realms/{realm}/keys';
const KEY = `${RING}/{kid}`;

export const KEYS = {
  list: operation({
    id: 'listKeys',
    method: 'GET',
    path: RING,
    summary: 'List the signing keys of a realm, ring by ring',
    query: NO_QUERY,
    answer: answers.ringsAnswer,
  }),
  add: operation({
    id: 'addKeyRing',
    method: 'POST',
    path: RING,
    summary: 'Add a ring of another algorithm',
    query: NO_QUERY,
    body: takes.ringCommandSchema,
    answer: answers.ringAnswer,
  }),
  rotate: operation({
    id: 'rotateKey',
    method: 'POST',
    path: `${RING}/rotate`,
    summary: 'Rotate a ring now, or at a time that is agreed on',
    query: NO_QUERY,
    body: takes.rotationSchema,
    answer: answers.ringAnswer,
  }),
  revoke: operation({
    id: 'revokeKey',
    method: 'POST',
    path: `${KEY}/revoke`,
    summary: 'Revoke a signing key',
    query: NO_QUERY,
    body: takes.revocationSchema,
    answer: answers.revocationAnswer,
  }),
  hold: operation({
    id: 'holdKey',
    method: 'POST',
    path: `${KEY}/hold`,
    summary: 'Keep a key from being retired and deleted',
    query: NO_QUERY,
    answer: answers.ringAnswer,
  }),
  release: operation({
    id: 'releaseKey',
    method: 'POST',
    path: `${KEY}/release`,
    summary: 'Let a held key go on',
    query: NO_QUERY,
    answer: answers.ringAnswer,
  }),
  selfSign: operation({
    id: 'selfSignCertificate',
    method: 'POST',
    path: `${KEY}/certificate/self-signed`,
    summary: 'Give a key a self-signed certificate',
    query: NO_QUERY,
    body: takes.selfSignedSchema,
    answer: answers.certificateAnswer,
  }),
  requestCertificate: operation({
    id: 'requestCertificate',
    method: 'POST',
    path: `${KEY}/certificate/csr`,
    summary: 'Make a certificate signing request',
    query: NO_QUERY,
    body: takes.signingRequestSchema,
    answer: answers.signingRequestAnswer,
  }),
  importCertificate: operation({
    id: 'importCertificate',
    method: 'PUT',
    path: `${KEY}/certificate`,
    summary: 'Import the certificate chain that a CA has issued',
    query: NO_QUERY,
    body: takes.certificateImportSchema,
    answer: answers.certificateAnswer,
  }),
} as const;
