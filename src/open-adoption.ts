import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installWall, readWallFiles } from './compartments/rows/wall.ts';
import type { AdminDatabase, AdminTransaction } from './drivers/sql.ts';
import { createAdoption, type AdoptDeps, type Adoption } from './fleet/adopt/adoption.ts';
import { bulkheadProof } from './verify/proof/preset.ts';
import { prove } from './verify/proof/prove.ts';

const wallFolder = fileURLToPath(new URL('../sql/wall', import.meta.url));

/** The adoption of the database that `admin` is the owner of. */
export function openAdoption(admin: AdminDatabase): Adoption {
  return createAdoption({ admin, installWall: (roles) => install(admin, roles), prove: toProve(admin) });
}

/** What PUBLIC could do it can do until the cut-over: there is an application that lives on it. */
async function install(admin: AdminDatabase, roles: Parameters<AdoptDeps['installWall']>[0]): Promise<void> {
  const keeping: AdminDatabase = {
    ...admin,
    dialect: admin.dialect,
    query: (text, values) => admin.query(text, values),
    script: (text, settings) => admin.script(text, settings),
    close: () => admin.close(),
    transaction: (body) =>
      admin.transaction(async (tx) => {
        const back = await readPublicRights(tx);
        const result = await body(tx);
        if (back !== '') await tx.script(back);
        return result;
      }),
  };
  const names = { app: roles.app, wall: roles.wall, own: () => roles.app };
  // The application may live on advisory locks or large objects: those rights are PUBLIC's as long as it is there.
  const files = (await readWallFiles(join(wallFolder))).filter(({ name }) => name !== 'side_channels');
  await installWall(keeping, { roles: names, files });
}

async function readPublicRights(tx: AdminTransaction): Promise<string> {
  const { rows } = await tx.query<{ sql: string }>(`
    select format('grant %s on database %I to public', a.privilege_type, d.datname) as sql
      from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
      where d.datname = current_database() and a.grantee = 0
    union all
    select format('grant %s on schema public to public', a.privilege_type)
      from pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
      where n.nspname = 'public' and a.grantee = 0`);
  return rows.map(({ sql }) => sql).join(';');
}

/** The tables are somebody's own, so conditions that go beyond the claim are advice. */
function toProve(admin: AdminDatabase): AdoptDeps['prove'] {
  return async (plan) => {
    const preset = bulkheadProof({
      appRole: plan.roles.app,
      wallRole: plan.roles.wall,
      globalTables: plan.shared.map((name) => `${plan.schema}.${name}`),
    });
    const result = await prove(admin, { ...preset, walls: { kind: 'handwritten' } });
    const toText = ({ condition, object, reason }: (typeof result.findings)[number]): string =>
      `${condition} ${object}: ${reason}`;
    return {
      verdict: result.verdict,
      problems: [
        ...result.doubts,
        ...result.findings.filter(({ severity }) => severity === 'error').map(toText),
      ],
      warnings: result.findings.filter(({ severity }) => severity === 'warning').map(toText),
    };
  };
}
