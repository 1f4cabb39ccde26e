/** What is measured. A user's own meters stand beside these. */
export interface Meter {
  readonly meter: string;
  readonly unit: string;
  /** `priced` costs what the price list says; `counted` has no cost of its own. */
  readonly kind: 'priced' | 'counted';
  /** The least that may report it: a node of ours, the operator, or a tenant with its own key. */
  readonly reporter: 'node' | 'operator' | 'tenant';
  readonly description: string;
}

const llm = (name: string, description: string): Meter => ({
  meter: `llm.${name}`,
  unit: name.endsWith('images') ? 'image' : name.endsWith('calls') ? 'call' : 'token',
  kind: 'priced',
  reporter: 'operator',
  description,
});

const counted = (meter: string, unit: string, description: string): Meter => ({
  meter,
  unit,
  kind: 'counted',
  reporter: 'node',
  description,
});

/** Meters of a new installation. Counts of tokens do not overlap: a cached token is not an input token too. */
export const builtInMeters: readonly Meter[] = [
  counted('requests', 'request', 'Requests that were served.'),
  counted('request.ms', 'ms', 'Time that requests took, from arrival to the end of the answer.'),
  counted('response.bytes', 'byte', 'Bodies of answers.'),
  counted('db.queries', 'query', 'Statements sent to the tenant’s database.'),
  counted('db.rows', 'row', 'Rows that statements returned or touched.'),
  { ...counted('storage.byte_hours', 'byte_hour', 'Data kept for an hour, by store.'), reporter: 'operator' },
  { ...counted('storage.row_hours', 'row_hour', 'Rows kept for an hour, by store.'), reporter: 'operator' },
  {
    meter: 'vector.queries',
    unit: 'query',
    kind: 'priced',
    reporter: 'operator',
    description: 'Searches in vectors.',
  },
  {
    meter: 'embedding.tokens',
    unit: 'token',
    kind: 'priced',
    reporter: 'operator',
    description: 'Tokens that were embedded.',
  },
  {
    meter: 'audio.input_seconds',
    unit: 'second',
    kind: 'priced',
    reporter: 'operator',
    description: 'Speech that was transcribed.',
  },
  {
    meter: 'audio.output_seconds',
    unit: 'second',
    kind: 'priced',
    reporter: 'operator',
    description: 'Speech that was made.',
  },
  {
    meter: 'search.calls',
    unit: 'call',
    kind: 'priced',
    reporter: 'operator',
    description: 'Searches of the web by a model.',
  },
  llm('tokens', 'Tokens at a mixed price, where input and output are not told apart.'),
  llm('input_tokens', 'Input that was not cached.'),
  llm('cached_tokens', 'Input read from the provider’s cache.'),
  llm('cache_write_tokens', 'Input written to the provider’s cache.'),
  llm('cache_write_1h_tokens', 'Input written to the provider’s cache for an hour.'),
  llm('output_tokens', 'Output without reasoning.'),
  llm('reasoning_tokens', 'Reasoning, which most providers charge as output.'),
  llm('audio_input_tokens', 'Audio in.'),
  llm('audio_output_tokens', 'Audio out.'),
  llm('audio_cached_tokens', 'Audio read from the provider’s cache.'),
  llm('audio_cache_write_tokens', 'Audio written to the provider’s cache.'),
  llm('image_input_tokens', 'Images in, counted in tokens.'),
  llm('image_output_tokens', 'Images out, counted in tokens.'),
  llm('input_images', 'Images in, counted one by one.'),
  llm('output_images', 'Images out, counted one by one.'),
];
