import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TenantId } from '../../core/ids.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import type { RoleNames } from '../rows/container.ts';
import type { Furnishing } from '../rows/deps.ts';
import { quote } from '../rows/filter.ts';
import { extensionSchema } from '../rows/migrations/names.ts';
import { groupRole, literal } from '../rows/wall.ts';
import { dropIndexes } from './indexes.ts';

const lexicalSchema = 'bulkhead_lexical';

/** Lexical search: what a database has once, and the triggers that each container's passages have. */
export async function createLexicalFurnishing(roles: RoleNames, sqlFolder: string): Promise<Furnishing> {
  const text = await readFile(join(sqlFolder, 'lexical', '0001_lexical.sql'), 'utf8');
  const names: Readonly<Record<string, string>> = {
    wall_role: quote(roles.wall),
    app_role: quote(groupRole(roles)),
    ext: extensionSchema,
  };
  const script = text.replaceAll(/\{\{(\w+)\}\}/g, (whole, name: string) => names[name] ?? whole);
  return {
    async put(admin, schema) {
      await installOnce(admin, { script, sha256: createHash('sha256').update(text).digest('hex') });
      await admin.script(toTriggers(schema));
    },
    async remove(admin, of) {
      await dropIndexes(admin, of);
      await forgetWords(admin, of);
    },
  };
}

/** Nodes that come together take turns; most find it there. */
async function installOnce(
  admin: AdminDatabase,
  lexical: { readonly script: string; readonly sha256: string },
): Promise<void> {
  if (await isInstalled(admin)) return;
  await admin.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [lexicalSchema]);
    const { rows } = await tx.query(
      'select from bulkhead_wall.migration where schema_name = $1 and number = 1',
      [lexicalSchema],
    );
    if (rows.length > 0) return;
    await tx.script(lexical.script);
    await tx.query(
      `insert into bulkhead_wall.migration (schema_name, set_name, number, name, sha256) values ($1, 'lexical', 1, 'lexical', $2)`,
      [lexicalSchema, lexical.sha256],
    );
  });
}

async function isInstalled(admin: AdminDatabase): Promise<boolean> {
  const { rows } = await admin.query(
    'select from bulkhead_wall.migration where schema_name = $1 and number = 1',
    [lexicalSchema],
  );
  return rows.length > 0;
}

const triggers = [
  ['insert', 'referencing new table as after'],
  ['update', 'referencing old table as before new table as after'],
  ['delete', 'referencing old table as before'],
] as const;

/** ALWAYS: a move writes with triggers switched off, and its passages are to be found all the same. */
function toTriggers(schema: string): string {
  const table = `${quote(schema)}.passage`;
  const made = triggers.map(
    ([event, tables]) => `
      create trigger bulkhead_lexical_${event} after ${event} on ${table}
        ${tables} for each statement execute function ${lexicalSchema}.keep();
      alter table ${table} enable always trigger bulkhead_lexical_${event};`,
  );
  return `
    do $$ begin
      if not exists (select from pg_trigger where tgrelid = ${literal(table)}::regclass and tgname = 'bulkhead_lexical_delete') then
        ${made.join('\n')}
      end if;
    end $$;`;
}

/** A schema that is dropped takes no trigger along, so what was kept of it goes by name. */
async function forgetWords(
  admin: AdminDatabase,
  { tenant, schema }: { readonly tenant: TenantId; readonly schema: string },
): Promise<void> {
  const { rows } = await admin.query<{ made: boolean }>(
    `select to_regclass('bulkhead_lexical.entry') is not null as made`,
  );
  if (rows[0]?.made !== true) return;
  await admin.transaction(async (tx) => {
    for (const table of ['entry', 'word', 'corpus'])
      await tx.query(`delete from ${lexicalSchema}.${table} where tenant_id = $1 and schema_name = $2`, [
        tenant,
        schema,
      ]);
  });
}
