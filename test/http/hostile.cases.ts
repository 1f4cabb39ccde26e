/** Input that no honest client sends. Each is refused with a code and, where there is one, a field; nothing changes. */
export interface HostileCase {
  readonly name: string;
  readonly method?: 'POST' | 'PATCH' | 'PUT';
  readonly path: string;
  /** Text is sent as it is. */
  readonly body: unknown;
  readonly status: number;
  readonly code: string;
  readonly field?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });

/** Name of the case, what is sent, the field that is at fault; and the answer where it is not `400 request_invalid`. */
type Row = readonly [
  name: string,
  body: unknown,
  field: string | undefined,
  answer?: readonly [status: number, code: string] | undefined,
];

function cases(where: { readonly method?: 'PATCH' | 'PUT'; readonly path: string }, rows: readonly Row[]) {
  return rows.map(([name, body, field, [status, code] = [400, 'request_invalid']]): HostileCase =>
    Object.assign({ name, body, status, code }, where, field === undefined ? {} : { field }),
  );
}

const slugs: readonly [string, unknown][] = [
  ['quotes', `a'; drop schema bulkhead; --`],
  ['double quotes', 'a"b'],
  ['70 bytes', 'a'.repeat(70)],
  ['49 characters', 'a'.repeat(49)],
  ['two characters', 'ab'],
  ['nothing', ''],
  ['a Cyrillic а', 'аcme'],
  ['full-width letters', 'ａｃｍｅ'],
  ['punycode', 'xn--acme-5za'],
  ['capitals', 'ACME'],
  ['a step up', '../acme'],
  ['dots', '..'],
  ['an encoded slash', 'a%2fb'],
  ['a slash', 'a/b'],
  ['a backslash', 'a\\b'],
  ['a NUL', 'ac\0me'],
  ['a line break', 'acme\nglobex'],
  ['a space in front', ' acme'],
  ['a zero-width joiner', 'ac\u200dme'],
  ['right-to-left override', 'ac\u202eme'],
  ['a hyphen at the end', 'acme-'],
  ['two hyphens', 'ac--me'],
  ['an underscore, which LIKE reads as any character', 'ac_me'],
  ['a percent sign', 'ac%me'],
  ['an id', '0190a0a0-0000-4000-8000-000000000001'],
  ['a list', ['acme']],
  ['a number', 42],
  ['an object', { toString: 'acme' }],
  ['null', null],
  ['a boolean', true],
  ['a reserved name', 'www'],
  ['another reserved name', 'api'],
  ['the operator', 'operator'],
];

/** A tenant that would be fine, but for these fields. */
const tenantFields: readonly Row[] = [
  ['a name with a NUL', { name: 'a\0b' }, 'name'],
  ['a name with half a surrogate pair', { name: 'a\ud800' }, 'name'],
  ['a name of 201 characters', { name: 'x'.repeat(201) }, 'name'],
  ['a name with an escape sequence', { name: 'a\u001b[31m' }, 'name'],
  ['a state', { state: 'active' }, 'state'],
  ['an id of the caller’s choice', { id: 'x' }, 'id'],
  ['an unknown plan', { plan: 'gold' }, 'plan', [400, 'plan_unknown']],
  ['a plan with a quote', { plan: "free' or true" }, 'plan', [400, 'plan_unknown']],
  ['an unknown isolation', { isolation: 'none' }, 'isolation'],
  ['an isolation its plan has not', { isolation: 'dedicated' }, 'isolation', [409, 'isolation_unavailable']],
  ['a region with a step up', { region: '../eu' }, 'region'],
  ['an unknown parent', { parent: 'nobody' }, 'parent', [400, 'hierarchy_refused']],
  ['a parent that is a list', { parent: ['acme'] }, 'parent'],
  ['features that are text', { features: 'all' }, 'features'],
  ['settings 40 deep', { settings: nested(40) }, 'settings'],
  ['a slug that is taken', { slug: 'acme' }, undefined, [409, 'slug_taken']],
  [
    'a name larger than the limit of bodies',
    { name: 'x'.repeat(1_100_000) },
    undefined,
    [413, 'body_too_large'],
  ],
];

const fine = '"slug":"fine-slug","name":"x"';
const bodies: readonly Row[] = [
  ['no slug', { name: 'x' }, 'slug'],
  ['no name', { slug: 'fine-slug' }, 'name'],
  ['a list for a body', [], 'body'],
  ['null for a body', 'null', 'body'],
  ['text for a body', '"x"', 'body'],
  ['no body', '', 'slug'],
  ['half a body', `{${fine}`, 'body'],
  ['__proto__', `{${fine},"__proto__":{"plan":"enterprise"}}`, 'body'],
  ['constructor.prototype', `{${fine},"constructor":{"prototype":{"plan":"enterprise"}}}`, 'body'],
  ['a field twice, the last one wrong', `{${fine},"slug":"../x"}`, 'body'],
  ['a field twice, both of them fine', `{${fine},"name":"y"}`, 'body'],
  ['a field twice, one of them spelt with an escape', `{${fine},"n\\u0061me":"y"}`, 'body'],
  ['a field twice deep inside', `{${fine},"settings":{"a":[1,{"b":"}","c":1,"b":2}]}}`, 'body'],
];

const otherTypes: readonly [string, string][] = [
  ['application/x-www-form-urlencoded', 'slug=fine-slug&name=x'],
  ['text/plain', `{${fine}}`],
  ['application/xml', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'],
];

const keys: readonly Row[] = [
  ['a key without a name', {}, 'name'],
  ['a key that expired before it began', { name: 'x', expiresAt: '2001-01-01T00:00:00Z' }, 'expiresAt'],
  ['an expiry that is no time', { name: 'x', expiresAt: 'tomorrow' }, 'expiresAt'],
  ['an expiry that is a number', { name: 'x', expiresAt: 4e12 }, 'expiresAt'],
  ['a secret of the caller’s choice', { name: 'x', key: 'bh_x' }, 'key'],
];

const rotations: readonly Row[] = [
  ['a rotation of a key that never was', {}, undefined, [404, 'not_found']],
  ['an endless overlap', { overlapSeconds: 1e12 }, 'overlapSeconds'],
  ['a negative overlap', { overlapSeconds: -1 }, 'overlapSeconds'],
];

const changes: readonly Row[] = [
  ['a change that changes nothing', {}, 'body'],
  ['a change of state past the lifecycle', { state: 'deleted' }, 'state'],
  ['a change of isolation past the move', { isolation: 'shared' }, 'isolation'],
];

const settings: readonly Row[] = [
  ['settings with a name like SQL', { "a'--": 1 }, undefined, [400, 'value_invalid']],
  ['settings with a NUL', { theme: 'a\0' }, 'theme'],
];

const servers: readonly Row[] = [
  ['a server whose URL is a file', { name: 'x', url: 'file:///etc/passwd' }, 'url'],
  ['a server whose URL is HTTP', { name: 'x', url: 'http://169.254.169.254/' }, 'url'],
  ['a server with a path for a name', { name: '../x', url: 'postgres://h/d' }, 'name'],
];

/** A document that would be fine, but for these fields. */
const documentFields: readonly Row[] = [
  ['a title that is a list', { title: ['x'] }, 'title'],
  ['a title that is an operator', { title: { $ne: '' } }, 'title'],
  ['a title of 501 characters', { title: 'x'.repeat(501) }, 'title'],
  ['content with a NUL', { content: 'a\0b' }, 'content'],
  ['content with half a surrogate pair', { content: '\ud83d' }, 'content'],
  ['another tenant in a field', { tenant_id: 'globex' }, 'tenant_id'],
  [
    'another tenant in the metadata',
    { metadata: { tenant_id: 'globex' } },
    'metadata.tenant_id',
    [400, 'value_invalid'],
  ],
  [
    'another tenant in the metadata, spelt otherwise',
    { metadata: { tenantId: ['acme'] } },
    'metadata.tenantId',
    [400, 'value_invalid'],
  ],
  ['metadata that is a list', { metadata: [] }, 'metadata'],
  ['metadata 40 deep', { metadata: nested(40) }, 'metadata'],
  ['metadata with a NUL in a name', { metadata: { 'a\0': 1 } }, 'metadata'],
  ['metadata of 100 KB', { metadata: { a: 'x'.repeat(100_000) } }, 'metadata'],
  ['an id of the caller’s choice', { id: 'x' }, 'id'],
  ['an external id that is a number', { externalId: 7 }, 'externalId'],
];

const documentBodies: readonly Row[] = [
  ['no title', { content: 'x' }, 'title'],
  ['a number that JSON cannot hold', '{"title":"x","content":"x","metadata":{"a":1e999}}', 'metadata'],
  ['__proto__ in the metadata', '{"title":"x","content":"x","metadata":{"__proto__":{"a":1}}}', 'body'],
];

function onTopOf(base: object, rows: readonly Row[]): readonly Row[] {
  return rows.map(([name, fields, field, answer]) => [name, Object.assign({}, base, fields), field, answer]);
}

const newTenant = { path: '/v1/tenants' };
const slugRows = slugs.map(([name, slug]): Row => [`a slug with ${name}`, { slug }, 'slug']);

/** These carry the operator's token. */
export const hostileToOperator: readonly HostileCase[] = [
  ...cases(newTenant, onTopOf({ slug: 'fine-slug', name: 'x' }, [...slugRows, ...tenantFields])),
  ...cases(newTenant, bodies),
  ...otherTypes.map(([type, body]): HostileCase => ({
    name: `a body of type ${type}`,
    path: '/v1/tenants',
    body,
    headers: { 'content-type': type },
    status: 415,
    code: 'media_type_unsupported',
    field: 'content-type',
  })),
  ...cases({ path: '/v1/tenants?admin=true' }, [
    ['a query nobody declared', { slug: 'fine-slug', name: 'x' }, 'query'],
  ]),
  ...cases({ path: '/v1/tenants/acme/keys' }, keys),
  ...cases({ path: '/v1/tenants/nobody/keys' }, [
    ['a key for nobody', { name: 'x' }, undefined, [404, 'tenant_not_found']],
  ]),
  ...cases({ path: '/v1/tenants/acme/keys/0000000000000000/rotate' }, rotations),
  ...cases({ path: '/v1/tenants/acme/keys/UPPERCASE/rotate' }, [
    ['a rotation of a malformed key', {}, undefined, [404, 'not_found']],
  ]),
  ...cases({ method: 'PATCH', path: '/v1/tenants/acme' }, changes),
  ...cases({ method: 'PUT', path: '/v1/tenants/acme/settings' }, settings),
  ...cases({ path: '/v1/servers' }, servers),
  ...cases({ path: '/v1/tenants/acme/suspend' }, [['suspending with a body', { force: true }, 'body']]),
];

/** These carry the tenant's key. */
export const hostileDocuments: readonly HostileCase[] = [
  ...cases({ path: '/v1/documents' }, onTopOf({ title: 'x', content: 'x' }, documentFields)),
  ...cases({ path: '/v1/documents' }, documentBodies),
  ...cases({ method: 'PATCH', path: '/v1/documents/0190a0a0-0000-7000-8000-00000000dead' }, [
    ['a change of nothing', {}, 'body'],
  ]),
  ...cases({ method: 'PATCH', path: '/v1/documents/1' }, [
    ['a change of a document with a malformed id', { title: 'x' }, undefined, [404, 'not_found']],
  ]),
];
