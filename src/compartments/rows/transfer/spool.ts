import { randomUUID } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { splitLines } from '../../../core/lines.ts';
import type { Lines } from './export.ts';
import type { Give } from './hand-over.ts';

/**
 * Everything `produce` gives goes to a file first, and is read from there when all of it has been written. The file has no
 * name while it is used: it is gone with this process, and nobody else can open it.
 */
export async function* spooled(
  produce: (give: Give<Lines>) => Promise<void>,
): AsyncGenerator<Lines, void, undefined> {
  const file = await openNameless();
  try {
    await produce(async ({ set, lines }) => {
      await file.appendFile(lines.map((line) => `${set} ${line}\n`).join(''));
    });
    yield* readBack(file);
  } finally {
    await file.close();
  }
}

async function openNameless(): Promise<FileHandle> {
  const path = join(tmpdir(), `bulkhead-export-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  return file;
}

/** Names of tables and JSON of one line: the first space ends the name, because JSON text begins with a brace. */
async function* readBack(file: FileHandle): AsyncGenerator<Lines, void, undefined> {
  for await (const entries of splitLines(file.createReadStream({ start: 0, autoClose: false }))) {
    let set: string | undefined;
    let lines: string[] = [];
    for (const entry of entries) {
      const space = entry.indexOf(' {');
      const name = entry.slice(0, space);
      if (set !== undefined && name !== set) {
        yield { set, lines };
        lines = [];
      }
      set = name;
      lines.push(entry.slice(space + 1));
    }
    if (set !== undefined) yield { set, lines };
  }
}
