/** POSIX ustar, and of it only what archives need: plain files with short names. */
import type { ByteReader } from './byte-reader.ts';
import { damaged, refused } from './refusal.ts';

const blockBytes = 512;
const nameBytes = 100;

export interface TarEntry {
  readonly name: string;
  readonly sizeBytes: number;
}

export const endOfTar = Buffer.alloc(2 * blockBytes);

export function toTarHeader(entry: TarEntry, at: Date): Buffer {
  const header = Buffer.alloc(blockBytes);
  const put = (text: string, offset: number): void => void header.write(text, offset, 'latin1');
  put(entry.name, 0);
  put('0000600\0', 100);
  put('0000000\0', 108);
  put('0000000\0', 116);
  put(`${octal(entry.sizeBytes, 11)} `, 124);
  put(`${octal(Math.floor(at.getTime() / 1_000), 11)} `, 136);
  put('        ', 148);
  put('0', 156);
  put('ustar\x0000', 257);
  put(toSumField(header), 148);
  return header;
}

/** What fills the last block of a file. */
export function toTarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
}

export function fitsTarName(name: string): boolean {
  return /^[\x21-\x7e]+$/.test(name) && name.length < nameBytes;
}

/**
 * @returns the entry and its block as it stands, or undefined at the end of the file
 * @throws archive_refused for anything but a plain file: links, folders and devices are nothing we wrote
 */
export async function readTarHeader(
  reader: ByteReader,
): Promise<(TarEntry & { readonly block: Buffer }) | undefined> {
  const block = await reader.take(blockBytes);
  if (block.every((byte) => byte === 0)) {
    await assertEnd(reader);
    return undefined;
  }
  const text = block.toString('latin1');
  const sum = Buffer.from(block);
  sum.fill(0x20, 148, 156);
  const isOurs =
    text.slice(257, 265) === 'ustar\x0000' &&
    text[156] === '0' &&
    text.slice(345, 500) === '\0'.repeat(155) &&
    text.slice(148, 156) === toSumField(sum);
  const name = text.slice(0, nameBytes).replace(/\0+$/, '');
  const size = /^([0-7]{11}) $/.exec(text.slice(124, 136))?.[1];
  if (!isOurs || size === undefined || !fitsTarName(name)) throw refused(damaged);
  return { name, sizeBytes: Number.parseInt(size, 8), block };
}

async function assertEnd(reader: ByteReader): Promise<void> {
  const second = await reader.take(blockBytes);
  const rest = await reader.takeUpTo(1);
  if (second.some((byte) => byte !== 0) || rest.length > 0) throw refused(damaged);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

/** Of a header whose own field is spaces. */
function toSumField(header: Buffer): string {
  const sum = header.reduce((total, byte) => total + byte, 0);
  return `${octal(sum, 6)}\0 `;
}
