// The answer to a bundle request, read while it arrives: a count, that many lengths (all 32-bit
// little-endian), then the JPEGs in the order they were asked for.

const MOST_BYTES_OF_A_TILE = 1 << 26;

export class BundleReader {
  constructor(expected) {
    this.expected = expected;
    this.lengths = null;
    this.done = 0;
    this.chunks = [];
    this.held = 0;
  }

  // Takes what came and returns the tiles that are complete now, as blobs.
  push(chunk) {
    this.chunks.push(chunk);
    this.held += chunk.length;
    if (this.lengths === null && !this.#readLengths()) return [];
    const tiles = [];
    while (this.done < this.expected && this.held >= this.lengths[this.done]) {
      const bytes = this.#take(this.lengths[this.done]);
      tiles.push(bytes.length > 0 ? new Blob([bytes], { type: "image/jpeg" }) : null);
      this.done += 1;
    }
    return tiles;
  }

  get isComplete() {
    return this.done === this.expected;
  }

  #readLengths() {
    const size = 4 * (1 + this.expected);
    if (this.held < 4) return false;
    const first = this.#join();
    const count = new DataView(first.buffer, first.byteOffset).getUint32(0, true);
    if (count !== this.expected) throw new Error("a bundle of another number of tiles");
    if (this.held < size) return false;
    const header = this.#take(size);
    const view = new DataView(header.buffer, header.byteOffset);
    this.lengths = Array.from({ length: count }, (_, i) => view.getUint32(4 * (i + 1), true));
    if (this.lengths.some((length) => length > MOST_BYTES_OF_A_TILE)) {
      throw new Error("a bundle with a tile too large to be one");
    }
    return true;
  }

  #join() {
    if (this.chunks.length !== 1) {
      const all = new Uint8Array(this.held);
      let at = 0;
      for (const chunk of this.chunks) {
        all.set(chunk, at);
        at += chunk.length;
      }
      this.chunks = [all];
    }
    return this.chunks[0];
  }

  #take(length) {
    const all = this.#join();
    const taken = all.subarray(0, length);
    this.chunks = [all.subarray(length)];
    this.held -= length;
    return taken;
  }
}
