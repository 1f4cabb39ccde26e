import { openDatabase } from '../../../src/compose.ts';
import { openAdoption } from '../../../src/open-adoption.ts';

/** A process that adopts and is killed from outside. */
const admin = openDatabase(process.env['ADOPT_URL'] ?? '');
await openAdoption(admin).run(
  { shared: ['region', 'territory'] },
  {
    until: 'cut-over',
    batchRows: 50,
    restMs: 20,
    onStep: (done, total, { name }) => process.stdout.write(`${done}/${total} ${name}\n`),
    onRows: (table, rows) => process.stdout.write(`rows ${table} ${rows}\n`),
  },
);
process.stdout.write('finished\n');
await admin.close();
