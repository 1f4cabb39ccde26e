/** Gets one backend message: its type byte, and where its payload lies in `bytes`. Must not keep `bytes`. */
export type OnMessage = (type: number, bytes: Buffer, start: number, end: number) => void;

const headerSize = 5;
const maxMessageSize = 1 << 30;

/** Cuts the byte stream of the backend into messages, however the network has cut it. */
export class WireReader {
  readonly #onMessage: OnMessage;
  /** Bytes of a message that has not arrived whole: `#rest[0, #kept)`. */
  #rest: Buffer = Buffer.alloc(0);
  #kept = 0;

  constructor(onMessage: OnMessage) {
    this.#onMessage = onMessage;
  }

  /** @throws RangeError for a length no server sends; the stream cannot be read any further. */
  push(chunk: Buffer): void {
    const bytes = this.#kept === 0 ? chunk : this.#append(chunk);
    let offset = 0;
    while (bytes.length - offset >= headerSize) {
      const end = offset + 1 + messageSize(bytes, offset);
      if (end > bytes.length) break;
      this.#onMessage(bytes[offset] ?? 0, bytes, offset + headerSize, end);
      offset = end;
    }
    this.#keep(bytes, offset);
  }

  #append(chunk: Buffer): Buffer {
    const size = this.#kept + chunk.length;
    if (size > this.#rest.length) {
      const known = this.#kept >= headerSize ? messageSize(this.#rest, 0) + 1 : 0;
      const larger = Buffer.allocUnsafeSlow(Math.max(size, Math.min(known, size * 2)));
      this.#rest.copy(larger, 0, 0, this.#kept);
      this.#rest = larger;
    }
    chunk.copy(this.#rest, this.#kept);
    this.#kept = size;
    return this.#rest.subarray(0, size);
  }

  #keep(bytes: Buffer, offset: number): void {
    const left = bytes.length - offset;
    if (left > 0 && (offset > 0 || this.#kept === 0)) this.#rest = Buffer.from(bytes.subarray(offset));
    else if (left === 0 && this.#kept > 0) this.#rest = Buffer.alloc(0);
    this.#kept = left;
  }
}

function messageSize(bytes: Buffer, offset: number): number {
  const size = bytes.readUInt32BE(offset + 1);
  if (size < 4 || size > maxMessageSize) throw new RangeError('the server sent a message of impossible size');
  return size;
}
