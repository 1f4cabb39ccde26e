/** What the registry tells about itself. No ids of tenants, no secrets, no SQL. */
export type RegistryEvent =
  | { readonly kind: 'feed.failed' | 'audit.failed' | 'key_usage.failed'; readonly cause: unknown }
  | { readonly kind: 'feed.recovered' | 'cache.dropped' };

export type RegistryLog = (event: RegistryEvent) => void;
