/** A process that commits numbers to an embedded database for ever, and says each one once it is committed. */
import { openPglite } from '../../../src/drivers/pglite/database.ts';

const [, , dataDir = ''] = process.argv;
const database = await openPglite({ store: { dataDir } });
for (let id = 1; ; id += 1) {
  await database.admin.query('insert into t (id) values ($1)', [id]);
  process.stdout.write(`${id}\n`);
}
