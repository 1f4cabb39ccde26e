import { isBulkheadError } from '../../../core/errors.ts';
import { newUuid7 } from '../../../core/ids.ts';
import { attempted, found, refusedOnly, undone, type Probe } from './attempt.ts';

/** Reading and writing the neighbour's rows by ordinary statements. */
export const dataProbes: readonly Probe[] = [
  {
    name: 'read-by-id',
    attack: 'A64',
    run: async ({ attacker, canary }) =>
      found(await attacker.sql`select id from documents where id = ${canary.id}`),
  },
  {
    name: 'read-by-content-hash',
    attack: 'A4',
    run: async ({ attacker, canary }) =>
      found(
        await attacker.sql`select id from documents where encode(sha256(convert_to(content, 'UTF8')), 'hex') = ${canary.digest}`,
      ),
  },
  {
    name: 'read-with-foreign-predicate',
    attack: 'A5',
    run: async ({ attacker, canary, target }) =>
      found(
        await attacker.sql`select id from documents where tenant_id = ${target.victim.tenantId} and id = ${canary.id}`,
      ),
  },
  {
    name: 'count-of-everything',
    attack: 'A66',
    run: async ({ attacker, target }) =>
      found(
        await attacker.sql`select 1 from documents where tenant_id <> ${target.attacker.tenantId} limit 1`,
      ),
  },
  {
    name: 'join-and-subquery',
    attack: 'A26',
    run: async ({ attacker, canary }) =>
      found(
        await attacker.sql`
          select d.id from users u right join documents d on true
          where d.id in (select x.id from documents x where x.id = ${canary.id}) limit 1`,
      ),
  },
  {
    name: 'lock-a-foreign-row',
    attack: 'A26',
    run: ({ attacker, canary }) =>
      attempted(() =>
        undone(attacker, (tx) => tx.sql`select id from documents where id = ${canary.id} for update`),
      ),
  },
  {
    name: 'insert-for-the-victim',
    attack: 'A7',
    run: ({ attacker, target }) =>
      attempted(() =>
        undone(
          attacker,
          (tx) =>
            tx.sql`insert into documents (tenant_id, title, content) values (${target.victim.tenantId}, 'probe', 'probe') returning id`,
        ),
      ),
  },
  {
    name: 'insert-without-a-tenant',
    attack: 'A13',
    run: ({ attacker }) =>
      attempted(() =>
        undone(
          attacker,
          (tx) =>
            tx.sql`insert into documents (tenant_id, title, content) values (null, 'probe', 'probe') returning id`,
        ),
      ),
  },
  {
    name: 'move-a-row-to-the-victim',
    attack: 'A7',
    run: ({ attacker, target }) =>
      attempted(() =>
        undone(attacker, async (tx) => {
          const [own] = await tx.sql<{ id: string }>`
            insert into documents (title, content) values ('probe', 'probe') returning id`;
          return await tx.sql`
            update documents set tenant_id = ${target.victim.tenantId} where id = ${own?.id} returning id`;
        }),
      ),
  },
  {
    name: 'update-the-canary',
    attack: 'A7',
    run: ({ attacker, canary }) =>
      attempted(() =>
        undone(
          attacker,
          (tx) => tx.sql`update documents set title = 'probe' where id = ${canary.id} returning id`,
        ),
      ),
  },
  {
    name: 'delete-the-canary',
    attack: 'A7',
    run: ({ attacker, canary }) =>
      attempted(() =>
        undone(attacker, (tx) => tx.sql`delete from documents where id = ${canary.id} returning id`),
      ),
  },
  {
    name: 'merge-into-the-canary',
    attack: 'A7',
    run: ({ attacker, canary }) =>
      attempted(() =>
        undone(
          attacker,
          (tx) => tx.sql`
            merge into documents d using (select ${canary.id}::uuid as id) s on d.id = s.id
            when matched then update set title = 'probe' returning d.id`,
        ),
      ),
  },
  {
    name: 'truncate',
    attack: 'A22',
    run: ({ attacker }) => refusedOnly(() => undone(attacker, (tx) => tx.sql`truncate documents`)),
  },
  {
    name: 'unique-key-as-oracle',
    attack: 'A20',
    // Taking the victim's external id must work: were it refused, its existence would be known.
    run: ({ attacker, canary }) =>
      undone(attacker, async (tx) => {
        try {
          await tx.sql`
            insert into documents (title, content, external_id) values ('probe', 'probe', ${canary.externalId})`;
          return undefined;
        } catch (cause) {
          if (isBulkheadError(cause, 'conflict')) return 'a value that only the victim has is taken';
          throw cause;
        }
      }),
  },
  {
    name: 'on-conflict-as-oracle',
    attack: 'A20',
    run: ({ attacker, canary }) =>
      undone(attacker, async (tx) => {
        const rows = await tx.sql`
          insert into documents (title, content, external_id) values ('probe', 'probe', ${canary.externalId})
          on conflict do nothing returning id`;
        return rows.length === 1 ? undefined : 'a value that only the victim has is taken';
      }),
  },
  {
    name: 'primary-key-as-oracle',
    attack: 'A20',
    run: ({ attacker, canary }) =>
      undone(attacker, async (tx) => {
        const rows = await tx.sql`
          insert into documents (id, title, content) values (${canary.id}, 'probe', 'probe')
          on conflict do nothing returning id`;
        return rows.length === 1 ? undefined : 'an id that only the victim has is taken';
      }),
  },
  {
    name: 'foreign-key-as-oracle',
    attack: 'A21',
    // A row of the victim and one that never was must be refused alike.
    run: async ({ attacker, canary }) => {
      const refer = async (user: string): Promise<string> => {
        try {
          await undone(
            attacker,
            (tx) =>
              tx.sql`insert into documents (title, content, created_by) values ('probe', 'probe', ${user})`,
          );
          return 'accepted';
        } catch (cause) {
          return isBulkheadError(cause) ? cause.code : 'error';
        }
      };
      const [theirs, nobodys] = [await refer(canary.user), await refer(newUuid7())];
      if (theirs === 'accepted') return 'a row of the victim was referred to';
      return theirs === nobodys ? undefined : `answered ${theirs} and not ${nobodys}`;
    },
  },
  {
    name: 'error-as-oracle',
    attack: 'A19',
    run: async ({ attacker, canary }) => {
      const divided = async (id: string): Promise<string> => {
        try {
          const rows = await attacker.sql`
            select 1 / (case when id = ${id}::uuid then 0 else 1 end) as one, content::integer as number
            from documents where id = ${id}::uuid`;
          return `${rows.length} rows`;
        } catch (cause) {
          return isBulkheadError(cause) ? cause.code : 'error';
        }
      };
      const [theirs, nobodys] = [await divided(canary.id), await divided(newUuid7())];
      return theirs === nobodys ? undefined : `a statement over the canary ended with ${theirs}`;
    },
  },
];
