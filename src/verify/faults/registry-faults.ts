import { isBulkheadError } from '../../core/errors.ts';
import type { Scope } from '../../core/scope.ts';
import { refused, type Verdict } from '../../core/verdict.ts';
import type { ApiKey, IssuedKey, KeyStore } from '../../registry/registry.ts';
import type { AttackedNode } from '../attack/node.ts';
import { altered, withRegistry } from './altered.ts';
import type { Fault } from './fault.ts';

type Asked = Verdict<ApiKey>;

/** The node whose keys are verified otherwise, with all that it issued so far. */
function withKeys(
  node: AttackedNode,
  verify: (candidate: string, genuine: Asked, issued: readonly IssuedKey[]) => Asked | Promise<Asked>,
): AttackedNode {
  const { keys } = node.registry;
  const issued: IssuedKey[] = [];
  return withRegistry(node, {
    keys: altered<KeyStore>(keys, {
      issue: async (input, actor) => {
        const made = await keys.issue(input, actor);
        issued.push(made);
        return made;
      },
      verify: async (candidate) => await verify(candidate, await keys.verify(candidate), issued),
    }),
  });
}

const matching =
  (node: AttackedNode, isAlike: (candidate: string, secret: string) => boolean) =>
  async (candidate: string, genuine: Asked, issued: readonly IssuedKey[]): Promise<Asked> => {
    const alike = issued.find(({ secret }) => isAlike(candidate, secret));
    return genuine.kind === 'allowed' || alike === undefined
      ? genuine
      : await node.registry.keys.verify(alike.secret);
  };

/** Faults of keys, names, secrets and trails. */
export const registryFaults: readonly Fault[] = [
  {
    number: 'F29',
    name: 'a key is compared by its first characters',
    fronts: ['registry', 'http'],
    plant: (node) => ({
      node: withKeys(
        node,
        matching(node, (candidate, secret) => candidate.slice(0, 26) === secret.slice(0, 26)),
      ),
    }),
  },
  {
    number: 'F29b',
    name: 'the public part of a key is enough',
    fronts: ['registry'],
    plant: (node) => ({
      node: withKeys(
        node,
        matching(node, (candidate, secret) => candidate.split('_')[1] === secret.split('_')[1]),
      ),
    }),
  },
  {
    number: 'F30b',
    name: 'a revoked key is remembered as good',
    fronts: ['registry'],
    plant: (node) => {
      const good = new Map<string, Asked>();
      return {
        node: withKeys(node, (candidate, genuine) => {
          if (genuine.kind === 'allowed') good.set(candidate, genuine);
          return good.get(candidate) ?? genuine;
        }),
      };
    },
  },
  {
    number: 'A63',
    name: 'a key names the tenant that was last asked for',
    fronts: ['registry'],
    plant: (node, { victim }) => ({
      node: withKeys(node, (_candidate, genuine) =>
        genuine.kind === 'allowed' ? { ...genuine, value: { ...genuine.value, tenant: victim.id } } : genuine,
      ),
    }),
  },
  {
    number: 'A63b',
    name: 'a genuine key is refused, so that nothing else about keys was looked at',
    fronts: ['registry'],
    plant: (node) => ({ node: withKeys(node, () => refused('unauthenticated')) }),
  },
  {
    number: 'F30c',
    name: 'a suspended tenant is served from a cache',
    fronts: ['registry'],
    plant: (node) => {
      const remembered = new Map<string, unknown>();
      return {
        node: {
          ...node,
          run: async <Result>(
            tenant: string,
            fn: (scope: Scope) => Promise<Result>,
            options?: Parameters<AttackedNode['run']>[2],
          ): Promise<Result> => {
            try {
              const result = await node.run(tenant, fn, options);
              remembered.set(tenant, result);
              return result;
            } catch (cause) {
              if (isBulkheadError(cause, 'tenant_inactive') && remembered.has(tenant))
                return remembered.get(tenant) as Result;
              throw cause;
            }
          },
        },
      };
    },
  },
  {
    number: 'F31',
    name: 'the name of an erased tenant is given out again',
    fronts: ['registry'],
    plant: (node) => {
      const { tenants } = node.registry;
      return {
        node: withRegistry(node, {
          tenants: altered(tenants, {
            insert: async (tenant, actor) => {
              try {
                return await tenants.insert(tenant, actor);
              } catch (cause) {
                if (!isBulkheadError(cause, 'slug_taken')) throw cause;
                const slug = `${tenant.slug}x` as typeof tenant.slug;
                return await tenants.insert({ ...tenant, slug }, actor);
              }
            },
          }),
        }),
      };
    },
  },
  {
    number: 'A64',
    name: 'a key is revoked by its id, whoever’s it is',
    fronts: ['registry'],
    plant: (node) => {
      const { keys } = node.registry;
      return {
        node: withRegistry(node, {
          keys: altered<KeyStore>(keys, {
            revoke: async (input, actor) => {
              try {
                return await keys.revoke(input, actor);
              } catch (cause) {
                if (!isBulkheadError(cause, 'not_found')) throw cause;
                return { id: input.id, tenant: input.tenant } as ApiKey;
              }
            },
          }),
        }),
      };
    },
  },
  {
    number: 'A80',
    name: 'a secret that a tenant lacks is taken from another',
    fronts: ['registry'],
    plant: (node) => {
      const { vault } = node.registry;
      const byPurpose = new Map<string, string>();
      return {
        node: withRegistry(node, {
          vault: altered(vault, {
            put: async (owner, purpose, secret) => {
              byPurpose.set(purpose, secret);
              await vault.put(owner, purpose, secret);
            },
            get: async (owner, purpose) => (await vault.get(owner, purpose)) ?? byPurpose.get(purpose),
          }),
        }),
      };
    },
  },
  {
    number: 'A80b',
    name: 'a setting that a tenant lacks is taken from another',
    fronts: ['registry'],
    plant: (node, { victim }) => {
      const { settings } = node.registry;
      return {
        node: withRegistry(node, {
          settings: altered(settings, {
            get: async (tenant, key) =>
              (await settings.get(tenant, key)) ?? (await settings.get(victim.id, key)),
          }),
        }),
      };
    },
  },
  {
    number: 'F50',
    name: 'the audit trail of one tenant shows everybody’s',
    fronts: ['registry'],
    plant: (node, { attacker, victim }) => {
      const { audit } = node.registry;
      return {
        node: withRegistry(node, {
          audit: altered(audit, {
            list: async (query) => [
              ...(await audit.list({ ...query, tenant: victim.id })),
              ...(await audit.list({ ...query, tenant: attacker.id })),
            ],
          }),
        }),
      };
    },
  },
];
