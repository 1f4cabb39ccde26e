import type { SecretStore } from '../../../src/compartments/objects/keys.ts';

/** Secrets in memory, for tests that are not about the vault. */
export function testSecrets(): SecretStore {
  const kept = new Map<string, Map<string, string>>();
  return {
    async putOnce(owner, purpose, secret) {
      const own = kept.get(owner) ?? new Map<string, string>();
      kept.set(owner, own);
      if (!own.has(purpose)) own.set(purpose, secret);
      return own.get(purpose) ?? secret;
    },
    get: async (owner, purpose) => kept.get(owner)?.get(purpose),
    async drop(owner) {
      const count = kept.get(owner)?.size ?? 0;
      kept.delete(owner);
      return count;
    },
  };
}
