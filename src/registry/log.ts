/** What the registry tells about itself. No ids of tenants, no secrets, no SQL. */
export type RegistryEvent =
  | {
      readonly event:
        | 'registry.feed_failed'
        | 'registry.audit_failed'
        | 'registry.key_usage_failed'
        | 'registry.versions_failed';
      readonly cause: unknown;
    }
  | { readonly event: 'registry.feed_recovered' | 'registry.cache_dropped' };

export type RegistryLog = (event: RegistryEvent) => void;
