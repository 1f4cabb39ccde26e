import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WireReader } from '../../src/drivers/wire/wire-reader.ts';

function message(type: string, payload: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(type, 'latin1');
  header.writeUInt32BE(payload.length + 4, 1);
  return Buffer.concat([header, payload]);
}

function read(chunks: readonly Buffer[]): string[] {
  const seen: string[] = [];
  const reader = new WireReader((type, bytes, start, end) =>
    seen.push(`${String.fromCharCode(type)}:${bytes.toString('hex', start, end)}`),
  );
  for (const chunk of chunks) reader.push(chunk);
  return seen;
}

const parts = [
  ['Z', Buffer.from('I')],
  ['1', Buffer.alloc(0)],
  ['D', Buffer.alloc(300, 7)],
  ['S', Buffer.from('name\0value\0')],
  ['2', Buffer.alloc(0)],
] as const;
const stream = Buffer.concat(parts.map(([type, payload]) => message(type, payload)));
const expected = parts.map(([type, payload]) => `${type}:${payload.toString('hex')}`);

test('messages are the same wherever the network cuts them in two', () => {
  for (let cut = 0; cut <= stream.length; cut += 1)
    expect(read([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(expected);
});

test('messages are the same byte by byte, and in any pieces', () => {
  expect(read(Array.from(stream, (_, index) => stream.subarray(index, index + 1)))).toEqual(expected);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 30 }), (sizes) => {
      const twice = Buffer.concat([stream, stream]);
      const chunks: Buffer[] = [];
      for (let at = 0, turn = 0; at < twice.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        chunks.push(twice.subarray(at, at + size));
        at += size;
      }
      expect(read(chunks)).toEqual([...expected, ...expected]);
    }),
  );
});

test('a length that no server sends is an error, not a wait for ever', () => {
  expect(() => read([Buffer.from([0x5a, 0, 0, 0, 3])])).toThrow(RangeError);
  expect(() => read([Buffer.from([0x5a, 0xff, 0xff, 0xff, 0xff])])).toThrow(RangeError);
});
