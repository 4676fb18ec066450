// A source, cut into chunks of one size, each checked by its caller.
import type { Bytes } from './manifest.ts';
import type { SourceFile } from './source.ts';

/** Reads chunks by number. Consecutive chunks share one reading of the source. */
export class ChunkReader {
  private pieces: AsyncGenerator<Bytes> | undefined;
  private rest: Bytes = new Uint8Array(0);
  private next = 0;
  private end: number | undefined;

  constructor(
    private readonly source: SourceFile, private readonly size: number,
    private readonly onBytes: (bytes: number, position: number) => void,
  ) {}

  /** Chunk `index`; shorter than a whole chunk, or empty, where the source ends. `until`: the
   *  chunks from `index` to before it are wanted. */
  async read(index: number, until: number | undefined): Promise<Bytes> {
    if (!this.pieces || index !== this.next || index === this.end) {
      await this.close();
      this.end = until;
      this.pieces = this.source.read(index * this.size, until === undefined ? undefined : until * this.size);
    }
    this.next = index + 1;
    return this.fill(index * this.size);
  }

  async close(): Promise<void> {
    this.rest = new Uint8Array(0);
    const pieces = this.pieces;
    this.pieces = undefined;
    await pieces?.return(undefined);
  }

  private async fill(position: number): Promise<Bytes> {
    const chunk = new Uint8Array(this.size);
    let length = 0;
    while (length < this.size) {
      if (this.rest.length === 0) {
        const { done, value } = await this.pieces!.next();
        if (done) break;
        this.rest = value;
      }
      const part = this.rest.subarray(0, this.size - length);
      chunk.set(part, length);
      length += part.length;
      this.rest = this.rest.subarray(part.length);
      this.onBytes(part.length, position + length);
    }
    return length === this.size ? chunk : chunk.slice(0, length);
  }
}
