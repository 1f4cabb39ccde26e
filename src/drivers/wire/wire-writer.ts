/** A parameter as it travels: text, bytes or null. */
export type WireValue = string | Buffer | null;

const startingSize = 16 * 1024;
const maxParameters = 65_535;

/**
 * Frontend messages of the extended protocol, appended to one buffer, so that batches submitted in one turn
 * leave in one write. pg-protocol's serializer makes one buffer a message, which costs more than encoding them.
 */
export class WireWriter {
  #buffer = Buffer.allocUnsafeSlow(startingSize);
  #length = 0;

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  parse(name: string, text: string): void {
    const start = this.#begin(0x50, (name.length + text.length) * 3 + 4);
    this.#text(name);
    this.#text(text);
    this.#int16(0);
    this.#end(start);
  }

  /** The unnamed portal of statement `name`; results come as text. */
  bind(name: string, values: readonly WireValue[]): void {
    const start = this.#begin(0x42, name.length * 3 + values.length * 2 + 16);
    this.#buffer[this.#length++] = 0;
    this.#text(name);
    this.#formats(values);
    this.#int16(values.length);
    for (const value of values) this.#value(value);
    this.#reserve(2);
    this.#int16(0);
    this.#end(start);
  }

  describePortal(): void {
    const start = this.#begin(0x44, 2);
    this.#buffer[this.#length++] = 0x50;
    this.#buffer[this.#length++] = 0;
    this.#end(start);
  }

  /** `maxRows` 0 = all. */
  execute(maxRows: number): void {
    const start = this.#begin(0x45, 5);
    this.#buffer[this.#length++] = 0;
    this.#int32(maxRows);
    this.#end(start);
  }

  closeStatement(name: string): void {
    const start = this.#begin(0x43, name.length * 3 + 2);
    this.#buffer[this.#length++] = 0x53;
    this.#text(name);
    this.#end(start);
  }

  sync(): void {
    this.#end(this.#begin(0x53, 0));
  }

  simpleQuery(text: string): void {
    const start = this.#begin(0x51, text.length * 3 + 1);
    this.#text(text);
    this.#end(start);
  }

  /** What was appended since the last call, as a buffer of its own: the socket may hold on to it. */
  take(): Buffer {
    const bytes = Buffer.from(this.#buffer.subarray(0, this.#length));
    this.#length = 0;
    if (this.#buffer.length > 16 * startingSize) this.#buffer = Buffer.allocUnsafeSlow(startingSize);
    return bytes;
  }

  #begin(type: number, payload: number): number {
    this.#reserve(payload + 5);
    this.#buffer[this.#length] = type;
    this.#length += 5;
    return this.#length - 4;
  }

  #end(start: number): void {
    const size = this.#length - start;
    const buffer = this.#buffer;
    buffer[start] = size >>> 24;
    buffer[start + 1] = size >>> 16;
    buffer[start + 2] = size >>> 8;
    buffer[start + 3] = size;
  }

  #formats(values: readonly WireValue[]): void {
    if (!values.some((value) => Buffer.isBuffer(value))) return this.#int16(0);
    this.#int16(values.length);
    for (const value of values) this.#int16(Buffer.isBuffer(value) ? 1 : 0);
  }

  #value(value: WireValue): void {
    if (value === null) {
      this.#reserve(4);
      this.#int32(-1);
    } else if (typeof value === 'string') {
      this.#reserve(value.length * 3 + 4);
      const size = this.#buffer.write(value, this.#length + 4);
      this.#int32(size);
      this.#length += size;
    } else {
      this.#reserve(value.length + 4);
      this.#int32(value.length);
      this.#length += value.copy(this.#buffer, this.#length);
    }
  }

  #text(text: string): void {
    this.#length += this.#buffer.write(text, this.#length);
    this.#buffer[this.#length++] = 0;
  }

  #int16(value: number): void {
    this.#buffer[this.#length++] = value >>> 8;
    this.#buffer[this.#length++] = value;
  }

  #int32(value: number): void {
    this.#buffer[this.#length++] = value >>> 24;
    this.#buffer[this.#length++] = value >>> 16;
    this.#buffer[this.#length++] = value >>> 8;
    this.#buffer[this.#length++] = value;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Whether the protocol can carry the statement at all; checked before a byte of it is written. */
export function fitsWire(text: string, parameters: number): boolean {
  return parameters <= maxParameters && !text.includes('\0');
}
