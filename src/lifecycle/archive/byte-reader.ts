import { cutOff, refused } from './refusal.ts';

/** Takes exact numbers of bytes from a stream whose chunks end anywhere. */
export class ByteReader implements AsyncDisposable {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  /** @returns fewer only at the end */
  async takeUpTo(size: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let missing = size;
    while (missing > 0) {
      if (this.#held.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) break;
        this.#held = next.value;
      }
      const part = this.#held.subarray(0, missing);
      parts.push(part);
      this.#held = this.#held.subarray(part.length);
      missing -= part.length;
    }
    const [only] = parts;
    return parts.length === 1 && only !== undefined
      ? Buffer.from(only.buffer, only.byteOffset, only.length)
      : Buffer.concat(parts);
  }

  /** @throws archive_refused where fewer are left */
  async take(size: number): Promise<Buffer> {
    const bytes = await this.takeUpTo(size);
    if (bytes.length < size) throw refused(cutOff);
    return bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return?.();
  }
}
