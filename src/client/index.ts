/** A typed client of the HTTP API: `bulkhead/client`. Runs in Node and in browsers; imports no package. */
export { createClient } from './create-client.ts';
export type { BulkheadClient } from './create-client.ts';
export { BulkheadHttpError, isBulkheadHttpError } from './http-error.ts';
export type { HttpErrorFacts } from './http-error.ts';
export type { CallInput, CallOptions, ClientOptions, Transport } from './transport.ts';
export type { Contract, Input, JsonOperationName, OperationName, OperationOf, Output } from './contract.ts';
export type * from './schemas/documents.ts';
export type * from './schemas/keys.ts';
export type * from './schemas/platform.ts';
export type * from './schemas/tenants.ts';
