/** The HTTP server: `bulkhead/server`. */
export { createServer } from './server.ts';
export type { BulkheadServer, ServerOptions } from './server.ts';
export { createLogger } from './logging.ts';
export type { Logger } from './logging.ts';
export { openVerifications } from './open-verifications.ts';
