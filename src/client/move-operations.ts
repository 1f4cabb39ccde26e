import type { Operation } from './operation.ts';
import * as moves from './schemas/moves.ts';

/** What is done to move a tenant. Part of the contract. */
export const moveOperations = {
  moveTenant: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/move',
    plane: 'operator',
    tag: 'Moves',
    summary: 'Move a tenant to another isolation or server while it works',
    body: moves.MoveBody,
    status: 200,
    response: moves.MoveView,
    errors: ['tenant_not_found', 'transition_refused', 'operation_in_progress', 'isolation_unavailable'],
  },
  getMove: {
    method: 'GET',
    path: '/v1/tenants/{tenant}/move',
    plane: 'operator',
    tag: 'Moves',
    summary: 'Show what the last move of a tenant has come to',
    status: 200,
    response: moves.MoveView,
    errors: ['tenant_not_found'],
  },
  confirmMove: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/move/confirm',
    plane: 'operator',
    tag: 'Moves',
    summary: 'Erase what a move has left at the place before',
    status: 200,
    response: moves.MoveView,
    errors: ['tenant_not_found', 'transition_refused', 'operation_in_progress', 'compartment_unreachable'],
  },
  rollBackMove: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/move/rollback',
    plane: 'operator',
    tag: 'Moves',
    summary: 'Take an unconfirmed move back, with all that was written since',
    status: 200,
    response: moves.MoveView,
    errors: ['tenant_not_found', 'transition_refused', 'operation_in_progress', 'compartment_unreachable'],
  },
  cancelMove: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/move/cancel',
    plane: 'operator',
    tag: 'Moves',
    summary: 'Ask a running move to stop',
    status: 200,
    response: moves.MoveView,
    errors: ['tenant_not_found', 'transition_refused'],
  },
} as const satisfies Record<string, Operation>;
