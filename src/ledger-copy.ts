import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseErasureLine, toErasureLine } from './registry/erasure-text.ts';
import type { LedgerCopy } from './lifecycle/leave/work.ts';

const ownerOnly = 0o600;
const fileName = 'erasures.jsonl';

/**
 * The node's own copy of the ledger of erasures: when the database is restored from a backup, this is what still knows who
 * was erased since. Lines are only ever added; each is signed, so one that somebody has written into it is not believed.
 */
export function openLedgerCopy(dataDir: string): LedgerCopy {
  const path = join(dataDir, fileName);
  return {
    async read() {
      const text = await readFile(path, 'utf8').catch((cause: unknown) => {
        if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return '';
        throw cause;
      });
      return text.split('\n').flatMap((line) => parseErasureLine(line) ?? []);
    },
    async append(erasures) {
      const file = await open(path, 'a', ownerOnly);
      try {
        // A line break first: the last line may have been cut short by a crash.
        await file.write(`\n${erasures.map(toErasureLine).join('\n')}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
    },
  };
}
