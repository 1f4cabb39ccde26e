import { z } from 'zod';

/** The part of an OpenAPI document that answers are checked against. */
export interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

export interface DescribedOperation {
  readonly operationId: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: unknown }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: unknown }>> }>
  >;
}

/** One answer as it came. */
export interface Answer {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: unknown;
}

export interface Described {
  /** @returns what is wrong with the answer, by the description of its operation; empty where nothing is */
  problemsOf(answer: Answer): readonly string[];
}

export function describedBy(api: OpenApi): Described {
  const defs = toDefs(api.components.schemas);
  const schemas = new Map<string, z.ZodType>();
  const schemaOf = (schema: unknown): z.ZodType => {
    const key = JSON.stringify(schema);
    const known =
      schemas.get(key) ?? z.fromJSONSchema({ ...(toDefs(schema) as object), $defs: defs } as never);
    schemas.set(key, known);
    return known;
  };
  return {
    problemsOf(answer) {
      const operation = findOperation(api, answer);
      const declared = operation === undefined ? problemOnly(api) : operation.responses[answer.status];
      if (declared === undefined) return [`status ${answer.status} is not declared`];
      if (declared.content === undefined) return answer.text === '' ? [] : ['a body where none is declared'];
      const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
      const media = declared.content[type] ?? declared.content['*/*'];
      if (media === undefined) return [`content type ${type} is not declared for ${answer.status}`];
      if (!type.includes('json')) return [];
      const parsed = schemaOf(media.schema).safeParse(answer.body);
      return parsed.success
        ? []
        : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    },
  };
}

/** What is not described is answered with a problem, and with nothing else. */
function problemOnly({ components }: OpenApi): DescribedOperation['responses'][string] {
  return { content: { 'application/problem+json': { schema: components.schemas['Problem'] } } };
}

function findOperation(api: OpenApi, { method, path }: Answer): DescribedOperation | undefined {
  const plain = path.split('?')[0] ?? '';
  // As the router has it: a name that stands there is preferred to one that is filled in.
  const template = Object.keys(api.paths)
    .filter((candidate) => new RegExp(`^${candidate.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(plain))
    .toSorted((a, b) => a.split('{').length - b.split('{').length)
    .find((candidate) => api.paths[candidate]?.[method.toLowerCase()] !== undefined);
  return template === undefined ? undefined : api.paths[template]?.[method.toLowerCase()];
}

function toDefs(schemas: unknown): unknown {
  return JSON.parse(JSON.stringify(schemas).replaceAll('#/components/schemas/', '#/$defs/'));
}
