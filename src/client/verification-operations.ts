import type { Operation } from './operation.ts';
import * as readiness from './schemas/readiness.ts';
import * as verifications from './schemas/verifications.ts';

/** Attacking the installation on purpose, and what can be shown of it. Part of the contract. */
export const verificationOperations = {
  startVerification: {
    method: 'POST',
    path: '/v1/verifications',
    plane: 'operator',
    tag: 'Verification',
    summary: 'Attack the installation, prove its databases, and keep what came of it',
    body: verifications.VerifyBody,
    status: 201,
    response: verifications.VerificationView,
    errors: ['operation_in_progress', 'tenant_not_found', 'value_invalid'],
  },
  listVerifications: {
    method: 'GET',
    path: '/v1/verifications',
    plane: 'operator',
    tag: 'Verification',
    summary: 'List verifications, the newest first',
    status: 200,
    response: verifications.VerificationListView,
    errors: [],
  },
  getVerification: {
    method: 'GET',
    path: '/v1/verifications/{verification}',
    plane: 'operator',
    tag: 'Verification',
    summary: 'Show how far a verification is, and its report when it is done',
    status: 200,
    response: verifications.VerificationDetailView,
    errors: ['not_found'],
  },
  getEvidence: {
    method: 'GET',
    path: '/v1/verifications/{verification}/evidence',
    plane: 'operator',
    tag: 'Verification',
    summary: 'The report of a verification as signed evidence',
    query: verifications.EvidenceQuery,
    status: 200,
    response: verifications.EvidenceView,
    errors: ['not_found', 'transition_refused'],
  },
  getEvidenceKey: {
    method: 'GET',
    path: '/v1/evidence-key',
    plane: 'operator',
    tag: 'Verification',
    summary: 'The public key that evidence is signed with',
    status: 200,
    response: verifications.EvidenceKeyView,
    errors: [],
  },
  getReadiness: {
    method: 'GET',
    path: '/v1/readiness',
    plane: 'operator',
    tag: 'Verification',
    summary: 'Readiness and security checks, each looked at now, and key metrics',
    status: 200,
    response: readiness.ReadinessView,
    errors: [],
  },
} as const satisfies Record<string, Operation>;
