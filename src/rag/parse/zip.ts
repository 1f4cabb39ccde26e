import { promisify } from 'node:util';
import { fromBuffer, type Entry, type Options, type ZipFile } from 'yauzl';
import { BulkheadError } from '../../core/errors.ts';
import type { ParseLimits } from './structured.ts';

const open = promisify<Buffer, Options, ZipFile>(fromBuffer);
const maxEntries = 10_000;

/**
 * The named entries of a ZIP file, inflated. What the directory declares is added up before anything is inflated, and what comes
 * out is counted while it does: a directory can lie.
 * @throws document_unreadable, document_too_large
 */
export async function readZipEntries(
  bytes: Uint8Array,
  names: readonly string[],
  limits: ParseLimits,
): Promise<ReadonlyMap<string, Buffer>> {
  const zip = await open(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), {
    lazyEntries: true,
    autoClose: false,
    validateEntrySizes: true,
  }).catch((cause: unknown) => {
    throw broken(cause);
  });
  try {
    const entries = await readDirectory(zip);
    const declared = entries.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0);
    const limit = Math.min(
      limits.maxInflatedBytes,
      Math.max(bytes.byteLength, 64 * 1024) * limits.maxInflation,
    );
    if (declared > limit || entries.length > maxEntries) throw bomb(limit);
    const wanted = entries.filter(({ fileName }) => names.includes(fileName));
    const found = new Map<string, Buffer>();
    let left = limit;
    for (const entry of wanted) {
      const content = await inflate(zip, entry, left);
      left -= content.length;
      found.set(entry.fileName, content);
    }
    return found;
  } finally {
    zip.close();
  }
}

function readDirectory(zip: ZipFile): Promise<readonly Entry[]> {
  return new Promise((resolve, reject) => {
    const entries: Entry[] = [];
    zip.on('entry', (entry: Entry) => {
      entries.push(entry);
      zip.readEntry();
    });
    zip.once('end', () => resolve(entries));
    zip.once('error', (cause) => reject(broken(cause)));
    zip.readEntry();
  });
}

function inflate(zip: ZipFile, entry: Entry, left: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (cause, stream) => {
      if (cause !== null || stream === undefined) return reject(broken(cause));
      const pieces: Buffer[] = [];
      let length = 0;
      stream.on('data', (piece: Buffer) => {
        length += piece.length;
        if (length > left) {
          stream.destroy();
          return reject(bomb(left));
        }
        pieces.push(piece);
      });
      stream.once('end', () => resolve(Buffer.concat(pieces)));
      stream.once('error', (error) => reject(broken(error)));
    });
  });
}

function broken(cause: unknown): BulkheadError {
  return new BulkheadError(
    'document_unreadable',
    { field: 'content', reason: 'its ZIP container is broken; save the document again' },
    { cause },
  );
}

function bomb(limit: number): BulkheadError {
  return new BulkheadError('document_too_large', {
    field: 'content',
    limit,
    reason: 'it unpacks to far more than a document holds',
  });
}
