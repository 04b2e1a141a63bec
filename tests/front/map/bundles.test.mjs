import assert from "node:assert/strict";
import test from "node:test";

import { BundleReader } from "../../../wsi_lab/front/map/bundles.mjs";

export function bundleOf(tiles) {
  const header = new DataView(new ArrayBuffer(4 * (1 + tiles.length)));
  header.setUint32(0, tiles.length, true);
  tiles.forEach((tile, i) => header.setUint32(4 * (i + 1), tile.length, true));
  const parts = [new Uint8Array(header.buffer), ...tiles.map((tile) => Uint8Array.from(tile))];
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

async function bytesOf(blobs) {
  return Promise.all(blobs.map(async (blob) => [...new Uint8Array(await blob.arrayBuffer())]));
}

const TILES = [[1, 2, 3], [4], [5, 6, 7, 8, 9], [10, 11]];

for (const size of [1, 2, 3, 5, 7, 19, 100]) {
  test(`a bundle that arrives in pieces of ${size} bytes gives its tiles in order`, async () => {
    const bytes = bundleOf(TILES);
    const reader = new BundleReader(TILES.length);
    const blobs = [];
    for (let at = 0; at < bytes.length; at += size) {
      blobs.push(...reader.push(bytes.subarray(at, at + size)));
    }
    assert.deepEqual(await bytesOf(blobs), TILES);
    assert.ok(reader.isComplete);
  });
}

test("a tile is given as soon as it is there, before the bundle ends", () => {
  const reader = new BundleReader(2);
  const bytes = bundleOf([
    [1, 2],
    [3, 4],
  ]);
  assert.equal(reader.push(bytes.subarray(0, 14)).length, 1);
  assert.ok(!reader.isComplete);
});

test("a tile without bytes is said to be missing", () => {
  const tiles = new BundleReader(2).push(bundleOf([[], [1]]));
  assert.equal(tiles[0], null);
  assert.equal(tiles[1].size, 1);
});

test("a bundle of another number of tiles is refused", () => {
  assert.throws(() => new BundleReader(3).push(bundleOf(TILES)), /another number/);
});

test("a length no tile has is refused before anything that long is waited for", () => {
  const bytes = new Uint8Array([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
  assert.throws(() => new BundleReader(1).push(bytes), /too large/);
});

test("a login page in place of a bundle is refused", () => {
  assert.throws(() => new BundleReader(4).push(new TextEncoder().encode("<html>login</html>")));
});
