import type { DescribedOperation, OpenApi } from './described.ts';

type Json = Readonly<Record<string, unknown>>;

interface Entry extends DescribedOperation {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly method: string;
  readonly path: string;
}

const introduction = `# HTTP API

Generated from the description that the server itself serves at \`/openapi.json\`, and compared with it by a test; do not edit. \`/docs\` shows the same to try out.

## Credentials
- **Operator token** \`bho_…\`: the control plane. \`Authorization: Bearer bho_…\`
- **API key** \`bh_…\`: one tenant's own data. \`Authorization: Bearer bh_…\` or \`X-API-Key: bh_…\`; both are fine if they are the same.

The key alone says which tenant is meant. A subdomain of \`BULKHEAD_BASE_DOMAIN\`, a domain of the tenant's own once it is verified, the path \`/api/tenants/{tenant}/…\` and the header \`X-Tenant-ID\` (id or slug) are hints: each may be left out, each that is there must agree with the key, and none says anything without one. \`BULKHEAD_TENANT_HINTS\` names the places that are looked at.

## Conventions
- Bodies are JSON, but for the content of objects. Fields and query parameters that are not listed are refused. Errors are [problems](errors.md).
- Lists take \`limit\` (1 to 200, default 50) and \`cursor\`, and answer \`{ items, nextCursor }\`; \`nextCursor\` is null at the end.
- Times are RFC 3339 in UTC. Ids are opaque.
- A request that creates something takes an \`Idempotency-Key\` (draft-ietf-httpapi-idempotency-key-header), a name of your own in double quotes: sent again by the same caller with the same body within a day it is done once, and answered as the first with \`Idempotency-Replayed: true\`. With another body it is refused. An answer that holds an API key is kept encrypted for that day; a document is read again by its id.
- \`X-Request-Id\` is taken from the request where it is 8 to 64 letters, digits, dots, hyphens or underscores, and is in every answer.
- Answers on data routes carry \`Cache-Control: private, no-store\`, \`Bulkhead-Isolation\` (what the tenant shares) and \`Bulkhead-Overhead-Ms\` (what identifying, admitting and opening the tenant's scope cost). With \`BULKHEAD_TENANT_HEADER_IN_RESPONSE\` they also carry \`X-Tenant-ID\`.
- Every operation of the tenant plane also stands below \`/api/tenants/{tenant}\`, unless the path hint is switched off.
`;

/** The reference as Markdown, from the description as it is served. */
export function toReference(api: OpenApi): string {
  const entries = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => Object.assign({ method: method.toUpperCase(), path }, operation) as Entry,
    ),
  );
  const groups = Map.groupBy(
    entries.filter(({ path }) => !path.startsWith('/api/tenants/')),
    ({ tags }) => tags[0] ?? '',
  );
  return [introduction, ...[...groups].map(([tag, members]) => toGroup(api, tag, members))].join('\n');
}

function toGroup(api: OpenApi, tag: string, members: readonly Entry[]): string {
  return `## ${tag}\n${members.map((entry) => toEntry(api, entry)).join('\n')}`;
}

function toEntry(api: OpenApi, entry: Entry): string {
  const body = entry.requestBody?.content['application/json']?.schema;
  const [status, success] = Object.entries(entry.responses)[0] ?? ['', {}];
  const result = success.content?.['application/json']?.schema;
  return [
    `### ${entry.method} ${entry.path}`,
    `${entry.summary}. ${toCredential(entry)}`,
    '',
    ...(entry.parameters?.some(({ in: place }) => place === 'header')
      ? ['Takes an `Idempotency-Key`.', '']
      : []),
    ...toFields('Query', toQuery(entry)),
    ...toFields('Body', propertiesOf(api, body)),
    ...toBytes('Body', entry.requestBody),
    ...toFields(`Answer ${status}`, propertiesOf(api, result)),
    ...toBytes(`Answer ${status}`, success),
    ...(result === undefined && !status.startsWith('2') ? [] : toErrors(entry)),
  ].join('\n');
}

function toCredential({ security }: Entry): string {
  const schemes = new Set(security.flatMap((alternative) => Object.keys(alternative)));
  if (schemes.has('operatorToken')) return 'Operator token.';
  return schemes.has('apiKey') ? 'API key.' : 'Public.';
}

type Field = readonly [name: string, type: string, text: string];

function toFields(title: string, fields: readonly Field[]): readonly string[] {
  if (fields.length === 0) return [];
  const rows = fields.map(([name, type, text]) => `| \`${name}\` | ${type} | ${text} |`);
  return [`| ${title} | type | |`, '|---|---|---|', ...rows, ''];
}

function toBytes(title: string, described: { readonly content?: Json } | undefined): readonly string[] {
  return described?.content?.['*/*'] === undefined ? [] : [`${title}: bytes of any media type.`, ''];
}

function toErrors({ responses }: Entry): readonly string[] {
  const codes = Object.values(responses).flatMap((response) =>
    [...((response as { description?: string }).description ?? '').matchAll(/`(\w+)`/g)].map(
      ([, code]) => `\`${code}\``,
    ),
  );
  return codes.length === 0 ? [] : [`Errors: ${[...new Set(codes)].toSorted().join(', ')}`, ''];
}

function toQuery({ parameters = [] }: Entry): readonly Field[] {
  return parameters
    .filter((parameter) => parameter.in === 'query')
    .map((parameter) => {
      const { schema, description = '' } = parameter as unknown as { schema: Json; description?: string };
      return [parameter.name, `${toType(schema)}${parameter.required ? '' : ', optional'}`, description];
    });
}

function propertiesOf(api: OpenApi, reference: unknown): readonly Field[] {
  const schema = deref(api, reference);
  const required = (schema['required'] ?? []) as readonly string[];
  return Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, Json>>).map(
    ([name, member]) => [
      name,
      `${toType(member)}${required.includes(name) ? '' : ', optional'}`,
      typeof member['description'] === 'string' ? member['description'] : '',
    ],
  );
}

function deref(api: OpenApi, schema: unknown): Json {
  const { $ref } = (schema ?? {}) as { $ref?: string };
  return (
    $ref === undefined ? (schema ?? {}) : (api.components.schemas[$ref.split('/').at(-1) ?? ''] ?? {})
  ) as Json;
}

function toType(schema: Json): string {
  if (typeof schema['$ref'] === 'string') return schema['$ref'].split('/').at(-1) ?? '';
  if (Array.isArray(schema['enum']))
    return schema['enum'].map((value) => `\`${String(value)}\``).join(' or ');
  if (Array.isArray(schema['anyOf'])) return (schema['anyOf'] as Json[]).map(toType).join(' or ');
  if (schema['type'] === 'array') return `list of ${toType((schema['items'] ?? {}) as Json)}`;
  if (Array.isArray(schema['type'])) return schema['type'].join(' or ');
  const type = typeof schema['type'] === 'string' ? schema['type'] : 'any JSON';
  return typeof schema['format'] === 'string' ? `${type} (${schema['format']})` : type;
}
