import type { Front } from '../node.ts';
import { send } from './send.ts';

type Json = Readonly<Record<string, unknown>>;

/** One operation as `/openapi.json` describes it: what is described is what callers find. */
export interface DescribedRoute {
  readonly id: string;
  readonly method: string;
  readonly template: string;
  readonly plane: 'operator' | 'tenant' | 'public';
  /** A body that the description allows; undefined where it takes none. */
  readonly body: unknown;
}

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Json>> };
}

interface Operation {
  readonly operationId: string;
  readonly security?: readonly Json[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Json }>> };
}

export async function readRoutes(front: Front): Promise<readonly DescribedRoute[]> {
  const { text } = await send(front, { path: '/openapi.json' });
  const { paths, components } = JSON.parse(text) as Described;
  return Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const schema = operation.requestBody?.content['application/json']?.schema;
      return {
        id: operation.operationId,
        method: method.toUpperCase(),
        template,
        plane: planeOf(operation),
        body: schema === undefined ? undefined : toSample(schema, components?.schemas ?? {}),
      };
    }),
  );
}

function planeOf({ security = [] }: Operation): DescribedRoute['plane'] {
  if (security.some((entry) => 'operatorToken' in entry)) return 'operator';
  return security.length === 0 ? 'public' : 'tenant';
}

export function fillPath(template: string, ids: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(ids[name] ?? 'nothing'));
}

export function parametersOf(template: string): readonly string[] {
  return [...template.matchAll(/\{(\w+)\}/g)].flatMap(([, name]) => name ?? []);
}

/** The smallest value that a JSON Schema of ours allows: what is required, and one property where something has to be. */
function toSample(schema: Json, known: Readonly<Record<string, Json>>): unknown {
  const reference = schema['$ref'];
  if (typeof reference === 'string') return toSample(known[reference.split('/').at(-1) ?? ''] ?? {}, known);
  const choice = (schema['anyOf'] ?? schema['oneOf'] ?? schema['allOf']) as readonly Json[] | undefined;
  if (choice?.[0] !== undefined) return toSample(choice[0], known);
  if (schema['const'] !== undefined) return schema['const'];
  const [first] = (schema['enum'] as readonly unknown[] | undefined) ?? [];
  if (first !== undefined) return first;
  switch (schema['type']) {
    case 'object':
      return toObject(schema, known);
    case 'array':
      return [toSample((schema['items'] as Json | undefined) ?? {}, known)];
    case 'integer':
    case 'number':
      return schema['minimum'] ?? 1;
    case 'boolean':
      return false;
    case 'string':
      return schema['format'] === 'uuid' ? '00000000-0000-4000-8000-000000000000' : 'probe';
    default:
      return null;
  }
}

function toObject(schema: Json, known: Readonly<Record<string, Json>>): Json {
  const properties = Object.entries(
    (schema['properties'] as Readonly<Record<string, Json>> | undefined) ?? {},
  );
  const required = new Set(schema['required'] as readonly string[] | undefined);
  const needed = properties.filter(([name]) => required.has(name));
  const chosen = needed.length > 0 ? needed : properties.slice(0, 1);
  return Object.fromEntries(chosen.map(([name, property]) => [name, toSample(property, known)]));
}
