/** The request path for applications of your own: `bulkhead/middleware`. */
export { expressBulkhead } from './middleware/express.ts';
export { fastifyBulkhead } from './middleware/fastify.ts';
export { honoBulkhead } from './middleware/hono.ts';
export { defaultPublicPaths } from './middleware/door.ts';
export type { DoorNode, DoorOptions, TurnedAway } from './middleware/door.ts';
export { scopeOf } from './middleware/entries.ts';
export type { ServiceReceiver } from './service-strategy.ts';
export { toProblem } from './problem.ts';
export type { FieldProblem, Problem, ProblemResponse } from './problem.ts';
export { maxUncheckedMs, watchStanding, whileStanding } from './recheck.ts';
