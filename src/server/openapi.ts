import { z } from 'zod';
import { contract } from '../client/contract.ts';
import { commonErrors, repeatErrors } from '../client/operation.ts';
import type { Operation } from '../client/operation.ts';
import { ProblemBody } from '../client/schemas/common.ts';
import { HealthView } from '../client/schemas/health.ts';
import { errorTable } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';

type Json = Readonly<Record<string, unknown>>;

const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/**
 * OpenAPI 3.1 of every operation, from the schemas that validate.
 * @param withPathHint whether tenants may also be named in the path
 */
export function toOpenApi(version: string, withPathHint: boolean): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [id, operation] of Object.entries<Operation>(contract))
    (paths[operation.path] ??= {})[operation.method.toLowerCase()] = toOperation(id, operation, []);
  if (withPathHint)
    for (const [id, operation] of Object.entries<Operation>(contract).filter(
      ([, { plane }]) => plane === 'tenant',
    ))
      (paths[`/api/tenants/{tenant}${operation.path}`] ??= {})[operation.method.toLowerCase()] = toOperation(
        `${id}Of`,
        operation,
        ['tenant'],
      );
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'Bulkhead',
      version,
      description:
        'Keeps the tenants of an AI product apart. Errors are RFC 9457 problems; what a credential may not see is answered like what never was.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [...new Set(Object.values(contract).map(({ tag }) => tag))].map((name) => ({ name })),
    paths: { ...paths, ...publicPaths },
    components: {
      schemas: toComponents(),
      securitySchemes: {
        operatorToken: { type: 'http', scheme: 'bearer', description: 'The operator token, `bho_…`.' },
        apiKey: { type: 'http', scheme: 'bearer', description: 'An API key of a tenant, `bh_…`.' },
        apiKeyHeader: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The same key.' },
      },
    },
  };
}

const anyBytes: Json = { '*/*': { schema: { type: 'string', format: 'binary' } } };

function toOperation(id: string, operation: Operation, extraParameters: readonly string[]): Json {
  const named = [...operation.path.matchAll(/\{(\w+)\}/g)].flatMap(([, name]) => name ?? []);
  const parameters = [
    ...[...extraParameters, ...named].map((name) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
      description: name === 'tenant' ? 'Id or slug.' : undefined,
    })),
    ...toQueryParameters(operation.query),
    ...(operation.repeats === undefined ? [] : [idempotencyKey]),
  ];
  return {
    operationId: id,
    tags: [operation.tag],
    summary: operation.summary,
    security:
      operation.plane === 'operator' ? [{ operatorToken: [] }] : [{ apiKey: [] }, { apiKeyHeader: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(operation.body === undefined
      ? {}
      : {
          requestBody: {
            required: !operation.body.safeParse({}).success,
            content: { 'application/json': { schema: toReference(operation.body) } },
          },
        }),
    ...(operation.bytes === 'upload' ? { requestBody: { required: false, content: anyBytes } } : {}),
    responses: { [operation.status]: toSuccess(operation), ...toErrors(operation) },
  };
}

const idempotencyKey: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: { type: 'string', maxLength: 257 },
  description: 'A name of your own for this request, so that sending it again does it once. Kept for a day.',
};

function toSuccess({ response, bytes, formats = {} }: Operation): Json {
  if (bytes === 'download') return { description: 'The content', content: anyBytes };
  if (bytes === 'events')
    return { description: 'Events', content: { 'text/event-stream': { schema: { type: 'string' } } } };
  return response === undefined
    ? { description: 'Done' }
    : {
        description: 'OK',
        content: {
          'application/json': { schema: toReference(response) },
          ...Object.fromEntries(
            Object.values(formats).map((media) => [media, { schema: { type: 'string' } }]),
          ),
        },
      };
}

/** Errors by status, with the codes that tell them apart. */
function toErrors({ plane, errors, repeats }: Pick<Operation, 'plane' | 'errors' | 'repeats'>): Json {
  const ofRepeating: readonly ErrorCode[] = repeats === undefined ? [] : repeatErrors;
  const codes: readonly ErrorCode[] = [
    ...new Set<ErrorCode>([...commonErrors[plane], ...errors, ...ofRepeating]),
  ];
  const byStatus = Map.groupBy(codes, (code) => errorTable[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, members]) => [
      status,
      {
        description: members.map((code) => `\`${code}\`: ${errorTable[code].title}`).join(' · '),
        content: { 'application/problem+json': { schema: reference('Problem') } },
      },
    ]),
  );
}

function toQueryParameters(query: z.ZodType | undefined): readonly Json[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(query) as {
    properties?: Record<string, Json>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name) && !('default' in schema),
    description: schema['description'],
    schema,
  }));
}

/** Every schema of the contract has a name: that of the operation that first uses it. */
function namedSchemas(): ReadonlyMap<z.ZodType, { readonly name: string; readonly io: 'input' | 'output' }> {
  const named = new Map<z.ZodType, { name: string; io: 'input' | 'output' }>([
    [ProblemBody, { name: 'Problem', io: 'output' }],
    [HealthView, { name: 'Health', io: 'output' }],
  ]);
  for (const [id, { body, response }] of Object.entries<Operation>(contract)) {
    const name = id.charAt(0).toUpperCase() + id.slice(1);
    if (body !== undefined && !named.has(body)) named.set(body, { name: `${name}Body`, io: 'input' });
    if (response !== undefined && !named.has(response))
      named.set(response, { name: `${name}Result`, io: 'output' });
  }
  return named;
}

const schemaNames = namedSchemas();

function toReference(schema: z.ZodType): Json {
  return reference(schemaNames.get(schema)?.name ?? 'Problem');
}

function toComponents(): Json {
  return Object.fromEntries(
    [...schemaNames].map(([schema, { name, io }]) => {
      const { $schema: _, ...json } = z.toJSONSchema(schema, { io });
      return [name, json];
    }),
  );
}

const json = (schema: Json): Json => ({ 'application/json': { schema } });

const signedParameters: readonly Json[] = [
  ...['tenant', 'object'].map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
  ...['expires', 'signature'].map((name) => ({
    name,
    in: 'query',
    required: true,
    schema: { type: 'string' },
  })),
  ...['name', 'type', 'max'].map((name) => ({
    name,
    in: 'query',
    required: false,
    schema: { type: 'string' },
  })),
];

const signedErrors: Json = toErrors({
  plane: 'operator',
  errors: [
    'signature_refused',
    'tenant_inactive',
    'not_found',
    'value_invalid',
    'quota_exceeded',
    'operation_in_progress',
    'registry_stale',
  ],
});

const publicPaths: Json = {
  '/v1/objects/signed/{tenant}/{object}': {
    get: {
      operationId: 'readSignedObject',
      tags: ['Objects'],
      summary: 'Read an object by a signed URL, as `POST /v1/objects/urls` gave it',
      security: [],
      parameters: signedParameters,
      responses: { 200: { description: 'The content', content: anyBytes }, ...signedErrors },
    },
    put: {
      operationId: 'writeSignedObject',
      tags: ['Objects'],
      summary: 'Write an object by a signed URL',
      security: [],
      parameters: signedParameters,
      requestBody: { required: false, content: anyBytes },
      responses: {
        200: { description: 'OK', content: json(reference('PutObjectResult')) },
        ...signedErrors,
      },
    },
  },
  '/health/live': {
    get: {
      operationId: 'live',
      tags: ['Health'],
      summary: 'Whether the process runs',
      security: [],
      responses: { 200: { description: 'It does', content: json(reference('Health')) } },
    },
  },
  '/health/ready': {
    get: {
      operationId: 'ready',
      tags: ['Health'],
      summary: 'Whether it can serve, and which part cannot',
      security: [],
      responses: {
        200: { description: 'Ready', content: json(reference('Health')) },
        503: { description: 'Not ready', content: json(reference('Health')) },
      },
    },
  },
  '/metrics/tenants': {
    get: {
      operationId: 'tenantMetrics',
      tags: ['Health'],
      summary:
        'Requests, latency and availability by tenant, of the busiest ones, in Prometheus’ text format',
      security: [{ operatorToken: [] }],
      responses: {
        200: { description: 'OK', content: { 'text/plain': { schema: { type: 'string' } } } },
        401: {
          description: '`unauthenticated`: A valid credential is needed',
          content: { 'application/problem+json': { schema: reference('Problem') } },
        },
      },
    },
  },
  '/metrics': {
    get: {
      operationId: 'metrics',
      tags: ['Health'],
      summary: 'Metrics in Prometheus’ text format',
      security: [],
      responses: { 200: { description: 'OK', content: { 'text/plain': { schema: { type: 'string' } } } } },
    },
  },
};
